/** A server's one thread: work runs when it is free, in the order in which it came. */
import type { Random } from "./random";
import type { Scheduler } from "./scheduler";

export abstract class Thread {
  alive = true;
  frozen = false;
  /** It works until then; whatever arrives waits. */
  busyUntilMs = 0;
  /** In the middle of a MIGRATE: nothing else is looked at. */
  private blocks = 0;
  private readonly held: (() => void)[] = [];

  abstract readonly scheduler: Scheduler;
  protected abstract readonly random: Random;
  /** What Redis does before its event loop sleeps again. */
  protected abstract beforeSleep(): void;

  now(): number {
    return this.scheduler.now();
  }

  /** Runs `work` now, when the thread is no longer busy, or when the process is continued. */
  whenFree(work: () => void): void {
    if (!this.alive) return;
    if (this.frozen || this.blocks > 0) this.held.push(work);
    else if (this.busyUntilMs > this.now()) this.scheduler.at(this.busyUntilMs, () => this.whenFree(work));
    else {
      work();
      this.beforeSleep();
    }
  }

  busyFor(ms: number): void {
    this.busyUntilMs = Math.max(this.busyUntilMs, this.now()) + ms;
  }

  /** SIGSTOP: connections stay, nothing is read. */
  freeze(): void {
    this.frozen = true;
  }

  thaw(): void {
    this.frozen = false;
    this.letGo();
  }

  block(): void {
    this.blocks += 1;
  }

  unblock(): void {
    this.blocks -= 1;
    this.letGo();
  }

  private letGo(): void {
    if (this.frozen || this.blocks > 0) return;
    for (const work of this.held.splice(0)) this.whenFree(work);
  }

  /** Runs `run` again and again, from a random moment of the first period on. */
  protected every(periodMs: number, run: () => void): void {
    const tick = () => {
      if (!this.alive) return;
      this.whenFree(() => {
        run();
        this.scheduler.after(periodMs, tick);
      });
    };
    this.scheduler.after(this.random.next() * periodMs, tick);
  }
}
