/** A client that writes while a backup is taken: each key once, so that what was acknowledged by a moment is known. */
import { setTimeout as sleep } from "node:timers/promises";
import { owners, type Target, withPrimaries } from "./dataset";

export const WRITER_PREFIX = "w:";

export interface Writer {
  /** Keys acknowledged so far: 0 to this less one. */
  acknowledged(): number;
  stop(): Promise<void>;
}

export function startWriter(target: Target): Writer {
  let count = 0;
  let stopped = false;
  const running = withPrimaries(target, async (primaries) => {
    const ownerOf = owners(primaries);
    while (!stopped) {
      const key = Buffer.from(`${WRITER_PREFIX}${count}`);
      await ownerOf(key).client.call("SET", key, writtenValue(count));
      count++;
      if (count % 10 === 0) await sleep(2);
    }
  });
  // Told by `stop`.
  running.catch(() => undefined);
  return {
    acknowledged: () => count,
    stop: async () => {
      stopped = true;
      await running;
    },
  };
}

function writtenValue(index: number): string {
  return `value of ${index}`;
}

/** How many of the first `count` keys are missing or have another value. */
export async function missingWrites(target: Target, count: number): Promise<number> {
  return withPrimaries(target, async (primaries) => {
    const ownerOf = owners(primaries);
    let missing = 0;
    for (let index = 0; index < count; index++) {
      const key = Buffer.from(`${WRITER_PREFIX}${index}`);
      if ((await ownerOf(key).client.call("GET", key)) !== writtenValue(index)) missing++;
    }
    return missing;
  });
}
