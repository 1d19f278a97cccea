/** How fast one source may be drained: what batches cost, and when its clients have their turn. */
import type { Clock } from "../clock";
import { CostModel } from "./batches";
import { type ImpactLimits, pauseAfter } from "./impact";

/** Pauses shorter than this are added up: timers are no finer. */
const SHORTEST_PAUSE_MS = 1;

/** What was sent in one go. */
export interface Work {
  readonly keys: number;
  readonly bytes: number;
  /** By the server's own clock. */
  readonly tookMs?: number;
}

export class Pace {
  readonly cost = new CostModel();
  private busyMs = 0;
  private workEndedMs = 0;
  private pauseDebtMs = 0;

  constructor(
    private readonly limits: ImpactLimits,
    private readonly clock: Clock,
  ) {}

  /** Where the server did not tell how long it took, that is the time since `startMs`, or since the work before it ended. */
  learn({ keys, bytes, tookMs }: Work, startMs: number): void {
    const now = this.clock.now();
    const took = tookMs || now - Math.max(startMs, this.workEndedMs);
    this.workEndedMs = now;
    this.busyMs += took;
    this.cost.learn(keys, bytes, took);
  }

  /** Whether the source has worked for as long as it may at a time. */
  isPauseDue(): boolean {
    return this.limits.share < 1 && this.busyMs >= this.limits.batchMs;
  }

  /** Leaves the source to its clients for their share of the time. */
  async pause(signal: AbortSignal | undefined): Promise<void> {
    this.pauseDebtMs += pauseAfter(this.busyMs, this.limits);
    this.busyMs = 0;
    if (this.pauseDebtMs < SHORTEST_PAUSE_MS) return;
    const start = this.clock.now();
    await this.clock.sleep(this.pauseDebtMs, signal);
    this.pauseDebtMs -= this.clock.now() - start;
  }
}
