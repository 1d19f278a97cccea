import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import envPaths from "env-paths";
import type { z } from "zod";
import { codeOf } from "./errors";
import { processStart } from "./lock";

const NAME = "redis-cluster-kit";

/**
 * Where downloads and builds are kept between runs, outside any checkout: `REDIS_CLUSTER_KIT_CACHE`, else the platform's
 * place for caches ($XDG_CACHE_HOME or ~/.cache; ~/Library/Caches on macOS). Everything in it may be deleted at any time.
 */
export function cacheFolder(env: NodeJS.ProcessEnv = process.env): string {
  return env.REDIS_CLUSTER_KIT_CACHE
    ? resolve(env.REDIS_CLUSTER_KIT_CACHE)
    : envPaths(NAME, { suffix: "" }).cache;
}

/**
 * Where data and secrets of the local target are kept: `REDIS_CLUSTER_KIT_HOME`, else the platform's place for data
 * ($XDG_DATA_HOME or ~/.local/share; ~/Library/Application Support on macOS). Not a cache: deleting it loses stacks.
 */
export function dataFolder(env: NodeJS.ProcessEnv = process.env): string {
  return env.REDIS_CLUSTER_KIT_HOME
    ? resolve(env.REDIS_CLUSTER_KIT_HOME)
    : envPaths(NAME, { suffix: "" }).data;
}

/** Path inside the cache; its parent folder exists afterwards. */
export function cachePath(...parts: string[]): string {
  const path = join(cacheFolder(), ...parts);
  mkdirSync(join(path, ".."), { recursive: true });
  return path;
}

let drafts = 0;

/**
 * Builds a folder whole or not at all: `fill` works in a draft beside `folder`, which gets its name by rename at the end.
 * A killed run leaves a draft behind (removed by the next one), never half a `folder`. An existing `folder` is replaced.
 */
export async function createFolder(folder: string, fill: (draft: string) => Promise<void>): Promise<void> {
  removeOldDrafts(folder);
  const draft = `${folder}.${process.pid}-${drafts++}.tmp`;
  mkdirSync(draft, { recursive: true });
  try {
    await fill(draft);
    replaceFolder(draft, folder);
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}

/** Drafts of runs that were killed. */
function removeOldDrafts(folder: string): void {
  const parent = dirname(folder);
  if (!existsSync(parent)) return;
  for (const name of readdirSync(parent).filter((entry) => entry.startsWith(`${basename(folder)}.`))) {
    const pid = /\.(\d+)-\d+\.tmp(\.old)?$/.exec(name)?.[1];
    if (pid === undefined || processStart(Number(pid)) !== undefined) continue;
    rmSync(join(parent, name), { recursive: true, force: true });
  }
}

function replaceFolder(draft: string, folder: string): void {
  const old = `${draft}.old`;
  if (existsSync(folder)) renameSync(folder, old);
  try {
    renameSync(draft, folder);
  } catch (error) {
    // Another run was faster: its folder was made the same way and is as good.
    if (codeOf(error) !== "ENOTEMPTY" && codeOf(error) !== "EEXIST") throw error;
  } finally {
    rmSync(old, { recursive: true, force: true });
  }
}

/** A small JSON file of ours; undefined when it is missing, damaged or of another shape (it is made anew then). */
export function readJson<T>(file: string, schema: z.ZodType<T>): T | undefined {
  try {
    return schema.parse(JSON.parse(readFileSync(file, "utf8")));
  } catch {
    return undefined;
  }
}
