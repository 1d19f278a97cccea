/** Owners of slots, and the moves between two states of a cluster. */
import { parseClusterNodes } from "../../cluster/parse";
import type { SlotMove } from "../../cluster/plan/types";
import { expandRanges, toRanges } from "../../cluster/slots";
import type { BareCluster } from "../../test/support/bare-cluster";

/** Owner's name by slot, as one node sees it. */
export type Owners = ReadonlyMap<number, string>;

export async function ownersSeenBy(cluster: BareCluster, node: string): Promise<Owners> {
  const view = parseClusterNodes(String(await (await cluster.client(node)).call("CLUSTER", "NODES")));
  const owners = new Map<number, string>();
  for (const line of [view.myself, ...view.peers]) {
    const name = cluster.nodes.find((known) => known.id === line.id)?.name ?? line.id;
    for (const slot of expandRanges(line.slots)) owners.set(slot, name);
  }
  return owners;
}

/** Whether all nodes, replicas included, see the same owners of all slots. */
export async function agreed(cluster: BareCluster): Promise<boolean> {
  const views = await Promise.all(cluster.nodes.map((node) => ownersSeenBy(cluster, node.name)));
  const [first] = views;
  return views.every(
    (view) => view.size === first?.size && [...view].every(([slot, name]) => first.get(slot) === name),
  );
}

export function movesBetween(before: Owners, after: Owners): SlotMove[] {
  const legs = new Map<string, { source: string; target: string; slots: number[] }>();
  for (const [slot, source] of before) {
    const target = after.get(slot);
    if (target === undefined || target === source) continue;
    const leg = legs.get(`${source} ${target}`) ?? { source, target, slots: [] };
    leg.slots.push(slot);
    legs.set(`${source} ${target}`, leg);
  }
  return [...legs.values()].map(({ source, target, slots }) => ({ source, target, slots: toRanges(slots) }));
}
