/** Bounded waits. Every one of them can tell what it last saw. */
import type { Clock } from "./clock";
import { WaitError } from "./errors";

export interface WaitOptions {
  readonly clock: Clock;
  readonly signal?: AbortSignal | undefined;
  readonly timeoutMs: number;
  /** Pause between two looks. Grows by half each time up to `maxIntervalMs`. Default 20. */
  readonly intervalMs?: number;
  readonly maxIntervalMs?: number;
  /** What is awaited, for the error. */
  readonly what: string;
}

/**
 * Calls `look` until it answers `true`. Anything else it answers is what was seen instead.
 * @throws WaitError when the bound is reached; whatever `look` throws passes through.
 */
export async function waitUntil(look: () => Promise<true | string>, options: WaitOptions): Promise<void> {
  const start = options.clock.now();
  let interval = options.intervalMs ?? 20;
  for (;;) {
    options.signal?.throwIfAborted();
    const seen = await look();
    if (seen === true) return;
    const waited = options.clock.now() - start;
    if (waited >= options.timeoutMs) throw new WaitError(options.what, waited, seen);
    await options.clock.sleep(interval, options.signal);
    interval = Math.min(interval * 1.5, options.maxIntervalMs ?? 200);
  }
}
