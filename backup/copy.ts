/** Brings one snapshot from a node's server to a local file, and reads it on the way: checksum, keys of each slot. */
import { createHash } from "node:crypto";
import { open } from "node:fs/promises";
import { SLOT_COUNT } from "../cluster/spec";
import type { OpenFile } from "../hosts/host";
import { BackupFailedError, explainSystem } from "./errors";
import { type RdbFacts, RdbReader } from "./rdb/reader";

/** What is in a snapshot. */
export interface Contents {
  readonly bytes: number;
  readonly sha256: string;
  readonly keys: number;
  readonly expiring: number;
  /** By slot, 16384 numbers. */
  readonly perSlot: Uint32Array;
  readonly facts: RdbFacts;
  /** The key whose value takes most bytes in the file; undefined where there is none. */
  readonly largest: Large | undefined;
}

export interface Large {
  readonly key: Buffer;
  readonly bytes: number;
}

/**
 * Copies and reads in one pass. The file is on the disk when it returns.
 * @throws RdbFormatError, BackupFailedError
 */
export async function copySnapshot(
  { size, stream }: OpenFile,
  file: string,
  signal: AbortSignal | undefined,
  progress: (bytes: number) => void,
): Promise<Contents> {
  const target = await open(file, "wx", 0o600).catch((error: unknown) => {
    throw explainSystem(error, file);
  });
  try {
    const write = async (chunk: Buffer) => {
      await target.write(chunk).catch((error: unknown) => {
        throw explainSystem(error, file);
      });
      progress(chunk.length);
    };
    const contents = await readContents(stream, write, signal);
    if (contents.bytes !== size)
      throw new BackupFailedError(`${file}: ${contents.bytes} of ${size} bytes arrived. Try again.`);
    await target.sync().catch((error: unknown) => {
      throw explainSystem(error, file);
    });
    return contents;
  } finally {
    stream.destroy();
    await target.close();
  }
}

/** Reads a snapshot to its end; `each` gets its bytes as they are. */
export async function readContents(
  stream: AsyncIterable<Buffer>,
  each: (chunk: Buffer) => Promise<void>,
  signal?: AbortSignal,
): Promise<Contents> {
  const hash = createHash("sha256");
  const reader = new RdbReader();
  const perSlot = new Uint32Array(SLOT_COUNT);
  let bytes = 0;
  let keys = 0;
  let expiring = 0;
  let largest: Large | undefined;
  async function* passing(): AsyncGenerator<Buffer> {
    for await (const chunk of stream) {
      signal?.throwIfAborted();
      hash.update(chunk);
      bytes += chunk.length;
      await each(chunk);
      yield chunk;
    }
  }
  for await (const found of reader.keys(passing()))
    for (const { key, slot, value, expiresAtMs } of found) {
      keys++;
      perSlot[slot] = (perSlot[slot] ?? 0) + 1;
      if (expiresAtMs !== undefined) expiring++;
      // A copy: the key points into a window of the reader that would be kept with it.
      if (value.length > (largest?.bytes ?? -1)) largest = { key: Buffer.from(key), bytes: value.length };
    }
  return { bytes, sha256: hash.digest("hex"), keys, expiring, perSlot, facts: reader.facts, largest };
}
