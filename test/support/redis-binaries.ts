/** Real Redis for tests. A missing one is an error: a test that needs it never passes by being skipped. */
import { execFile } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import type { ResolvedServer } from "../../hosts/local";
import { installRedis } from "../../install/redis";

const run = promisify(execFile);

/** The lines of Redis that the kit is tested with. */
export type RedisLine = "5.0" | "6.2" | "7.0";
export const REDIS_LINES: readonly RedisLine[] = ["5.0", "6.2", "7.0"];

/** What is asked for in a line. Another release of the line does as well. */
const VERSIONS: Readonly<Record<RedisLine, string>> = { "5.0": "5.0.14", "6.2": "6.2.14", "7.0": "7.0.15" };

const found = new Map<RedisLine, Promise<ResolvedServer>>();

/**
 * Paths and exact version of a line, looked for in this order:
 * 1. the folder in REDIS_CLUSTER_KIT_TEST_REDIS_50, _62 or _70,
 * 2. redis-server on PATH, if it is of that line,
 * 3. what `npm run up` would use: the kit's cache, else it is fetched and built (about a minute, once).
 */
export function redisBinaries(line: RedisLine): Promise<ResolvedServer> {
  const known = found.get(line) ?? find(line);
  found.set(line, known);
  return known;
}

async function find(line: RedisLine): Promise<ResolvedServer> {
  const variable = `REDIS_CLUSTER_KIT_TEST_REDIS_${line.replace(".", "")}`;
  const folder = process.env[variable];
  if (folder) {
    const binaries = await inFolder(folder);
    if (binaries?.version.startsWith(`${line}.`)) return binaries;
    throw new Error(
      `${variable}=${folder}: expected redis-server ${line}.x, found ${binaries?.version ?? "none"}`,
    );
  }
  for (const entry of (process.env.PATH ?? "").split(delimiter)) {
    const binaries = await inFolder(entry);
    if (binaries?.version.startsWith(`${line}.`)) return binaries;
  }
  const installed = await installRedis({ version: VERSIONS[line] }, (text) => console.log(text));
  if (installed.version.startsWith(`${line}.`)) return installed;
  throw new Error(
    `Redis ${line} for tests: got ${installed.version}; set ${variable} to a folder that has it`,
  );
}

async function inFolder(folder: string): Promise<ResolvedServer | undefined> {
  const server = join(folder, "redis-server");
  const cli = join(folder, "redis-cli");
  try {
    for (const file of [server, cli]) accessSync(file, constants.X_OK);
  } catch {
    return undefined;
  }
  const { stdout } = await run(server, ["--version"], { timeout: 10_000 });
  const version = /v=(\d+\.\d+\.\d+)/.exec(stdout)?.[1];
  return version === undefined ? undefined : { server, cli, version };
}
