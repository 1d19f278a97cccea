/** Small file operations that survive a crash at any moment. */
import { createHash, randomUUID } from "node:crypto";
import { closeSync, constants, openSync, renameSync, statSync } from "node:fs";
import { chmod, mkdir, open, readFile, rename, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import type { OpenFile } from "../host";

export function sha256Hex(content: string | Buffer): string {
  return createHash("sha256").update(content).digest("hex");
}

/** The `code` of a system error, e.g. "ENOENT"; "" for anything else. */
export function errorCode(error: unknown): string {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "";
}

export function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Creates the folder and its parents. Only the folders that this call creates get mode 0700. */
export async function ensureFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
}

/** The same for a folder that is all ours: one that was there before is closed to others, too. */
export async function ensurePrivateFolder(folder: string): Promise<void> {
  await ensureFolder(folder);
  if (!(await isPrivate(folder))) await chmod(folder, 0o700);
}

/** Whether nobody but the owner may do anything with it. */
export async function isPrivate(path: string): Promise<boolean> {
  return ((await stat(path)).mode & 0o077) === 0;
}

/** Content as text, or `undefined` when there is no such file. Other errors are thrown. */
export async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    if (errorCode(error) === "ENOENT") return undefined;
    throw error;
  }
}

/**
 * Replaces a file so that a reader, or the next boot after a power cut, finds the old or the new content and
 * never a part: write beside it, fsync, rename, fsync the folder. Mode 0600 from its first byte on.
 * `durable: false` leaves out both fsyncs, for what means nothing after a power cut. Default true.
 */
export async function writeAtomic(
  file: string,
  content: string,
  { durable = true }: { durable?: boolean } = {},
): Promise<void> {
  const temporary = `${file}.${randomUUID()}.tmp`;
  try {
    const handle = await open(temporary, "wx", 0o600);
    try {
      await handle.writeFile(content, "utf8");
      if (durable) await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  if (durable) await syncFolder(dirname(file));
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, constants.O_RDONLY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Opens a log for appending, mode 0600; above `maxBytes` the old one first becomes `<file>.1`. */
export function openLog(file: string, maxBytes: number): { fd: number; offset: number; close(): void } {
  const size = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  const rotated = size > maxBytes;
  if (rotated) renameSync(file, `${file}.1`);
  const fd = openSync(file, "a", 0o600);
  return { fd, offset: rotated ? 0 : size, close: () => closeSync(fd) };
}

/** Text of a file from `offset` (bytes), but at most its last `maxBytes`. Empty when there is no file. */
export async function readTail(file: string, maxBytes: number, offset = 0): Promise<string> {
  let handle: Awaited<ReturnType<typeof open>>;
  try {
    handle = await open(file, "r");
  } catch (error) {
    if (errorCode(error) === "ENOENT") return "";
    throw error;
  }
  try {
    const { size } = await handle.stat();
    const from = Math.max(offset, size - maxBytes, 0);
    const buffer = Buffer.alloc(Math.max(0, size - from));
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, from);
    return buffer.toString("utf8", 0, bytesRead);
  } finally {
    await handle.close();
  }
}

/** Puts `text` in the place of everything that a file has from `offset` (bytes) on. For files whose writer has ended. */
export async function replaceTail(file: string, offset: number, text: string): Promise<void> {
  const handle = await open(file, "r+");
  try {
    await handle.truncate(offset);
    await handle.write(text, offset, "utf8");
  } finally {
    await handle.close();
  }
}

/** Opens a file for reading as a stream. */
export async function openForReading(file: string): Promise<OpenFile> {
  const handle = await open(file, "r");
  try {
    const { size } = await handle.stat();
    return { size, stream: handle.createReadStream({ highWaterMark: 1024 * 1024 }) };
  } catch (error) {
    await handle.close();
    throw error;
  }
}
