/**
 * The way to one target. Sources enter side by side, as many as it may have at a time: each MIGRATE keeps its source waiting until the
 * target has come to it, so more would only make clients of both wait. Who has to end connections at the target does it
 * while nobody is inside.
 */
export class Gate {
  private inside = 0;
  private queue: Promise<void> = Promise.resolve();
  private waiting: (() => void)[] = [];
  private readonly needs = new Map<string, number>();

  /** `width`: tasks side by side, at least 1. */
  constructor(private width = Number.POSITIVE_INFINITY) {}

  /** As many side by side as whoever needs most. `who` may need less later: the first call over a way makes it seem long. */
  allow(who: string, width: number): void {
    this.needs.set(who, width);
    this.width = Math.max(...this.needs.values());
  }

  /** Runs the task beside others, after whoever is alone at the moment. */
  async share<T>(task: () => Promise<T>): Promise<T> {
    for (let seen: Promise<void> | undefined; seen !== this.queue || this.inside >= this.width; ) {
      seen = this.queue;
      await seen;
      if (this.inside >= this.width) await this.someoneLeaves();
    }
    this.inside++;
    try {
      return await task();
    } finally {
      this.inside--;
      this.wakeAll();
    }
  }

  /** Runs the task alone: after all who are inside have left, and before anybody else enters. */
  async alone(task: () => Promise<void>): Promise<void> {
    const before = this.queue;
    let open = () => {};
    this.queue = new Promise((resolve) => {
      open = resolve;
    });
    try {
      await before;
      while (this.inside > 0) await this.someoneLeaves();
      await task();
    } finally {
      open();
      this.wakeAll();
    }
  }

  /** All, since who waits to be alone and who waits to enter look for different things. */
  private wakeAll(): void {
    const waiting = this.waiting;
    this.waiting = [];
    for (const wake of waiting) wake();
  }

  private someoneLeaves(): Promise<void> {
    return new Promise((resolve) => this.waiting.push(resolve));
  }
}
