/** What is legal and yet worth a line. */
import { advisoryLine } from "./advisories";

/** Oldest release of the 5.0 line without the faults that merged or lost clusters (fixed in 5.0.10 and 5.0.11). */
const FLOOR_OF_5 = 14;

/** Shorter, and a pause of the machine is taken for a death. In ms. */
const SHORT_NODE_TIMEOUT_MS = 1000;

/** Lines for the operator; `directives` are the complete ones. */
export function directiveWarnings(
  replicasPerShard: number,
  directives: Readonly<Record<string, string>>,
): string[] {
  const timeoutMs = Number(directives["cluster-node-timeout"]);
  const needed = Number(directives["min-replicas-to-write"] ?? 0);
  const lines = [
    replicasPerShard === 0 &&
      "replicasPerShard 0: a node that fails takes its slots and keys with it until it is back. Declare at least 1.",
    needed > 0 &&
      needed === replicasPerShard &&
      `redis.min-replicas-to-write ${needed}: with ${replicasPerShard} replicas per shard, writes stop while one of them restarts.`,
    directives.appendonly === "no" &&
      `redis.appendonly no: a node that crashes comes back ${directives.save === "" ? "empty" : "as of its last snapshot"}, and a primary that comes back so makes its replicas the same.`,
    directives["cluster-replica-no-failover"] === "yes" &&
      "redis.cluster-replica-no-failover yes: no replica takes over when a primary dies.",
    timeoutMs < SHORT_NODE_TIMEOUT_MS &&
      `redis.cluster-node-timeout ${timeoutMs}: a pause of the machine of this many ms is taken for a death. Use ${SHORT_NODE_TIMEOUT_MS} or more.`,
  ];
  return lines.filter((line) => line !== false);
}

/** Lines on the version: known faults of old releases, end of life, open vulnerabilities. */
export function versionWarnings(version: string): string[] {
  const [major, minor, patch = 0] = version.split(".").map(Number);
  const old = major === 5 && minor === 0 && patch < FLOOR_OF_5;
  const lines = [
    old &&
      `Redis ${version}: before 5.0.10 a reused address can merge two clusters, before 5.0.11 a node killed and started again at once can be stopped by its own lock. Set redisVersion 5.0.${FLOOR_OF_5}, the last of its line.`,
    advisoryLine(version),
  ];
  return lines.filter((line) => typeof line === "string");
}

/** Lines on switches that do nothing here, or that should not stay on. */
export function switchWarnings(
  values: { readonly keepPreviousPassword: boolean; readonly acceptDataLoss: boolean },
  version: string,
): string[] {
  const lines = [
    values.keepPreviousPassword &&
      version.startsWith("5.") &&
      `keepPreviousPassword true: Redis ${version} knows one password at a time; clients must be able to try both during a change.`,
    values.acceptDataLoss &&
      "acceptDataLoss true: a shard without data would be replaced by an empty one. Set it back to false when that is done.",
  ];
  return lines.filter((line) => line !== false);
}
