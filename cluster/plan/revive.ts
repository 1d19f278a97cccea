/** Nodes, leaving ones with slots included, whose process is proven not to run: their shards get a primary at once, then they are started. */
import { expandRanges } from "../slots";
import { addressOf } from "../spec";
import type { Survey } from "../survey";
import type { NodeUp, PeerView } from "../view";
import type { Step } from "./types";

/**
 * Forced failovers first, then the starts. `fenced` is the point: CLUSTER FAILOVER FORCE is only planned where the host
 * says that the process is gone, never for a node that merely does not answer, and it still needs the majority's vote.
 */
export function reviveSteps(s: Survey): Step[] {
  const stopped = [...s.down.values()].filter((node) => node.process === "stopped").map((node) => node.name);
  if (stopped.length === 0) return [];
  return [
    ...forcedFailovers(s, stopped),
    { kind: "startNodes", nodes: stopped, reason: `not running: ${stopped.join(", ")}` },
  ];
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
