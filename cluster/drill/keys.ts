/** Keys of the probe: in a reserved prefix, spread over slots of one shard by their hash tags. Pure. */
import calculateSlot from "cluster-key-slot";
import { countSlots } from "../slots";
import type { SlotRange } from "../spec";

export const PROBE_PREFIX = "redis-cluster-kit:drill:";

/** Slots that the probe writes to. */
const WANTED_SLOTS = 16;

/** Bound on the search for tags: enough to hit a shard that owns a single slot with near certainty. */
const MAX_TRIES = 400_000;

/** Hash tags whose slots lie in `ranges`, as evenly spread as tags fall; fewer than 16 only where the shard has fewer slots. */
export function tagsWithin(ranges: readonly SlotRange[], wanted = WANTED_SLOTS): string[] {
  const owned = (slot: number) => ranges.some(({ start, end }) => slot >= start && slot <= end);
  const goal = Math.min(wanted, countSlots(ranges));
  const tags = new Map<number, string>();
  for (let number = 0; tags.size < goal && number < MAX_TRIES; number++) {
    const tag = number.toString(36);
    const slot = calculateSlot(tag);
    if (owned(slot) && !tags.has(slot)) tags.set(slot, tag);
  }
  return [...tags.values()];
}

/** `redis-cluster-kit:drill:<run>:{<tag>}:<number>` */
export function probeKey(runId: string, tag: string, number: number): string {
  return `${PROBE_PREFIX}${runId}:{${tag}}:${number}`;
}
