/** Which slots need a repair, from a view alone. Pure. */
import { expandRanges } from "../../slots";
import { SLOT_COUNT } from "../../spec";
import type { NodeUp, View } from "../../view";

export type SlotTrouble =
  /** MIGRATING or IMPORTING somewhere. */
  | "open"
  /** No reachable primary claims it. */
  | "unowned"
  /** More than one does. */
  | "contested"
  /** One claims it, and a reachable node sees another owner. */
  | "disputed";

export interface SlotFinding {
  readonly slot: number;
  readonly trouble: SlotTrouble;
  /** Names of the nodes that claim it, or have a flag for it, or see it elsewhere. */
  readonly nodes: readonly string[];
}

/** What a diagnosis needs of a node that answered. */
export type Teller = Pick<NodeUp, "name" | "id" | "role" | "slots" | "migrating" | "importing" | "peers">;

/**
 * By slot; at most one finding a slot, the worst first: unowned, contested, disputed, open. A dispute may be gossip that is still under
 * way: it counts once a second look shows it again. Keys beside their owner without any flag are not visible here, see `findStrayKeys`.
 */
export function diagnoseSlots(view: View): SlotFinding[] {
  return diagnoseTold(view.nodes.filter((node): node is NodeUp => node.reachable));
}

/** `diagnoseSlots` of what these nodes told, all of them reachable. */
export function diagnoseTold(up: readonly Teller[]): SlotFinding[] {
  if (up.length === 0) return [];
  const claims = table(
    up.filter((node) => node.role === "primary").map((node) => [node.name, expandRanges(node.slots)]),
  );
  const flags = table(
    up.map((node) => [node.name, [...node.migrating, ...node.importing].map((open) => open.slot)]),
  );
  const doubts = table(up.map((node) => [node.name, doubtsOf(node, up)]));
  const findings: SlotFinding[] = [];
  for (let slot = 0; slot < SLOT_COUNT; slot++) {
    const [claimed, flagged, doubted] = [
      claims.get(slot) ?? [],
      flags.get(slot) ?? [],
      doubts.get(slot) ?? [],
    ];
    if (claimed.length === 0) findings.push({ slot, trouble: "unowned", nodes: flagged });
    else if (claimed.length > 1) findings.push({ slot, trouble: "contested", nodes: claimed });
    else if (doubted.length > 0) findings.push({ slot, trouble: "disputed", nodes: doubted });
    else if (flagged.length > 0) findings.push({ slot, trouble: "open", nodes: flagged });
  }
  return findings;
}

/** Slots that `node` ascribes to a reachable primary that does not claim them. */
function doubtsOf(node: Teller, up: readonly Teller[]): number[] {
  return node.peers.flatMap((peer) => {
    const named = up.find((other) => other.id === peer.id);
    if (!named || peer.slots.length === 0) return [];
    const claimed = new Set(named.role === "primary" ? expandRanges(named.slots) : []);
    return expandRanges(peer.slots).filter((slot) => !claimed.has(slot));
  });
}

function table(entries: readonly (readonly [string, readonly number[]])[]): Map<number, string[]> {
  const names = new Map<number, string[]>();
  for (const [name, slots] of entries)
    for (const slot of new Set(slots)) names.set(slot, [...(names.get(slot) ?? []), name]);
  return names;
}
