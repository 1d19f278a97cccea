/** Instance types against memory and image, and what must not be open. */
import { type Problem, printable } from "../error";
import { isOpenToTheWorld } from "./cidr";
import { type Architecture, architectureOf, INSTANCE_TYPES } from "./instance-types";
import type { AwsValues } from "./schema";

const GIB = 1024 ** 3;

/** Of a server's memory, at most this for maxmemory: the system, buffers of clients and of replication need the rest. */
const MOST_MEMORY = 0.85;
/** Above this a fork under writes (append-only file, full copies) can need more memory than there is. */
const SAFE_MEMORY = 0.65;

export function openWorldProblems(values: AwsValues): Problem[] {
  if (values.exposeToTheWholeInternet) return [];
  return (["clientCidrs", "sshCidrs"] as const).flatMap((key) =>
    values[key]
      .filter((cidr) => isOpenToTheWorld(cidr))
      .map((cidr) => ({
        property: `aws.${key}`,
        value: printable(cidr),
        expected:
          "blocks of your own: this one is the whole internet, or a part of it that is bigger than anybody's (a /8)",
        cure: "name the networks that clients are in; if the whole internet is really meant: pulumi config set --path aws.exposeToTheWholeInternet true",
      })),
  );
}

const LISTS = ["clientSecurityGroups", "clientCidrs", "monitoringSecurityGroups", "sshCidrs"] as const;

/** Each entry becomes a rule of its own, named after it. */
export function repeatedProblems(values: AwsValues): Problem[] {
  return LISTS.flatMap((key) => {
    const list: readonly string[] = values[key];
    const repeated = [...new Set(list.filter((entry, index) => list.indexOf(entry) < index))];
    return repeated.map((entry) => ({
      property: `aws.${key}`,
      value: printable(entry),
      expected: "every entry once: it is there twice",
      cure: `pulumi config rm --path "aws.${key}[${list.lastIndexOf(entry)}]"`,
    }));
  });
}

/** AWS keeps these names for itself and refuses whatever has one, in any mixture of capitals. */
export function tagProblems({ tags }: AwsValues): Problem[] {
  return Object.keys(tags)
    .filter((name) => /^aws:/i.test(name))
    .map((name) => ({
      property: "aws.tags",
      value: printable(name),
      expected: "names of your own: those that begin with aws: are AWS's",
      cure: `pulumi config rm --path 'aws.tags["${name}"]'`,
    }));
}

/** https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/placement-strategies.html#placement-groups-spread */
const MOST_SPREAD = 7;

export function spreadProblems(
  { spreadPlacement }: Pick<AwsValues, "spreadPlacement">,
  nodes: readonly { readonly zone: string }[],
): Problem[] {
  if (!spreadPlacement) return [];
  const zones = [...new Set(nodes.map(({ zone }) => zone))];
  const counted = zones.map((zone) => [zone, nodes.filter((node) => node.zone === zone).length] as const);
  return counted
    .filter(([, count]) => count > MOST_SPREAD)
    .slice(0, 1)
    .map(([zone, count]) => ({
      property: "aws.spreadPlacement",
      value: "true",
      expected: `at most ${MOST_SPREAD} servers a zone, which is what AWS spreads; ${zone} has ${count}`,
      cure: "pulumi config set --path aws.spreadPlacement false before the first up, or declare fewer shards or more zones",
    }));
}

/** An instance type by its name, with what AWS says of it. */
export interface KnownMachine {
  readonly instanceType: string;
  readonly memoryGib: number;
  readonly architecture: Architecture;
}

export function machineProblems(values: AwsValues, redis: Readonly<Record<string, string>>): Problem[] {
  const type = knownMachine(values.instanceType);
  return type === undefined ? [] : memoryProblems(type, Number(redis.maxmemory ?? 0));
}

function knownMachine(instanceType: string): KnownMachine | undefined {
  const type = INSTANCE_TYPES[instanceType];
  return type && { instanceType, ...type };
}

/** `maxmemory` in bytes; 0: none is declared. */
export function memoryProblems(type: KnownMachine, maxmemory: number): Problem[] {
  if (maxmemory <= type.memoryGib * GIB * MOST_MEMORY) return [];
  const fitting = Object.entries(INSTANCE_TYPES)
    .filter(
      ([, { memoryGib, architecture }]) =>
        architecture === type.architecture && maxmemory <= memoryGib * GIB * SAFE_MEMORY,
    )
    .sort(([, one], [, other]) => one.usdPerHour - other.usdPerHour)[0]?.[0];
  return [
    {
      property: "redis.maxmemory",
      value: `${gib(maxmemory)} GiB`,
      expected: `at most ${gib(type.memoryGib * GIB * MOST_MEMORY)} GiB on ${type.instanceType}, which has ${type.memoryGib} GiB`,
      cure: `pulumi config set --path redis.maxmemory ${Math.floor(type.memoryGib * 1024 * SAFE_MEMORY)}mb${
        fitting === undefined ? "" : `, or pulumi config set --path aws.instanceType ${fitting}`
      }`,
    },
  ];
}

export function machineWarnings(values: AwsValues, redis: Readonly<Record<string, string>>): string[] {
  const type = knownMachine(values.instanceType);
  if (type === undefined)
    return [
      `aws.instanceType ${values.instanceType} is not in the kit's table: taken for ${architectureOf(values.instanceType)}. The preview asks AWS about it; the estimate leaves it out.`,
    ];
  return memoryWarnings(type, Number(redis.maxmemory ?? 0));
}

/** `maxmemory` in bytes; 0: none is declared. */
export function memoryWarnings(type: KnownMachine, maxmemory: number): string[] {
  if (maxmemory === 0)
    return [
      `redis.maxmemory is not set: a server of ${type.memoryGib} GiB is ended by the system when Redis has filled it. Set it to ${Math.floor(type.memoryGib * 1024 * SAFE_MEMORY)}mb or less.`,
    ];
  if (maxmemory <= type.memoryGib * GIB * SAFE_MEMORY) return [];
  return [
    `redis.maxmemory is ${Math.round((100 * maxmemory) / (type.memoryGib * GIB))} % of ${type.instanceType}'s ${type.memoryGib} GiB: under many writes a snapshot or a full copy may need more than the rest.`,
  ];
}

function gib(bytes: number): string {
  return (bytes / GIB).toFixed(1);
}
