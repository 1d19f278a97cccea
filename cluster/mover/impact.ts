/** How much of a server the migration may take. */

/**
 * - `"low"`: 20, for busy hours.
 * - `"normal"` (default): 60.
 * - `"high"`: 100, as fast as the servers go.
 * - a number from 1 to 100: the share of a source's time, in percent, that MIGRATE may take. The rest belongs to its clients.
 *
 * It also bounds how long one batch may block a server: 0.2 ms and 20 keys at "low", 1 ms and 100 keys at "normal", 2 ms at "high".
 */
export type MigrationImpact = "low" | "normal" | "high" | number;

export interface ImpactLimits {
  /** Share of a source's time, above 0 and at most 1. */
  readonly share: number;
  /** How long batches should keep the source busy at a time, in ms. A single key may take longer. */
  readonly batchMs: number;
  /** Keys of one MIGRATE at most, which nothing interrupts. More than 100 gain little. */
  readonly keysAtOnce: number;
  /**
   * Sources that write to one target at once. Three, from "normal" on: while one packs, the target takes in what another sent. More queue up
   * at the target and keep clients waiting.
   */
  readonly groupsAtTarget: number;
  /** Calls of the script that drains a source, under way at once where the way to the source takes no time. */
  readonly drainsInFlight: number;
}

const PRESETS: Readonly<Record<Exclude<MigrationImpact, number>, number>> = {
  low: 20,
  normal: 60,
  high: 100,
};

/** At low, normal, high. 4 ms at high are hardly faster than 2, and clients' p99 is 25 to 64 ms instead of 16 to 27. */
const BATCH_MS = [0.2, 1, 2] as const;
const KEYS_AT_ONCE = [20, 100, 100] as const;

/** @throws RangeError for a number outside 1 to 100. */
export function impactLimits(impact: MigrationImpact = "normal"): ImpactLimits {
  const percent = typeof impact === "number" ? impact : PRESETS[impact];
  if (!(percent >= 1 && percent <= 100))
    throw new RangeError(
      `maxMigrationImpact: ${percent} is not "low", "normal", "high" or a number from 1 to 100`,
    );
  const full = percent === 100;
  return {
    share: percent / 100,
    batchMs: between(percent, BATCH_MS),
    keysAtOnce: Math.round(between(percent, KEYS_AT_ONCE)),
    groupsAtTarget: full ? Number.POSITIVE_INFINITY : percent < PRESETS.normal ? 1 : 3,
    drainsInFlight: full ? 2 : 1,
  };
}

/** A value for `percent`, from those of the presets, in a straight line between them. */
function between(percent: number, [atLow, atNormal, atHigh]: readonly [number, number, number]): number {
  const { low, normal, high } = PRESETS;
  if (percent <= low) return atLow;
  if (percent <= normal) return atLow + ((atNormal - atLow) * (percent - low)) / (normal - low);
  return atNormal + ((atHigh - atNormal) * (percent - normal)) / (high - normal);
}

/** Pause after a batch of `busyMs` so that batches take no more than their share of the time. */
export function pauseAfter(busyMs: number, limits: ImpactLimits): number {
  return busyMs * (1 / limits.share - 1);
}
