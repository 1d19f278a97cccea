/** Whether a backup is what was taken: manifest, checksums, Redis's own check, counts. Changes nothing. */
import { createReadStream } from "node:fs";
import { expandRanges } from "../cluster/slots";
import { checkRdb, type RedisTools } from "./check-rdb";
import { type Contents, readContents } from "./copy";
import { DamagedBackupError, explainSystem, textOf } from "./errors";
import { renamed } from "./list";
import { type Manifest, readManifest, type ShardBackup } from "./manifest";
import type { Fetched, Place } from "./place";
import type { Progress } from "./progress";
import { RdbFormatError } from "./rdb/reader";

export interface VerifyOptions {
  /** For redis-check-rdb; without it that check is left out (checksums and counts are compared all the same). */
  readonly tools?: RedisTools;
  readonly progress?: Progress;
  readonly signal?: AbortSignal;
}

/** One file of a good backup, on this machine. */
export interface GoodFile {
  readonly shard: ShardBackup;
  readonly path: string;
  readonly contents: Contents;
}

/** @throws DamagedBackupError naming the file */
export async function verifyBackup(place: Place, id: string, options: VerifyOptions): Promise<Manifest> {
  return withGoodFiles(place, id, options, async (manifest) => manifest);
}

/** Brings the files here, checks every one, and only then calls `use`. */
export async function withGoodFiles<T>(
  place: Place,
  id: string,
  options: VerifyOptions,
  use: (manifest: Manifest, files: readonly GoodFile[]) => Promise<T>,
): Promise<T> {
  const manifest = readManifest(await place.manifest(id), `${place.url}/${id}`);
  if (manifest.id !== id) throw new DamagedBackupError(renamed(place, id, manifest));
  const meter = options.progress?.meter("verifying", manifest.bytes) ?? (() => undefined);
  const fetched: Fetched[] = [];
  try {
    const files: GoodFile[] = [];
    for (const shard of manifest.shards) {
      const file = await place.fetch(id, shard.file);
      fetched.push(file);
      files.push({
        shard,
        path: file.path,
        contents: await checkFile(`${place.url}/${id}/${shard.file}`, file.path, shard, options, meter),
      });
    }
    return await use(manifest, files);
  } finally {
    for (const { release } of fetched) await release();
  }
}

async function checkFile(
  name: string,
  path: string,
  shard: ShardBackup,
  { tools, signal }: VerifyOptions,
  meter: (bytes: number) => void,
): Promise<Contents> {
  const contents = await readWhole(name, path, signal, meter);
  const problem = problemOf(contents, shard);
  if (problem !== undefined)
    throw new DamagedBackupError(`${name} is damaged: ${problem}. Use another backup.`);
  const told = keysInFile(shard);
  const counted = tools === undefined ? told : await checkRdb(tools, path);
  if (counted !== told)
    throw new DamagedBackupError(
      `${name} is damaged: redis-check-rdb counts ${counted} keys, the manifest says ${told}.`,
    );
  return contents;
}

async function readWhole(
  name: string,
  path: string,
  signal: AbortSignal | undefined,
  meter: (bytes: number) => void,
): Promise<Contents> {
  const stream = createReadStream(path, { highWaterMark: 1024 * 1024 });
  try {
    return await readContents(stream, async (chunk) => meter(chunk.length), signal);
  } catch (error) {
    if (isOfContent(error) || isUnreadable(error))
      throw new DamagedBackupError(`${name} is damaged: ${textOf(error)}. Use another backup.`, {
        cause: error,
      });
    throw explainSystem(error, name);
  } finally {
    stream.destroy();
  }
}

/** What a parser says of bytes that are not what they should be: also what it did not foresee (a length that is none). */
function isOfContent(error: unknown): boolean {
  return error instanceof RdbFormatError || error instanceof RangeError || error instanceof TypeError;
}

/** A sector that the disk does not give back any more is damage of this file, not of the place. */
function isUnreadable(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "EIO";
}

function problemOf(contents: Contents, shard: ShardBackup): string | undefined {
  if (contents.bytes !== shard.bytes)
    return `it has ${contents.bytes} bytes, the manifest says ${shard.bytes}`;
  if (contents.sha256 !== shard.sha256) return "its sha256 is not the manifest's";
  const told = keysInFile(shard);
  if (contents.keys !== told) return `it has ${contents.keys} keys, the manifest says ${told}`;
  // A server's timer counts keys of strange slots beside the save, not in the file: there the sum alone is exact.
  if (shard.keysPerSlot === undefined) return undefined;
  const own = expandRanges(shard.slots).reduce((sum, slot) => sum + (contents.perSlot[slot] ?? 0), 0);
  if (own !== shard.keys) return `it has ${own} keys of its shard's slots, the manifest says ${shard.keys}`;
  return undefined;
}

function keysInFile({ keys, strays = 0 }: ShardBackup): number {
  return keys + strays;
}
