/** Gaps between acknowledged writes. Pure. */
import type { Ack, DrillEvent, Gap } from "./types";

/**
 * The longest stretch without an acknowledged write that ends after `fromMs` and begins before `toMs`. A stretch is from
 * one acknowledgement to the next; `{0, 0}` where there are fewer than two. `acks` in order of time.
 */
export function longestGap(acks: readonly Ack[], fromMs: number, toMs: number): Gap {
  let longest: Gap = { fromMs: 0, toMs: 0 };
  for (let index = 1; index < acks.length; index++) {
    const before = acks[index - 1];
    const after = acks[index];
    if (!before || !after || after.atMs <= fromMs || before.atMs >= toMs) continue;
    if (after.atMs - before.atMs > lengthOf(longest)) longest = { fromMs: before.atMs, toMs: after.atMs };
  }
  return longest;
}

/** When the failover was over and putting things back began; after everything where it never did. */
export function settledMs(events: readonly DrillEvent[]): number {
  const turn = events.find(({ kind }) => kind === "restarting" || kind === "in-sync" || kind === "handback");
  return turn?.atMs ?? Number.POSITIVE_INFINITY;
}

export function lengthOf({ fromMs, toMs }: Gap): number {
  return toMs - fromMs;
}

/** Acknowledged writes per bucket of `bucketMs` from `fromMs` on, the last bucket included that begins before `toMs`. */
export function countPerBucket(
  acks: readonly Ack[],
  fromMs: number,
  toMs: number,
  bucketMs: number,
): number[] {
  const counts = Array.from({ length: Math.max(1, Math.ceil((toMs - fromMs) / bucketMs)) }, () => 0);
  for (const { atMs } of acks) {
    const bucket = Math.floor((atMs - fromMs) / bucketMs);
    if (bucket >= 0 && bucket < counts.length) counts[bucket] = (counts[bucket] ?? 0) + 1;
  }
  return counts;
}
