/** What may run after what. Pure. */
import type { Survey } from "../survey";
import type { NodeUp } from "../view";
import type { Finding, Refusal } from "./types";

type Numbers = readonly [major: number, minor: number, patch: number];

/** "7.0.15" as numbers; undefined for anything else ("unknown", a development build's "255.255.255" is a version). */
function numbersOf(version: string): Numbers | undefined {
  const match = /^(\d+)\.(\d+)\.(\d+)/.exec(version);
  return match ? [Number(match[1]), Number(match[2]), Number(match[3])] : undefined;
}

/** Release line as one number that can be compared: 5.0 -> 5000, 6.2 -> 6002. */
function lineRank(version: string): number | undefined {
  const numbers = numbersOf(version);
  return numbers && numbers[0] * 1000 + numbers[1];
}

/** Whether `version` belongs to an older release line (major.minor) than `other`. False where one is not readable. */
export function isOlderLine(version: string, other: string): boolean {
  const [one, two] = [lineRank(version), lineRank(other)];
  return one !== undefined && two !== undefined && one < two;
}

/** Whether a manual failover advances by the cron's ticks alone (6.2 acts at once, redis #7948). */
export function advancesByTicks(version: string): boolean {
  return isOlderLine(version, "6.2.0");
}

/** Whether the server has ACLs: several passwords for one user, from 6.0 on. */
export function hasAcl(version: string): boolean {
  return (numbersOf(version)?.[0] ?? 0) >= 6;
}

/**
 * Going back to an older line is refused: 7.0 writes RDB version 10 (6.2 and 5.0 stop at 9), keeps its append-only file
 * in a folder that 6.2 does not look into and so would start empty, and replicas cannot copy from a newer primary.
 * Within a line the formats are the same, so a patch release may be taken back (plan/rolling.ts warns).
 * Going up may skip lines: every line reads the files and the replication stream of all older ones.
 */
export function versionRefusal(s: Survey, findings: readonly Finding[]): Refusal | undefined {
  const wanted = s.spec.version;
  const declared = s.spec.nodes.flatMap((node) => s.up.get(node.name) ?? []);
  const newer = declared.filter((node) => isOlderLine(wanted, node.version));
  if (newer.length > 0)
    return {
      kind: "refusal",
      findings,
      reason: `declared is Redis ${wanted}, and ${who(newer)} already: an older Redis cannot read what a newer one wrote`,
      cure: `Declare version ${newest(newer.map((node) => node.version))}. To go back all the same, restore a backup that the older version wrote into a new cluster.`,
    };
  const dead = [...s.down.values()].filter(({ host }) => isOlderLine(wanted, host.dataVersion ?? wanted));
  if (dead.length > 0) {
    const wrote = newest(dead.map(({ host }) => host.dataVersion ?? wanted));
    return {
      kind: "refusal",
      findings,
      reason: `declared is Redis ${wanted}, and the data of ${dead.map(({ name }) => name).join(", ")} was written by ${wrote}: an older Redis cannot read it and would start empty`,
      cure: `Declare version ${wrote}. To go back all the same, restore a backup that the older version wrote into a new cluster.`,
    };
  }
  const unfit = declared.filter(
    ({ version, host }) =>
      version !== wanted &&
      host.installedVersion !== undefined &&
      lineRank(host.installedVersion) !== lineRank(wanted),
  );
  if (unfit.length === 0) return undefined;
  return {
    kind: "refusal",
    findings,
    reason: `declared is Redis ${wanted}, and the next start of ${unfit.map((node) => `${node.name} would run ${node.host.installedVersion}`).join(", of ")}`,
    cure: `Install Redis ${wanted} on these hosts, or declare the version that is installed.`,
  };
}

/** "s0-m0, s0-m1 run 7.0.15" */
function who(nodes: readonly NodeUp[]): string {
  const byVersion = new Map<string, string[]>();
  for (const { name, version } of nodes) byVersion.set(version, [...(byVersion.get(version) ?? []), name]);
  return [...byVersion]
    .map(([version, names]) => `${names.join(", ")} run${names.length === 1 ? "s" : ""} ${version}`)
    .join(", ");
}

function newest(versions: readonly string[]): string {
  return versions.reduce((best, version) => (isOlderLine(best, version) ? version : best));
}
