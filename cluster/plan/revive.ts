/** Nodes, leaving ones with slots included, whose process is proven not to run: their shards get a primary at once, then they are started. */
import { expandRanges } from "../slots";
import { addressOf } from "../spec";
import type { Survey } from "../survey";
import type { NodeUp, PeerView } from "../view";
import type { Refusal, Step } from "./types";

/**
 * Forced failovers first, then the starts. A node whose disk is empty waits until a replica of what it was has taken over:
 * the replica goes on copying from its address, and would copy the emptiness within a second (seen on 5.0.6).
 * `fenced` is the point: CLUSTER FAILOVER FORCE is only planned where the host
 * says that the process is gone, never for a node that merely does not answer, and it still needs the majority's vote.
 */
export function reviveSteps(s: Survey): Step[] {
  const stopped = [...s.down.values()].filter((node) => node.process === "stopped").map((node) => node.name);
  if (stopped.length === 0) return [];
  const failovers = forcedFailovers(s, stopped);
  const served = new Set(failovers.map((step) => (step.kind === "failover" ? step.primary : "")));
  const startable = stopped.filter((name) => served.has(name) || !endangers(s, name));
  if (startable.length === 0) return failovers;
  return [
    ...failovers,
    { kind: "startNodes", nodes: startable, reason: `not running: ${startable.join(", ")}` },
  ];
}

/** Whether somebody might copy from this node, were it started: its disk is empty, and its shard's data is elsewhere. */
function endangers(s: Survey, name: string): boolean {
  const spec = s.specOf.get(name);
  if (!spec || s.down.get(name)?.data !== "empty") return false;
  const dead = deadPrimary(s, name);
  if (dead && bestReplica(s, dead.peer)) return true;
  const shard = [...s.specOf.values()].filter((node) => node.shard === spec.shard && node.name !== name);
  const led = shard.some((node) => (s.up.get(node.name)?.slots.length ?? 0) > 0);
  return !led && shard.some((node) => s.down.get(node.name)?.data === "present");
}

/** Only such nodes are left to start, and no majority of primaries to vote for their replicas. */
export function stuck(s: Survey): Pick<Refusal, "reason" | "cure"> | undefined {
  const held = [...s.down.values()].filter((node) => node.process === "stopped").map((node) => node.name);
  if (held.length === 0) return undefined;
  const heirs = held.flatMap((name) => {
    const dead = deadPrimary(s, name);
    return dead ? (bestReplica(s, dead.peer)?.name ?? []) : [];
  });
  return {
    reason: `${held.join(", ")} lost their disks while they owned slots; started empty, their replicas ${heirs.join(", ")} would become as empty, and no majority of primaries is left to vote for these`,
    cure: `Run CLUSTER FAILOVER TAKEOVER on ${heirs.join(" and on ")}, which asks nobody; then run \`up\` again.`,
  };
}

function forcedFailovers(s: Survey, stopped: readonly string[]): Step[] {
  const primaries = new Set<string>();
  for (const node of s.up.values()) {
    if (node.role === "primary" && node.slots.length > 0) primaries.add(node.name);
  }
  const dead = stopped.flatMap((name) => deadPrimary(s, name) ?? []);
  // Votes come from primaries that own slots; without their majority the request would only time out.
  if (primaries.size <= (primaries.size + dead.length) / 2) return [];
  return dead.flatMap(({ name, peer }): Step[] => {
    const heir = bestReplica(s, peer);
    const spec = s.specOf.get(name);
    if (!heir || !spec) return [];
    return [
      {
        kind: "failover",
        shard: spec.shard,
        replica: heir.name,
        primary: name,
        mode: "force",
        reason: `${name} is not running (proven by its host) and owns ${expandRanges(peer.slots).length} slots; what it had not replicated yet is lost`,
      },
    ];
  });
}

/** The stopped node as its peers remember it, if they still give it slots. */
function deadPrimary(s: Survey, name: string): { name: string; peer: PeerView } | undefined {
  const spec = s.specOf.get(name);
  if (!spec) return undefined;
  for (const node of s.up.values()) {
    const peer = node.peers.find((p) => addressOf(p) === addressOf(spec) && p.slots.length > 0);
    if (peer && !stillClaimed(s, peer)) return { name, peer };
  }
  return undefined;
}

/** A node with an old view may still ascribe slots to the dead one after a replica took them. */
function stillClaimed(s: Survey, peer: PeerView): boolean {
  return expandRanges(peer.slots).some((slot) => (s.claims[slot] ?? []).length > 0);
}

/** Of the dead primary's replicas one that stays before one that leaves, then the one that received most; ties by name. */
function bestReplica(s: Survey, primary: PeerView): NodeUp | undefined {
  return [...s.up.values()]
    .filter((node) => node.role === "replica" && node.primaryId === primary.id)
    .sort(
      (a, b) =>
        Number(s.leaving.has(a.name)) - Number(s.leaving.has(b.name)) ||
        b.offset - a.offset ||
        (a.name < b.name ? -1 : 1),
    )[0];
}
