/** How much of a server the migration may take. */

/**
 * - `"low"`: 20, for busy hours.
 * - `"normal"` (default): 60.
 * - `"high"`: 100, as fast as the servers go.
 * - a number from 1 to 100: the share of a source's time, in percent, that MIGRATE may take. The rest belongs to its clients.
 *
 * It also bounds how long one batch may block a server: 1 ms at "low", 1.5 ms at "normal", 4 ms at "high".
 */
export type MigrationImpact = "low" | "normal" | "high" | number;

export interface ImpactLimits {
  /** Share of a source's time, above 0 and at most 1. */
  readonly share: number;
  /** How long batches should keep the source busy at a time, in ms. A single key may take longer. */
  readonly batchMs: number;
  /**
   * Writes to one target under way at once, from all sources together. One, below 100 %: more queue up at the target, and keep the
   * clients of their sources and of the target waiting (three sources, six writes: p99 of 13 ms instead of 7).
   */
  readonly groupsAtTarget: number;
  /** Calls of the script that drains a source, under way at once. */
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
  // 1 ms up to 20 %, 4 ms at 100 %, in between so that "normal" blocks for 1.5 ms.
  const batchMs =
    percent <= 20 ? 1 : percent <= 60 ? 1 + (percent - 20) / 80 : 1.5 + ((percent - 60) * 2.5) / 40;
  const full = percent === 100;
  return {
    share: percent / 100,
    batchMs,
    groupsAtTarget: full ? Number.POSITIVE_INFINITY : 1,
    drainsInFlight: full ? 2 : 1,
  };
}

/** Pause after a batch of `busyMs` so that batches take no more than their share of the time. */
export function pauseAfter(busyMs: number, limits: ImpactLimits): number {
  return busyMs * (1 / limits.share - 1);
}
