/** A client that writes while a backup is taken: each key once, so that what was acknowledged by a moment is known. */
import { setTimeout as sleep } from "node:timers/promises";
import { type Digests, differences, digestAll, owners, type Target, withPrimaries } from "./dataset";

const WRITER_PREFIX = "w:";

interface Writer {
  /** Keys acknowledged so far: 0 to this less one. */
  acknowledged(): number;
  stop(): Promise<void>;
  /** Rejects where a write failed. */
  readonly ended: Promise<void>;
}

function startWriter(target: Target, from = 0): Writer {
  let count = from;
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
    ended: running,
    acknowledged: () => count,
    stop: async () => {
      stopped = true;
      await running;
    },
  };
}

/**
 * Runs `work` while keys are written before, during and after it, from the one with the number `from` on. How many there
 * are, those before `from` included, that were acknowledged before it began.
 */
export async function whileWritten(target: Target, work: () => Promise<void>, from = 0): Promise<number> {
  const writer = startWriter(target, from);
  try {
    while (writer.acknowledged() < from + 200) await Promise.race([sleep(20), writer.ended]);
    const before = writer.acknowledged();
    await work();
    const after = writer.acknowledged();
    // One that stood still meanwhile would prove nothing.
    if (after === before)
      throw new Error(`nothing was written while the work went on (${before} keys before)`);
    return before;
  } finally {
    await writer.stop();
  }
}

function writtenValue(index: number): string {
  return `value of ${index}`;
}

/** How many of the first `count` keys are missing or have another value. */
async function missingWrites(target: Target, count: number): Promise<number> {
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

/** What is missing or different of keys with these digests and of writes acknowledged by then, in words. Later ones may be there. */
export async function lost(target: Target, digests: Digests, acknowledged: number): Promise<string[]> {
  const missing = await missingWrites(target, acknowledged);
  return [
    ...differences(digests, await digestAll(target, [WRITER_PREFIX])),
    ...(missing === 0 ? [] : [`${missing} of ${acknowledged} acknowledged writes are missing`]),
  ];
}
