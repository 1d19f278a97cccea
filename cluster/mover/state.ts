/** How far each slot of a move is, from what source and target themselves tell. Pure. */
import type { ClusterNodes } from "../parse";
import { expandRanges } from "../slots";
import { MoveError } from "./types";

/**
 * - `closed`: the source owns it, no flag is set for it anywhere.
 * - `open`: the source owns it; one flag or both are set for exactly this move.
 * - `taken`: the target owns it, the source no longer claims it.
 * - `announced`: the target owns it while the source still claims it: the end of a move, seen before it reached the source.
 */
export type SlotProgress = "closed" | "open" | "taken" | "announced";

export interface SlotState {
  readonly slot: number;
  readonly progress: SlotProgress;
  /** MIGRATING at the source and IMPORTING at the target, for each other. */
  readonly bothFlags: boolean;
}

/** What one node tells about itself, indexed for lookups by slot. */
export interface Claims {
  readonly name: string;
  readonly id: string;
  readonly epoch: number;
  /** Config epochs of the others as this node knows them, by id. */
  readonly epochs: ReadonlyMap<string, number>;
  readonly owned: ReadonlySet<number>;
  readonly migrating: ReadonlyMap<number, string>;
  readonly importing: ReadonlyMap<number, string>;
}

/** @throws MoveError where the node is no primary or another node than expected. */
export function claimsOf(name: string, expectedId: string, nodes: ClusterNodes): Claims {
  const { myself } = nodes;
  if (myself.id !== expectedId)
    throw new MoveError(
      "state",
      `${name} is now node ${myself.id}, expected ${expectedId}: its data was replaced`,
    );
  if (!myself.flags.includes("master"))
    throw new MoveError(
      "state",
      `${name} is no primary any more, it replicates ${myself.primaryId ?? "?"}: a failover happened`,
    );
  return {
    name,
    id: myself.id,
    epoch: myself.epoch,
    epochs: new Map(nodes.peers.map((peer) => [peer.id, peer.epoch])),
    owned: new Set(expandRanges(myself.slots)),
    migrating: new Map(nodes.migrating.map((open) => [open.slot, open.peerId])),
    importing: new Map(nodes.importing.map((open) => [open.slot, open.peerId])),
  };
}

/** @throws MoveError for a slot in a state that only a repair may change. */
export function stateOf(slot: number, source: Claims, target: Claims): SlotState {
  const migratingTo = source.migrating.get(slot);
  const importingFrom = target.importing.get(slot);
  const bothFlags = migratingTo === target.id && importingFrom === source.id;
  if (target.owned.has(slot)) {
    const announced = source.owned.has(slot);
    return { slot, progress: announced ? "announced" : "taken", bothFlags };
  }
  if (!source.owned.has(slot))
    throw new MoveError(
      "state",
      `slot ${slot}: neither ${source.name} nor ${target.name} claims it; it needs a repair first`,
    );
  if (migratingTo !== undefined && migratingTo !== target.id)
    throw new MoveError(
      "state",
      `slot ${slot}: ${source.name} is migrating it to node ${migratingTo}, not to ${target.name}; it needs a repair first`,
    );
  if (importingFrom !== undefined && importingFrom !== source.id)
    throw new MoveError(
      "state",
      `slot ${slot}: ${target.name} is importing it from node ${importingFrom}, not from ${source.name}; it needs a repair first`,
    );
  const open = migratingTo !== undefined || importingFrom !== undefined;
  return { slot, progress: open ? "open" : "closed", bothFlags };
}
