import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { cachePath } from "./cache";
import { findProgram } from "./process";

/** A Redis that can be started. Paths are absolute. */
export interface RedisInstall {
  /** What was asked for: a version, or the user's source. */
  requested: string;
  /** What `redis-server --version` says. */
  version: string;
  binDir: string;
  server: string;
  cli: string;
  checkRdb: string;
  /** On the machine already, built from the official tarball, from a package registry, or the user's own. */
  origin: "installed" | "vendor" | "registry" | "user";
  /** Why it is not exactly what was asked for. */
  note?: string;
}

/** What `redis-server --version` says, for example "5.0.14"; undefined when it does not run. */
export function serverVersion(server: string): string | undefined {
  const run = spawnSync(server, ["--version"], { encoding: "utf8", timeout: 10_000 });
  return run.status === 0 ? /v=(\d+\.\d+\.\d+)/.exec(run.stdout)?.[1] : undefined;
}

/** The programs of a folder; undefined unless the server runs and a redis-cli is beside it or on PATH. */
export function programsIn(
  binDir: string,
  requested: string,
  origin: RedisInstall["origin"],
): RedisInstall | undefined {
  const server = join(binDir, "redis-server");
  const version = existsSync(server) ? serverVersion(server) : undefined;
  const beside = join(binDir, "redis-cli");
  const cli = existsSync(beside) ? beside : findProgram("redis-cli");
  if (version === undefined || cli === undefined) return undefined;
  return { requested, version, binDir, server, cli, checkRdb: join(binDir, "redis-check-rdb"), origin };
}

/** The redis-server on PATH. */
export function installedRedis(requested: string): RedisInstall | undefined {
  const server = findProgram("redis-server");
  return server === undefined ? undefined : programsIn(dirname(server), requested, "installed");
}

/** Where a version is kept once it is built or unpacked. */
export function redisFolder(version: string, origin: "vendor" | "registry"): string {
  return cachePath("redis", `${version}-${origin}`);
}

/** Exactly this version from the cache. */
export function cachedRedis(version: string): RedisInstall | undefined {
  return (
    programsIn(join(redisFolder(version, "vendor"), "bin"), version, "vendor") ??
    programsIn(join(redisFolder(version, "registry"), "bin"), version, "registry")
  );
}
