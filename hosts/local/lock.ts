/** One run at a time changes a node's process. The lock dies with its holder, even by SIGKILL. */
import { randomUUID } from "node:crypto";
import { closeSync, openSync } from "node:fs";
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ensureFolder, sha256Hex } from "./files";
import type { ProcessTable } from "./processes";

const POLL_MS = 25;

export interface LockOptions {
  /** Bound on the wait for another holder, in ms. */
  readonly timeoutMs: number;
  /** Called once when the lock is held by somebody else. */
  readonly onWait?: (holderPid: number) => void;
}

/**
 * Runs `body` while no other process (and no other call in this one) runs one under the same name.
 *
 * 1. Every contender creates a file of its own: its pid, a mark of its start time, a random token.
 * 2. Then it looks for files of others. Whoever writes first and looks afterwards cannot be missed by
 *    another that does the same, so two never hold at once.
 * 3. Nobody else's file: held. Otherwise the contender with the smallest file name keeps its file and waits; the
 *    others take theirs back and try later. So contenders never block each other for good.
 * 4. A file whose process has ended (or whose pid has been reused: other mark) is deleted by whoever sees it.
 *    It cannot come alive again, so this needs no care.
 */
export async function withLock<T>(
  table: ProcessTable,
  folder: string,
  name: string,
  options: LockOptions,
  body: () => Promise<T>,
): Promise<T> {
  await ensureFolder(folder);
  const own = await ownFileName(table, name);
  const deadline = performance.now() + options.timeoutMs;
  let told = false;
  try {
    for (;;) {
      closeSync(openSync(join(folder, own), "a", 0o600));
      const others = (await liveHolders(table, folder, name)).filter((other) => other !== own);
      const [first] = others.toSorted();
      if (first === undefined) break;
      if (!told) options.onWait?.(pidIn(first, name));
      told = true;
      if (performance.now() > deadline) throw new Error(lockedText(name, pidIn(first, name), options));
      if (first < own) await rm(join(folder, own), { force: true });
      await sleep(POLL_MS);
    }
    return await body();
  } finally {
    await rm(join(folder, own), { force: true });
  }
}

function lockedText(name: string, pid: number, { timeoutMs }: LockOptions): string {
  return `"${name}" is being changed by another run (pid ${pid}) and was not free within ${timeoutMs / 1000} s. Wait until that run ends, or end it, then run again.`;
}

async function ownFileName(table: ProcessTable, name: string): Promise<string> {
  const status = await table.status(process.pid);
  return `${name}@${process.pid}@${shortMark(status?.mark ?? "")}@${randomUUID()}`;
}

function shortMark(mark: string): string {
  return sha256Hex(mark).slice(0, 12);
}

function pidIn(file: string, name: string): number {
  return Number(file.slice(name.length + 1).split("@", 1)[0]);
}

async function liveHolders(table: ProcessTable, folder: string, name: string): Promise<string[]> {
  const live: string[] = [];
  for (const file of await readdir(folder)) {
    if (!file.startsWith(`${name}@`)) continue;
    const status = await table.status(pidIn(file, name));
    const [, mark] = file.slice(name.length + 1).split("@");
    if (status && shortMark(status.mark) === mark) live.push(file);
    else await rm(join(folder, file), { force: true });
  }
  return live;
}
