/** Sources that send to one target enter together; who has to end connections at the target does it while nobody is inside. */
export class Gate {
  private inside = 0;
  private queue: Promise<void> = Promise.resolve();
  private left: (() => void) | undefined;

  /** Runs the task beside others, after whoever is alone at the moment. */
  async share<T>(task: () => Promise<T>): Promise<T> {
    for (let seen: Promise<void> | undefined; seen !== this.queue; ) {
      seen = this.queue;
      await seen;
    }
    this.inside++;
    try {
      return await task();
    } finally {
      this.inside--;
      if (this.inside === 0) this.left?.();
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
      while (this.inside > 0)
        await new Promise<void>((resolve) => {
          this.left = resolve;
        });
      await task();
    } finally {
      open();
    }
  }
}
