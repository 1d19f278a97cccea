/** Which node should own a slot in doubt, and what leads there without losing a key. Pure. */
import type { SlotEvidence, Witness } from "./evidence";

/** One change to one slot. Each may be repeated; after each, every key is still where it was or at the owner. */
export type RepairAction =
  /** Claims it without being its owner: gives it up in one transaction and keeps its keys, marked as importing. */
  | { readonly kind: "demote"; readonly node: string; readonly owner: string }
  /** SETSLOT NODE of itself, with an epoch above all others' where `bump` is set. */
  | { readonly kind: "own"; readonly node: string; readonly bump: boolean }
  /** SETSLOT NODE of the owner, for a node that sees another one. */
  | { readonly kind: "tell"; readonly node: string; readonly owner: string }
  | { readonly kind: "stable"; readonly node: string }
  /** The move that was begun goes on to its end: the target becomes the owner. */
  | { readonly kind: "forward"; readonly source: string; readonly target: string }
  /** Keys beside the owner come to it. */
  | { readonly kind: "merge"; readonly source: string; readonly target: string };

export interface SlotRepair {
  readonly kind: "repair";
  readonly slot: number;
  readonly owner: string;
  /** Why this owner, for the operator. */
  readonly reason: string;
  /** In order. Empty: nothing is wrong with the slot. */
  readonly actions: readonly RepairAction[];
}

export interface SlotRefusal {
  readonly kind: "refusal";
  readonly slot: number;
  readonly reason: string;
}

/**
 * 1. A node that does not answer keeps what it owns, whatever it takes to get it back (redis-cli's `fix` gives it away).
 * 2. Of several that claim the slot the one with the highest epoch owns it: that is the rule of the cluster itself, and any other choice
 *    would be undone by gossip. Among equal epochs the one that more nodes see, then the one with more keys. Never the node id.
 * 3. Where nobody claims it: the node that the last owner names, then the one with the keys, then the one that imports.
 * 4. A move that is under way at its owner goes on, since its target has what clients wrote meanwhile; otherwise keys beside the owner
 *    are brought to it.
 */
export function planSlotRepair(evidence: SlotEvidence): SlotRepair | SlotRefusal {
  const { slot } = evidence;
  const refusal = absentOwner(evidence);
  if (refusal !== undefined) return { kind: "refusal", slot, reason: refusal };
  const choice = ownerOf(evidence);
  if (typeof choice === "string") return { kind: "refusal", slot, reason: choice };
  const { owner, reason } = choice;
  const roles = ownershipActions(evidence, owner);
  const keys = keyActions(evidence, owner);
  if (typeof keys === "string") return { kind: "refusal", slot, reason: keys };
  return { kind: "repair", slot, owner: owner.name, reason, actions: [...roles, ...keys] };
}

function claimants(evidence: SlotEvidence): readonly Witness[] {
  return evidence.witnesses.filter((node) => node.ownerSeen === node.id);
}

/** Names the silent node that has, or may have, the better right to the slot. */
function absentOwner(evidence: SlotEvidence): string | undefined {
  const best = Math.max(-1, ...claimants(evidence).map((node) => node.epoch));
  for (const absent of evidence.absent) {
    const namedBy = evidence.witnesses.filter(
      (node) => absent.id !== undefined && node.ownerSeen === absent.id,
    );
    if (namedBy.length > 0 && absent.epoch >= best)
      return `${absent.name} owns slot ${evidence.slot} and does not answer; its slots are not given away. Start it, or replace it, then run again.`;
    if (absent.primary && best < 0)
      return `nobody that answers claims slot ${evidence.slot}, and ${absent.name} does not answer; it may be the owner. Start it, then run again.`;
  }
  return undefined;
}

function ownerOf(evidence: SlotEvidence): { owner: Witness; reason: string } | string {
  const claims = claimants(evidence);
  const [only, second] = claims;
  if (only && !second) return { owner: only, reason: `${only.name} alone claims it` };
  if (only) {
    const owner = best(claims, [(node) => node.epoch, (node) => votes(evidence, node), (node) => node.keys]);
    const others = claims.filter((node) => node !== owner).map((node) => node.name);
    return {
      owner,
      reason: `${owner.name} claims it with epoch ${owner.epoch}, ahead of ${others.join(", ")}`,
    };
  }
  return orphanOwner(evidence);
}

/** Nobody claims it. */
function orphanOwner(evidence: SlotEvidence): { owner: Witness; reason: string } | string {
  const { witnesses } = evidence;
  if (witnesses.length === 0) return `no primary answers about slot ${evidence.slot}`;
  const heirs = witnesses.filter((node) => namedByLastOwner(evidence, node));
  if (heirs.length > 0) {
    const owner = best(heirs, [(node) => Number(node.importingFrom !== undefined), (node) => node.keys]);
    return { owner, reason: `its last owner gave it to ${owner.name}` };
  }
  const holders = witnesses.filter((node) => node.keys > 0);
  if (holders.length > 0) {
    const owner = best(holders, [(node) => node.keys, (node) => Number(node.importingFrom !== undefined)]);
    return { owner, reason: `${owner.name} has its keys` };
  }
  const owner = best(witnesses, [
    (node) => Number(node.importingFrom !== undefined),
    (node) => votes(evidence, node),
    (node) => -node.slotCount,
  ]);
  return { owner, reason: `no node claims it or has keys of it; ${owner.name} takes it` };
}

/** Whether a node that others still take for the owner, and that disclaims, names `node` as the owner. */
function namedByLastOwner(evidence: SlotEvidence, node: Witness): boolean {
  return evidence.witnesses.some(
    (last) => last !== node && last.ownerSeen === node.id && votes(evidence, last) > 0,
  );
}

/** How many others see it as the owner. */
function votes(evidence: SlotEvidence, node: Witness): number {
  return [...evidence.witnesses, ...evidence.replicas].filter(
    (other) => other.id !== node.id && other.ownerSeen === node.id,
  ).length;
}

/** The largest by the first measure that tells them apart; by name where none does. */
function best(nodes: readonly Witness[], measures: readonly ((node: Witness) => number)[]): Witness {
  const [first, ...rest] = [...nodes].sort((a, b) => (a.name < b.name ? -1 : 1));
  if (!first) throw new RangeError("no node to choose from");
  return rest.reduce((leader, node) => {
    const measure = measures.find((of) => of(node) !== of(leader));
    return measure && measure(node) > measure(leader) ? node : leader;
  }, first);
}

/** Claims other than the owner's end before the owner's epoch rises: hearing of it, they would delete their keys. */
function ownershipActions(evidence: SlotEvidence, owner: Witness): RepairAction[] {
  const others = evidence.witnesses.filter((node) => node !== owner);
  const rivals = claimants(evidence).filter((node) => node !== owner);
  const actions: RepairAction[] = rivals.map((node) => ({
    kind: "demote",
    node: node.name,
    owner: owner.name,
  }));
  const everyone = [...others, ...evidence.replicas];
  const doubters = everyone.filter((node) => node.ownerSeen !== owner.id);
  const doubtedEpoch = Math.max(
    -1,
    ...others.filter((node) => isSeen(evidence, node)).map((node) => node.epoch),
  );
  const claims = owner.ownerSeen === owner.id;
  if (!claims || (doubters.length > 0 && owner.epoch <= doubtedEpoch))
    actions.push({ kind: "own", node: owner.name, bump: true });
  for (const node of others)
    if (node.ownerSeen !== owner.id && !rivals.includes(node))
      actions.push({ kind: "tell", node: node.name, owner: owner.name });
  return actions;
}

/** Whether anybody takes it for the owner, itself included. */
function isSeen(evidence: SlotEvidence, node: Witness): boolean {
  return node.ownerSeen === node.id || votes(evidence, node) > 0;
}

/** What happens to keys and flags once the owner is clear; text where a silent node has to be waited for. */
function keyActions(evidence: SlotEvidence, owner: Witness): RepairAction[] | string {
  const peer = owner.migratingTo === undefined ? undefined : migrationPeer(evidence, owner.migratingTo);
  if (typeof peer === "string") return peer;
  if (peer && peer !== owner && owner.ownerSeen === owner.id) {
    const underWay = peer.importingFrom !== undefined || peer.keys > 0;
    if (underWay) return [{ kind: "forward", source: owner.name, target: peer.name }];
  }
  const actions: RepairAction[] = [];
  if (owner.migratingTo !== undefined || (owner.importingFrom !== undefined && owner.ownerSeen === owner.id))
    actions.push({ kind: "stable", node: owner.name });
  for (const node of evidence.witnesses) {
    if (node === owner) continue;
    const rival = node.ownerSeen === node.id;
    if (node.keys > 0 || rival) actions.push({ kind: "merge", source: node.name, target: owner.name });
    else if (node.importingFrom !== undefined || node.migratingTo !== undefined)
      actions.push({ kind: "stable", node: node.name });
  }
  return actions;
}

/** The primary that a MIGRATING flag means now; undefined where the id is known to nobody; text where it has to be waited for. */
function migrationPeer(evidence: SlotEvidence, id: string): Witness | string | undefined {
  const direct = evidence.witnesses.find((node) => node.id === id);
  if (direct) return direct;
  const replica = evidence.replicas.find((node) => node.id === id);
  if (replica) return evidence.witnesses.find((node) => node.id === replica.primaryId);
  const absent = evidence.absent.find((node) => node.id === id);
  if (!absent) return undefined;
  const successor = evidence.witnesses.find((node) => evidence.shardOf[node.name] === absent.shard);
  if (successor) return successor;
  return `slot ${evidence.slot} is half moved to ${absent.name}, which does not answer and has keys of it. Start it, then run again.`;
}
