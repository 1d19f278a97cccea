/** How much of a server the migration may take. */

/**
 * - `"low"`: 20, for busy hours.
 * - `"normal"` (default): 60.
 * - `"high"`: 100, as fast as the servers go.
 * - a number from 1 to 100: the share of a source's time, in percent, that MIGRATE may take. The rest belongs to its clients.
 *
 * It also bounds how long one batch may block a server: 0.5 ms at "low", 0.75 ms at "normal", 2 ms at "high".
 */
export type MigrationImpact = "low" | "normal" | "high" | number;

export interface ImpactLimits {
  /** Share of a source's time, above 0 and at most 1. */
  readonly share: number;
  /** How long batches should keep the source busy at a time, in ms. A single key may take longer. */
  readonly batchMs: number;
  /**
   * Writes to one target under way at once, from all sources together. Two, below 100 %: while one source packs, the target takes in what
   * another sent (1.5 times as fast as one by one, clients' p99 the same); more queue up at the target and keep clients waiting.
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
    batchMs: batchMs(percent),
    groupsAtTarget: full ? Number.POSITIVE_INFINITY : percent <= PRESETS.low ? 1 : 2,
    drainsInFlight: full ? 2 : 1,
  };
}

/** In a straight line from preset to preset. At 100 %, 4 ms are hardly faster than 2, and clients' p99 is 25 to 64 ms instead of 16 to 27. */
function batchMs(percent: number): number {
  const { low, normal, high } = PRESETS;
  if (percent <= low) return 0.5;
  if (percent <= normal) return 0.5 + (0.25 * (percent - low)) / (normal - low);
  return 0.75 + (1.25 * (percent - normal)) / (high - normal);
}

/** Pause after a batch of `busyMs` so that batches take no more than their share of the time. */
export function pauseAfter(busyMs: number, limits: ImpactLimits): number {
  return busyMs * (1 / limits.share - 1);
}
