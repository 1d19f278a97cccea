/** Virtual time: events in order of time, then of creation. Hours pass in milliseconds, the same way every time. */
import type { Clock } from "../../../cluster/clock";

export interface Timer {
  readonly timeMs: number;
}

interface Event extends Timer {
  readonly order: number;
  run: (() => void) | undefined;
}

interface Waiter {
  readonly reject: (error: unknown) => void;
}

/** Bound on virtual time: an engine that never ends must fail the test instead of hanging it. */
const DEFAULT_LIMIT_MS = 6 * 3600 * 1000;

/** Events in one turn of the real event loop, so that a run that never ends can be ended from outside. */
const AT_ONCE = 100_000;

/** Not zero, because Redis reads a time of zero as "never". */
export const START_MS = 1_000_000_000;

export class Scheduler implements Clock {
  private readonly heap: Event[] = [];
  private readonly waiters = new Set<Waiter>();
  private timeMs = START_MS;
  private order = 0;
  private pumping = false;
  private released = false;

  constructor(private readonly limitMs = DEFAULT_LIMIT_MS) {}

  now(): number {
    return this.timeMs;
  }

  /** Runs `run` at `timeMs`, or now where that is past. */
  at(timeMs: number, run: () => void): Timer {
    const event: Event = {
      timeMs: Math.max(timeMs, this.timeMs),
      order: this.order++,
      run,
    };
    push(this.heap, event);
    return event;
  }

  after(delayMs: number, run: () => void): Timer {
    return this.at(this.timeMs + delayMs, run);
  }

  /** Never runs it. What it would have used is let go at once. */
  cancel(timer: Timer): void {
    (timer as Event).run = undefined;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    return this.wait((resolve, reject) => {
      const timer = this.after(ms, () => {
        signal?.removeEventListener("abort", stop);
        resolve();
      });
      const stop = () => {
        this.cancel(timer);
        reject(signal?.reason);
      };
      signal?.addEventListener("abort", stop, { once: true });
    });
  }

  /**
   * A promise that some event settles. Virtual time runs only while somebody waits, and stands still while the code
   * that was waiting goes on: it has all its microtasks before the next event.
   */
  wait<T>(start: (resolve: (value: T) => void, reject: (error: unknown) => void) => void): Promise<T> {
    return new Promise((resolve, reject) => {
      const waiter: Waiter = { reject };
      this.waiters.add(waiter);
      const settle = () => {
        if (this.waiters.delete(waiter)) this.released = true;
      };
      start(
        (value) => {
          settle();
          resolve(value);
        },
        (error) => {
          settle();
          reject(error);
        },
      );
      this.pump();
    });
  }

  private pump(): void {
    if (this.pumping || this.waiters.size === 0) return;
    this.pumping = true;
    // setImmediate is no timer: it only lets every microtask of the released code run before the next event.
    setImmediate(() => this.turn());
  }

  private turn(): void {
    this.released = false;
    try {
      for (let events = 0; events < AT_ONCE && this.waiters.size > 0 && !this.released; events++) this.step();
    } catch (error) {
      const waiting = [...this.waiters];
      this.waiters.clear();
      for (const waiter of waiting) waiter.reject(error);
    }
    this.pumping = false;
    this.pump();
  }

  private step(): void {
    const event = pop(this.heap);
    if (!event) throw new Error("simulation: somebody waits, and no event is left");
    if (!event.run) return;
    this.timeMs = event.timeMs;
    if (this.timeMs - START_MS > this.limitMs)
      throw new Error(`simulation: over ${this.limitMs} ms of virtual time`);
    event.run();
  }
}

function before(a: Event, b: Event): boolean {
  return a.timeMs < b.timeMs || (a.timeMs === b.timeMs && a.order < b.order);
}

function push(heap: Event[], event: Event): void {
  let at = heap.length;
  heap.push(event);
  while (at > 0) {
    const parent = (at - 1) >> 1;
    const above = heap[parent];
    if (!above || before(above, event)) break;
    heap[at] = above;
    at = parent;
  }
  heap[at] = event;
}

function pop(heap: Event[]): Event | undefined {
  const top = heap[0];
  const last = heap.pop();
  if (!top || !last || heap.length === 0) return top;
  let at = 0;
  for (;;) {
    let child = 2 * at + 1;
    let least = heap[child];
    if (!least) break;
    const right = heap[child + 1];
    if (right && before(right, least)) {
      child += 1;
      least = right;
    }
    if (before(last, least)) break;
    heap[at] = least;
    at = child;
  }
  heap[at] = last;
  return top;
}
