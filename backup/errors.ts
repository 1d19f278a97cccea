/** What goes wrong with backups, for people: each text says what was found and what to do. */

import { RedisReplyError, UnreachableError } from "../cluster/client";

/** The backup or restore was not begun, and nothing was changed. */
export class BackupRefusedError extends Error {
  override readonly name = "BackupRefusedError";
}

/** It was begun and did not succeed. What was taken so far is not visible as a backup. */
export class BackupFailedError extends Error {
  override readonly name = "BackupFailedError";
}

/** A backup is not what it was when it was taken. Names the file. */
export class DamagedBackupError extends Error {
  override readonly name = "DamagedBackupError";
}

const SYSTEM: Readonly<Record<string, string>> = {
  ENOSPC: "no space is left on that disk. Free some, prune old backups, or choose another place",
  EDQUOT: "the disk quota is used up. Free some, prune old backups, or choose another place",
  EACCES: "permission denied. Give this user the right to it, or choose another place",
  EPERM: "permission denied. Give this user the right to it, or choose another place",
  EROFS: "that file system is read-only. Choose another place",
  ENOENT: "there is nothing of that name",
  ENOTDIR: "part of that path is a file, not a folder",
  EIO: "the disk reports an error. Choose another place, and look at that disk",
};

/** A system error with the path and its cure; any other error as it is. */
export function explainSystem(error: unknown, what: string): Error {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  const cure = SYSTEM[code];
  if (cure !== undefined) return new BackupFailedError(`${what}: ${cure} (${code}).`, { cause: error });
  return error instanceof Error ? error : new Error(String(error));
}

/** What a node answered or did not answer, with the cure; any other error as it is. */
export function explainNode(error: unknown, cure: string): unknown {
  if (error instanceof UnreachableError)
    return new BackupFailedError(`a node did not answer: ${error.message}. ${cure}`, { cause: error });
  if (error instanceof RedisReplyError)
    return new BackupFailedError(`${error.node} answered ${error.command} with: ${error.message}. ${cure}`, {
      cause: error,
    });
  return error;
}

export function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
