/**
 * What takes a restart: one node at a time, replicas first, primaries handed over before.
 *
 * Order and its reasons, per shard:
 * 1. its replicas one by one. The executor waits for link and offset in between, so that the shard always keeps all the
 *    copies but one. In a version change this makes every replica newer than its primary: a newer replica reads an older
 *    primary's copy and stream, the other way round fails (7.0 writes RDB 10, 6.2 reads up to 9);
 * 2. a failover to one of them, which is loss-free because the replica is in sync and clients are paused meanwhile;
 * 3. the old primary, a replica by now.
 */
import { formatRanges } from "../slots";
import type { ClusterSpec, NodeSpec } from "../spec";
import type { Survey } from "../survey";
import type { NodeUp } from "../view";
import { crowding } from "./failback";
import type { ShardState } from "./shards";
import type { Step } from "./types";

/** What decides whether a running node has to restart. */
export type Running = Pick<NodeUp, "version" | "settings"> & {
  readonly installedVersion?: string | undefined;
};

/**
 * Why the node must restart, one phrase a reason; empty: it need not.
 * A version that the host would not start anyway is no reason (plan/versions.ts refuses or `rollingChange` warns), and a
 * directive that this version does not answer (CONFIG GET) cannot be compared.
 */
export function restartReasons(spec: ClusterSpec, node: NodeSpec, running: Running): string[] {
  const { version, settings } = running;
  if (changesVersion(spec, running)) return [`runs ${version}, declared is ${spec.version}`];
  const live = new Set(spec.liveDirectives);
  return Object.entries(node.directives)
    .filter(([name, value]) => !live.has(name) && settings[name] !== undefined && settings[name] !== value)
    .map(
      ([name, value]) =>
        `${name} is ${settings[name] || "nothing"}, declared is ${value || "nothing"}, which only a restart changes`,
    );
}

/** Whether a restart would bring the declared version. */
export function changesVersion(spec: ClusterSpec, running: Omit<Running, "settings">): boolean {
  const { version, installedVersion = spec.version } = running;
  return version !== spec.version && installedVersion === spec.version;
}

export interface Rolling {
  readonly steps: readonly Step[];
  readonly warnings: readonly string[];
  /** Who leads each shard afterwards: shard index to node name. */
  readonly leaders: ReadonlyMap<number, string>;
}

/** Plans the restarts of all shards. For a cluster in which no node is down and every slot has one owner. */
export function rollingChange(s: Survey, shards: readonly ShardState[]): Rolling {
  const due = new Map<string, string>();
  for (const node of s.spec.nodes) {
    const up = s.up.get(node.name);
    if (!up) continue;
    const running = { ...up, installedVersion: up.host.installedVersion };
    const reasons = restartReasons(s.spec, node, running);
    if (reasons.length > 0) due.set(node.name, reasons.join("; "));
  }
  const leaders = new Map(
    shards.flatMap(({ index, primary }) => (primary ? [[index, primary.name] as const] : [])),
  );
  const steps: Step[] = [];
  const warnings = versionWarnings(s);
  for (const shard of shards) {
    steps.push(...shardSteps(s, shard, due, leaders));
    warnings.push(...shardWarnings(shard, due));
  }
  return { steps, warnings, leaders };
}

function shardSteps(
  s: Survey,
  shard: ShardState,
  due: ReadonlyMap<string, string>,
  leaders: Map<number, string>,
): Step[] {
  const { primary } = shard;
  const replicas = replicasOf(shard);
  const steps: Step[] = replicas.flatMap((node) => restart(node.name, due));
  if (!primary || !due.has(primary.name)) return steps;
  const heir = primary.slots.length > 0 ? chooseHeir(s, shard.index, replicas, leaders) : undefined;
  if (heir) {
    leaders.set(shard.index, heir.name);
    steps.push({
      kind: "failover",
      shard: shard.index,
      replica: heir.name,
      primary: primary.name,
      mode: "planned",
      reason: `${primary.name} must restart, so ${heir.name} takes its slots first`,
    });
  }
  return [...steps, ...restart(primary.name, due)];
}

function restart(node: string, due: ReadonlyMap<string, string>): Step[] {
  const reason = due.get(node);
  return reason === undefined ? [] : [{ kind: "restartNode", node, reason: `${node} ${reason}` }];
}

function replicasOf({ members, primary }: ShardState): NodeUp[] {
  return members.filter((node) => primary !== undefined && node.primaryId === primary.id);
}

/** The replica with which the fewest primaries share a zone afterwards; among equals the first declared. */
function chooseHeir(
  s: Survey,
  shard: number,
  replicas: readonly NodeUp[],
  leaders: ReadonlyMap<number, string>,
): NodeUp | undefined {
  const after = (node: NodeUp) => crowding(s.specOf, new Map(leaders).set(shard, node.name));
  return replicas.reduce<NodeUp | undefined>(
    (best, node) => (best && after(best) <= after(node) ? best : node),
    undefined,
  );
}

function shardWarnings(shard: ShardState, due: ReadonlyMap<string, string>): string[] {
  const { primary, members, index } = shard;
  const replicas = replicasOf(shard);
  if (!primary || !members.some((node) => due.has(node.name))) return [];
  if (replicas.length === 0 && primary.slots.length > 0)
    return [
      `shard ${index + 1} has no replica: while ${primary.name} restarts nobody serves slots ${formatRanges(primary.slots)}, ` +
        "and with cluster-require-full-coverage the whole cluster stops when that lasts longer than the node timeout",
    ];
  const needed = Number(primary.settings[MIN_REPLICAS] ?? primary.settings[MIN_SLAVES] ?? 0);
  if (replicas.length === 0 || needed < replicas.length) return [];
  return [
    `shard ${index + 1} has ${replicas.length} replica${replicas.length === 1 ? "" : "s"} and ${MIN_REPLICAS} is ${needed}: ` +
      "its primary refuses writes (NOREPLICAS) while one of them restarts",
  ];
}

const MIN_REPLICAS = "min-replicas-to-write";
const MIN_SLAVES = "min-slaves-to-write";

/** Versions that a restart will not bring about, and patch releases that are taken back. */
function versionWarnings(s: Survey): string[] {
  const wanted = s.spec.version;
  return s.spec.nodes.flatMap(({ name }) => {
    const node = s.up.get(name);
    const installed = node?.host.installedVersion ?? wanted;
    if (!node || node.version === wanted) return [];
    if (installed !== wanted)
      return [`${name} runs ${node.version}; declared is ${wanted}, and its host would start ${installed}`];
    return isNewerPatch(node.version, wanted)
      ? [`${name} goes back from ${node.version} to ${wanted}: what was fixed in between is open again`]
      : [];
  });
}

function isNewerPatch(version: string, other: string): boolean {
  return version.localeCompare(other, "en", { numeric: true }) > 0;
}
