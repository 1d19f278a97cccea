/** What `heal` asks of the engine: everything that is declared, as it was before, and nothing that is new. Pure. */
import { countSlots } from "../cluster/slots";
import { addressOf, type ClusterSpec } from "../cluster/spec";
import type { View } from "../cluster/view";

/**
 * The declaration with the shares that the shards have now, so that no slot moves for balance, and without the settings,
 * so that nothing restarts for them. A text where the declaration asks for other nodes than there are.
 */
export function healingSpec(spec: ClusterSpec, view: View): ClusterSpec | string {
  const leaving = spec.leaving.filter((node) => isMember(view, addressOf(node)));
  if (leaving.length > 0)
    return `Members, and not declared any more: ${leaving.map(({ name }) => name).join(", ")}.`;
  const isRunning = view.nodes.some((node) => node.reachable && node.slots.length > 0);
  const added = isRunning
    ? spec.nodes.filter((node) => !isMember(view, addressOf(node)) && !hasData(view, node.name))
    : [];
  if (added.length > 0) return `Declared, and no members yet: ${added.map(({ name }) => name).join(", ")}.`;
  const counts = slotCounts(spec, view);
  return {
    ...spec,
    // A shard without any slot has lost them all, or is half-made: then the declared shares are the only ones to go by.
    shards: counts.every((count) => count > 0) ? counts.map((weight) => ({ weight })) : spec.shards,
    nodes: spec.nodes.map(({ configSha256: _, ...node }) => ({ ...node, directives: {} })),
    leaving: [],
  };
}

/** Whether some node that answers knows a member at this address, or one answers from there and owns or copies slots. */
function isMember(view: View, address: string): boolean {
  return view.nodes.some((node) => node.reachable && node.peers.some((peer) => addressOf(peer) === address));
}

function hasData(view: View, name: string): boolean {
  return view.nodes.some((node) => node.name === name && node.data !== "empty");
}

/** Slots that each shard has now; those of a shard whose primary is down as the others remember them. */
function slotCounts(spec: ClusterSpec, view: View): number[] {
  const shardAt = new Map(spec.nodes.map((node) => [addressOf(node), node.shard]));
  const shardOf = new Map(spec.nodes.map((node) => [node.name, node.shard]));
  const owned = new Map<number, number>();
  for (const node of view.nodes) {
    const shard = shardOf.get(node.name);
    if (node.reachable && node.role === "primary" && shard !== undefined)
      owned.set(shard, (owned.get(shard) ?? 0) + countSlots(node.slots));
  }
  const remembered = new Map<number, number>();
  const witness =
    view.nodes.find((node) => node.reachable && node.clusterState === "ok") ??
    view.nodes.find((node) => node.reachable);
  for (const peer of witness?.reachable ? witness.peers : []) {
    const shard = shardAt.get(addressOf(peer));
    if (shard !== undefined && peer.slots.length > 0)
      remembered.set(shard, (remembered.get(shard) ?? 0) + countSlots(peer.slots));
  }
  return spec.shards.map((_, shard) => owned.get(shard) || remembered.get(shard) || 0);
}
