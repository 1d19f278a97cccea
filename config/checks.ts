/** What no single field shows: how the fields of a declaration fit together. */
import type { PlannedNode } from "../topology";
import { ABSENT, type Problem, printable } from "./error";
import { DEFAULTS, type StackValues, SUPPORTED_LINES } from "./schema";

const MAX_PORT = 65_535;

/** Every problem between fields, each field by itself being good. `shards` is the number that results. */
export function crossFieldProblems(
  values: StackValues,
  shards: number,
  directives: Readonly<Record<string, string>>,
  supportedVersions: readonly string[] | undefined,
): Problem[] {
  return [
    ...versionProblems(values, (supportedVersions ?? SUPPORTED_LINES).filter(isOfKnownLine)),
    ...sourceProblems(values),
    ...weightProblems(values, shards),
    ...replicaProblems(values, directives),
  ];
}

function versionProblems(
  { redisVersion, redisSource }: StackValues,
  supported: readonly string[],
): Problem[] {
  // A source of the user's own may be any release of a line that the kit knows.
  const accepted = redisSource === undefined ? supported : [...supported, ...SUPPORTED_LINES];
  if (accepted.some((entry) => redisVersion === entry || redisVersion.startsWith(`${entry}.`))) return [];
  return [
    {
      property: "redisVersion",
      value: printable(redisVersion),
      expected: `one of ${supported.map((entry) => (/^\d+\.\d+$/.test(entry) ? `${entry}.x` : entry)).join(", ")}`,
      cure: `pulumi config set redisVersion ${nearestVersion(redisVersion, supported)}; for another release of a known line set redisSource as well`,
    },
  ];
}

/** Of a line whose directives are known: what else could be installed would be configured by guess. */
function isOfKnownLine(version: string): boolean {
  return SUPPORTED_LINES.some((line) => version === line || version.startsWith(`${line}.`));
}

/** The last supported release of the same line; where there is none, the default. */
function nearestVersion(version: string, supported: readonly string[]): string {
  const patch = (entry: string) => Number(entry.split(".")[2]);
  const line = version.slice(0, version.lastIndexOf(".") + 1);
  const candidates = supported.filter((entry) => entry.startsWith(line) && patch(entry) >= 0);
  return candidates.sort((one, other) => patch(other) - patch(one))[0] ?? DEFAULTS.redisVersion;
}

function sourceProblems({ redisSource, redisSourceSha256 }: StackValues): Problem[] {
  const isUrl = redisSource?.startsWith("http") ?? false;
  if (isUrl && redisSourceSha256 === undefined) {
    return [
      {
        property: "redisSourceSha256",
        value: ABSENT,
        expected: "the sha256 of what redisSource names, because a URL may answer anything",
        cure: "pulumi config set redisSourceSha256 $(curl -fsSL URL | sha256sum | cut -c1-64)",
      },
    ];
  }
  if (redisSource === undefined && redisSourceSha256 !== undefined) {
    return [
      {
        property: "redisSourceSha256",
        value: printable(redisSourceSha256),
        expected: "nothing, since redisSource is not set",
        cure: "pulumi config rm redisSourceSha256, or set redisSource",
      },
    ];
  }
  return [];
}

/** Each shard needs one slot at least: a primary without slots is no primary. */
function weightProblems({ weights }: StackValues, shards: number): Problem[] {
  if (weights === undefined) return [];
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const tooSmall = weights.some((weight) => (weight / total) * 16_384 < 1);
  if (weights.length === shards && !tooSmall) return [];
  return [
    {
      property: "weights",
      value: printable(weights),
      expected: `${shards} positive numbers, one a shard, none below a 16384th of their sum`,
      cure: "pulumi config rm weights, or one number a shard: weights: [1, 1, 1]",
    },
  ];
}

function replicaProblems(
  { replicasPerShard }: StackValues,
  directives: Readonly<Record<string, string>>,
): Problem[] {
  const needed = Number(directives["min-replicas-to-write"] ?? 0);
  if (needed <= replicasPerShard) return [];
  return [
    {
      property: "redis.min-replicas-to-write",
      value: printable(needed),
      expected: `at most ${replicasPerShard}, the replicasPerShard: no primary would take a write`,
      cure: `pulumi config set replicasPerShard ${needed}, or pulumi config rm --path 'redis.min-replicas-to-write'`,
    },
  ];
}

/** Ports that are out of range or used twice on one address, the bus ports included. One problem a node at most. */
export function addressProblems(nodes: readonly PlannedNode[]): Problem[] {
  const users = new Map<string, string>();
  const problems: Problem[] = [];
  for (const { name, host, port, busPort } of nodes) {
    const taken = [port, busPort].find((each) => users.has(`${host}:${each}`));
    if (port < 1 || busPort > MAX_PORT) {
      problems.push(portProblem(`port ${port} and bus port ${busPort} of ${name}`, "ports from 1 to 65535"));
    } else if (taken !== undefined) {
      const other = users.get(`${host}:${taken}`) ?? "";
      problems.push(
        portProblem(`${host}:${taken} of ${name}`, `an address of its own; ${other} has this one`),
      );
    }
    for (const each of [port, busPort]) users.set(`${host}:${each}`, name);
  }
  return problems;
}

function portProblem(value: string, expected: string): Problem {
  return {
    property: "basePort",
    value,
    expected,
    cure: "pulumi config set basePort 7000, or declare fewer shards or replicas",
  };
}
