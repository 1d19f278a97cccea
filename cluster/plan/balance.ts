/** Which slots go where so that every shard has its share and nobody else has any. */
import { countSlots, formatRanges, isBalanced, targetCounts, transfers } from "../slots";
import type { SlotRange } from "../spec";
import type { Survey } from "../survey";
import { estimateMoves } from "./estimate";
import type { ShardState } from "./shards";
import type { SlotMove, Step } from "./types";

interface Owner {
  readonly name: string;
  readonly slots: readonly SlotRange[];
  readonly weight: number;
}

/** Moves between primaries; nothing while every shard is within one slot of its weighted share. */
export function balanceSteps(s: Survey, shards: readonly ShardState[]): Step[] {
  const kept: Owner[] = shards.flatMap((shard) => {
    const weight = s.spec.shards[shard.index]?.weight ?? 1;
    return shard.primary ? [{ name: shard.primary.name, slots: shard.primary.slots, weight }] : [];
  });
  const drained: Owner[] = [
    ...shards.flatMap((shard) => shard.extras),
    ...[...s.up.values()].filter((node) => s.leaving.has(node.name) && node.role === "primary"),
  ].map((node) => ({ name: node.name, slots: node.slots, weight: 0 }));
  const moves = movesBetween(kept, drained);
  if (moves.length === 0) return [];
  const total = moves.reduce((sum, move) => sum + countSlots(move.slots), 0);
  const what = moves
    .map((m) => `${m.source} -> ${m.target}: ${countSlots(m.slots)} (${brief(m.slots)})`)
    .join("; ");
  return [
    {
      kind: "moveSlots",
      moves,
      estimate: estimateMoves(s, moves),
      reason: `${total} slots to even the shares: ${what}`,
    },
  ];
}

function brief(ranges: readonly SlotRange[]): string {
  return ranges.length <= 3
    ? formatRanges(ranges)
    : `${formatRanges(ranges.slice(0, 2))}, … ${ranges.length} ranges`;
}

function movesBetween(kept: readonly Owner[], drained: readonly Owner[]): SlotMove[] {
  const weights = kept.map((owner) => owner.weight);
  const current = kept.map((owner) => countSlots(owner.slots));
  const nothingToDrain = drained.every((owner) => owner.slots.length === 0);
  if (nothingToDrain && isBalanced(weights, current)) return [];
  const owners = [...kept, ...drained];
  const targets = [...targetCounts(weights, current), ...drained.map(() => 0)];
  return transfers(
    owners.map((owner) => owner.slots),
    targets,
  ).map(({ from, to, slots }) => ({
    source: owners[from]?.name ?? "",
    target: owners[to]?.name ?? "",
    slots,
  }));
}
