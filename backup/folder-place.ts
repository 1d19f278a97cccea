/** Backups in a directory. A draft is a folder beside the backups with a leading dot, renamed when it is whole. */
import { randomUUID } from "node:crypto";
import { constants } from "node:fs";
import { access, mkdir, open, readdir, readFile, rename, rm, stat, statfs } from "node:fs/promises";
import { join } from "node:path";
import { BackupFailedError, BackupRefusedError, DamagedBackupError, explainSystem } from "./errors";
import { isBackupId, isIdOf, MANIFEST_FILE } from "./manifest";
import type { Draft, Fetched, Place } from "./place";

/** `.taking-<id>.<uuid>`, `.removing-<id>.<uuid>`: what is not a backup, or not any more. */
const LEFTOVER = /^\.(?:taking|removing)-(.+)\.[0-9a-f-]{36}$/;

export function openFolder(folder: string): Place {
  return {
    url: folder,
    ids: () => ids(folder),
    manifest: (id) => manifest(folder, id),
    fetch: (id, file) => fetchFile(folder, id, file),
    draft: (id) => draft(folder, id),
    remove: (id) => remove(folder, id),
    sweep: (cluster, olderThanMs) => sweep(folder, cluster, olderThanMs),
    free: async () => {
      const { bavail, bsize } = await statfs(folder);
      return bavail * bsize;
    },
  };
}

async function ids(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: unknown) => {
    throw explainSystem(error, folder);
  });
  return entries
    .filter((entry) => entry.isDirectory() && isBackupId(entry.name))
    .map(({ name }) => name)
    .sort();
}

async function manifest(folder: string, id: string): Promise<string> {
  const file = join(folder, id, MANIFEST_FILE);
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    if (codeOf(error) !== "ENOENT") throw explainSystem(error, file);
    const isThere = await stat(join(folder, id)).catch(() => undefined);
    if (!isThere) throw new BackupRefusedError(`${join(folder, id)}: there is no such backup.`);
    throw new DamagedBackupError(`${file} is missing: this is no whole backup. Use another one.`);
  }
}

async function fetchFile(folder: string, id: string, file: string): Promise<Fetched> {
  const path = join(folder, id, file);
  await access(path, constants.R_OK).catch((error: unknown) => {
    if (codeOf(error) === "ENOENT") throw new DamagedBackupError(`${path} is missing. Use another backup.`);
    throw explainSystem(error, path);
  });
  return { path, release: async () => {} };
}

async function draft(folder: string, id: string): Promise<Draft> {
  const own = join(folder, `.taking-${id}.${randomUUID()}`);
  const target = join(folder, id);
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await mkdir(own, { mode: 0o700 });
  } catch (error) {
    throw new BackupRefusedError(explainSystem(error, folder).message, { cause: error });
  }
  return {
    folder: own,
    commit: async (files, text) => {
      try {
        const handle = await open(join(own, MANIFEST_FILE), "wx", 0o600);
        try {
          await handle.writeFile(text, "utf8");
          await handle.sync();
        } finally {
          await handle.close();
        }
        for (const file of files) await syncPath(join(own, file));
        await syncPath(own);
        // An existing folder that holds anything makes rename fail: two backups of one second do not mix.
        await rename(own, target);
        await syncPath(folder);
      } catch (error) {
        if (codeOf(error) === "ENOTEMPTY" || codeOf(error) === "EEXIST")
          throw new BackupFailedError(
            `${target} is there already: another backup was taken in this very second.`,
          );
        throw explainSystem(error, own);
      }
    },
    discard: () => rm(own, { recursive: true, force: true }),
  };
}

async function remove(folder: string, id: string): Promise<void> {
  const gone = join(folder, `.removing-${id}.${randomUUID()}`);
  try {
    await rename(join(folder, id), gone);
    await rm(gone, { recursive: true, force: true });
  } catch (error) {
    throw explainSystem(error, join(folder, id));
  }
}

async function sweep(folder: string, cluster: string, olderThanMs: number): Promise<string[]> {
  const swept: string[] = [];
  for (const name of await readdir(folder).catch(() => [])) {
    if (!isIdOf(cluster, LEFTOVER.exec(name)?.[1] ?? "")) continue;
    const path = join(folder, name);
    if (Date.now() - (await newestChange(path)) < olderThanMs) continue;
    await rm(path, { recursive: true, force: true });
    swept.push(path);
  }
  return swept;
}

/** A run that still writes changes one of its files all the time. Unix time in ms. */
async function newestChange(path: string): Promise<number> {
  const files = await readdir(path).catch(() => []);
  const all = [path, ...files.map((file) => join(path, file))];
  const times = await Promise.all(
    all.map(async (one) => (await stat(one).catch(() => undefined))?.mtimeMs ?? 0),
  );
  return Math.max(...times);
}

async function syncPath(path: string): Promise<void> {
  const handle = await open(path, constants.O_RDONLY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}
