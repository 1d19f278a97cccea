/** The keys of a backup's files on their way into a cluster: which of them are restored, and which are left out. */
import { createReadStream } from "node:fs";
import { expandRanges } from "../cluster/slots";
import type { Expected } from "./compare";
import type { Item } from "./load";
import type { Progress } from "./progress";
import { RdbReader, restorePayload } from "./rdb/reader";
import type { Sampler } from "./samples";
import type { GoodFile } from "./verify";

/** Keys of the files that are not restored. */
export interface LeftOut {
  readonly expired: number;
  readonly strays: number;
}

export interface Reading {
  readonly files: readonly GoodFile[];
  /** The cluster's time, by which keys have expired. */
  readonly now: () => Date;
  readonly progress?: Progress | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly expected: Expected;
  readonly sampler: Sampler;
  /** Gets every key that is to be restored. */
  readonly each: (item: Item) => Promise<void>;
}

/** All files at once: each fills the servers that have its slots. Where one fails, the others have stopped when it rejects. */
export async function readKeys(reading: Reading): Promise<LeftOut> {
  const { files, progress, signal } = reading;
  const meter = progress?.meter(
    "restoring",
    files.reduce((sum, { shard }) => sum + shard.bytes, 0),
  );
  const others = new AbortController();
  const until = AbortSignal.any([others.signal, ...(signal ? [signal] : [])]);
  const readings = await Promise.allSettled(
    files.map((file) =>
      readFile(file, reading, until, meter).catch((error: unknown) => {
        // The first reason is kept: that of the others is that they were stopped.
        if (!until.aborted) others.abort(error);
        throw until.reason;
      }),
    ),
  );
  if (until.aborted) throw until.reason;
  const left = readings.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
  return {
    expired: left.reduce((sum, { expired }) => sum + expired, 0),
    strays: left.reduce((sum, { strays }) => sum + strays, 0),
  };
}

async function readFile(
  { path, shard }: GoodFile,
  { now, expected, sampler, each }: Reading,
  until: AbortSignal,
  meter: ((bytes: number) => void) | undefined,
): Promise<LeftOut> {
  const reader = new RdbReader();
  const own = new Set(expandRanges(shard.slots));
  let [expired, strays] = [0, 0];
  for await (const keys of reader.keys(metered(path, meter)))
    for (const found of keys) {
      until.throwIfAborted();
      const { key, slot, expiresAtMs } = found;
      if (!own.has(slot)) {
        strays++;
        continue;
      }
      if (expiresAtMs !== undefined && expiresAtMs <= now().getTime()) {
        expired++;
        continue;
      }
      const item = { key, slot, expiresAtMs, payload: restorePayload(found, reader.facts.version) };
      expected.add(item);
      sampler.offer(item, found.type);
      await each(item);
    }
  return { expired, strays };
}

async function* metered(path: string, meter: ((bytes: number) => void) | undefined): AsyncGenerator<Buffer> {
  for await (const chunk of createReadStream(path, { highWaterMark: 256 * 1024 }) as AsyncIterable<Buffer>) {
    meter?.(chunk.length);
    yield chunk;
  }
}
