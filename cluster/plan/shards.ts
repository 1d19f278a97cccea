/** Which live node leads which declared shard. Pure. */
import { countSlots } from "../slots";
import type { NodeSpec } from "../spec";
import type { Survey } from "../survey";
import type { NodeUp } from "../view";

export interface ShardState {
  readonly index: number;
  /** Declared members in order; those that are up. */
  readonly members: readonly NodeUp[];
  /** The member that leads the shard now, or will: owner of slots, else the first that is a primary. */
  readonly primary: NodeUp | undefined;
  /** Further members that own slots and should not. */
  readonly extras: readonly NodeUp[];
}

export function shardStates(s: Survey): ShardState[] {
  return s.spec.shards.map((_, index) => {
    const members = s.spec.nodes
      .filter((node: NodeSpec) => node.shard === index)
      .flatMap((node) => s.up.get(node.name) ?? []);
    const owners = members
      .filter((node) => node.role === "primary" && node.slots.length > 0)
      .sort((a, b) => countSlots(b.slots) - countSlots(a.slots) || (a.name < b.name ? -1 : 1));
    const primary =
      owners[0] ?? members.find((node) => node.role === "primary" && leads(s, node)) ?? firstPrimary(members);
    return { index, members, primary, extras: owners.slice(1) };
  });
}

function firstPrimary(members: readonly NodeUp[]): NodeUp | undefined {
  return members.find((node) => node.role === "primary");
}

/** Whether some reachable node replicates this one. */
function leads(s: Survey, node: NodeUp): boolean {
  return [...s.up.values()].some((other) => other.primaryId === node.id);
}
