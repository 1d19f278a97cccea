/** How fast one source may be drained: what batches cost, and when its clients have their turn. */
import type { Clock } from "../clock";
import { CostModel } from "./batches";
import { type ImpactLimits, pauseAfter } from "./impact";
import { MAX_UNDER_WAY } from "./migrate";

/** Pauses shorter than this are added up: timers are no finer. */
const SHORTEST_PAUSE_MS = 1;

/** What was sent in one go. */
export interface Work {
  readonly keys: number;
  readonly bytes: number;
}

/** What a call of the source's script has sent. */
export interface CallWork extends Work {
  /** By the server's own clock; 0 where it did not tell. */
  readonly tookMs: number;
}

export class Pace {
  readonly cost = new CostModel();
  private busyMs = 0;
  private workEndedMs = 0;
  private pauseDebtMs = 0;
  private nextCallMs = 0;
  private wayMs: number | undefined;

  constructor(
    private readonly limits: ImpactLimits,
    private readonly clock: Clock,
  ) {}

  /** What took the time since `startMs`, or since the work before it ended. */
  learn({ keys, bytes }: Work, startMs: number): void {
    const now = this.clock.now();
    const took = now - Math.max(startMs, this.workEndedMs);
    this.workEndedMs = now;
    this.busyMs += took;
    this.cost.learn(keys, bytes, took);
  }

  /** A call that `turn` had let go at `startMs` was answered. */
  learnCall({ keys, bytes, tookMs }: CallWork, startMs: number): void {
    const passed = this.clock.now() - startMs;
    const took = tookMs || passed;
    this.nextCallMs += (took - this.limits.batchMs) / this.limits.share;
    this.wayMs = Math.min(this.wayMs ?? Number.POSITIVE_INFINITY, passed - took);
    this.cost.learn(keys, bytes, took);
  }

  /** Calls under way at once: as many more as the way to the source and back takes turns, so that a source far away is no slower. */
  callsUnderWay(): number {
    const more = Math.floor(Math.max(0, this.wayMs ?? 0) / this.turnMs());
    return Math.min(MAX_UNDER_WAY, this.limits.drainsInFlight + more);
  }

  /** Waits until a call may go: the source's clients have had their share of the time since the one before, answered or not. */
  async turn(signal: AbortSignal | undefined): Promise<void> {
    if (this.limits.share === 1) return;
    const waitMs = this.nextCallMs - this.clock.now();
    if (waitMs >= SHORTEST_PAUSE_MS) await this.clock.sleep(waitMs, signal);
    this.nextCallMs = Math.max(this.nextCallMs, this.clock.now() - this.turnMs()) + this.turnMs();
  }

  private turnMs(): number {
    return this.limits.batchMs / this.limits.share;
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
