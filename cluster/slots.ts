/** Arithmetic on slots and ranges. Pure. */
import { SLOT_COUNT, type SlotRange } from "./spec";

/** Slots in ascending order, each once. */
export function expandRanges(ranges: readonly SlotRange[]): number[] {
  const slots: number[] = [];
  for (const range of ranges) for (let slot = range.start; slot <= range.end; slot++) slots.push(slot);
  return slots.sort((a, b) => a - b);
}

/** The fewest ranges that hold exactly these slots. Accepts any order and duplicates. */
export function toRanges(slots: Iterable<number>): SlotRange[] {
  const sorted = [...new Set(slots)].sort((a, b) => a - b);
  const ranges: SlotRange[] = [];
  let start: number | undefined;
  let previous = -2;
  for (const slot of sorted) {
    if (slot !== previous + 1) {
      if (start !== undefined) ranges.push({ start, end: previous });
      start = slot;
    }
    previous = slot;
  }
  if (start !== undefined) ranges.push({ start, end: previous });
  return ranges;
}

export function countSlots(ranges: readonly SlotRange[]): number {
  return ranges.reduce((sum, range) => sum + range.end - range.start + 1, 0);
}

/** "0-5460, 7000" */
export function formatRanges(ranges: readonly SlotRange[]): string {
  return ranges.map((r) => (r.start === r.end ? `${r.start}` : `${r.start}-${r.end}`)).join(", ");
}

/**
 * Contiguous ranges for a new cluster, one a shard, by weight. Boundaries are rounded cumulative shares, so three
 * equal shards get 0-5460, 5461-10922, 10923-16383 as `redis-cli --cluster create` gives them.
 */
export function initialRanges(weights: readonly number[]): SlotRange[] {
  const total = weights.reduce((a, b) => a + b, 0);
  let cumulative = 0;
  let start = 0;
  return weights.map((weight) => {
    cumulative += weight;
    const next = Math.round((cumulative * SLOT_COUNT) / total);
    const range = { start, end: next - 1 };
    start = next;
    return range;
  });
}

/**
 * Slots each shard should own, nearest to what it owns now: floor or ceiling of its weighted share, summing to 16384.
 * The ceilings go to those that already own at least as many, then by the larger remainder, then by index.
 */
export function targetCounts(weights: readonly number[], current: readonly number[]): number[] {
  const total = weights.reduce((a, b) => a + b, 0);
  const shares = weights.map((weight) => (weight * SLOT_COUNT) / total);
  const counts = shares.map(Math.floor);
  let left = SLOT_COUNT - counts.reduce((a, b) => a + b, 0);
  const order = shares
    .map((share, index) => ({ index, remainder: share - Math.floor(share), has: current[index] ?? 0 }))
    .filter((entry) => entry.remainder > 0)
    .sort(
      (a, b) =>
        Number(b.has > (counts[b.index] ?? 0)) - Number(a.has > (counts[a.index] ?? 0)) ||
        b.remainder - a.remainder ||
        a.index - b.index,
    );
  for (const entry of order) {
    if (left === 0) break;
    counts[entry.index] = (counts[entry.index] ?? 0) + 1;
    left--;
  }
  return counts;
}

/** Whether every shard is within one slot of its weighted share. */
export function isBalanced(weights: readonly number[], current: readonly number[]): boolean {
  const total = weights.reduce((a, b) => a + b, 0);
  return weights.every((weight, index) => {
    const share = (weight * SLOT_COUNT) / total;
    const has = current[index] ?? 0;
    return has >= Math.floor(share) && has <= Math.ceil(share);
  });
}

/** One transfer between owners, by index. */
export interface Transfer {
  readonly from: number;
  readonly to: number;
  readonly slots: readonly SlotRange[];
}

/**
 * The fewest slots that must move so that owner i has `targets[i]` slots. Deterministic: surplus owners give from the end
 * of what they own, in index order, to those that lack, in index order.
 */
export function transfers(owned: readonly (readonly SlotRange[])[], targets: readonly number[]): Transfer[] {
  const spare = owned.map((ranges, index) => {
    const slots = expandRanges(ranges);
    return slots.slice(Math.min(slots.length, targets[index] ?? 0));
  });
  const result: Transfer[] = [];
  owned.forEach((ranges, to) => {
    let lacks = (targets[to] ?? 0) - countSlots(ranges);
    for (let from = 0; from < spare.length && lacks > 0; from++) {
      const taken = (spare[from] ?? []).splice(0, lacks);
      if (taken.length === 0) continue;
      lacks -= taken.length;
      result.push({ from, to, slots: toRanges(taken) });
    }
  });
  return result;
}
