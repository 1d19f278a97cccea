import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import * as tar from "tar";
import { cachePath, createFolder } from "./cache";
import { download } from "./download";
import { describe, UnreachableError, UserError } from "./errors";
import { withLock } from "./lock";
import type { Report } from "./progress";
import { buildRedis, MissingToolsError, requireBuildTools } from "./redis-build";
import { cachedRedis, installedRedis, programsIn, type RedisInstall, redisFolder } from "./redis-programs";
import { type Source, sourcesFor } from "./redis-registry";
import {
  chooseSubstitute,
  rememberedSubstitute,
  rememberSubstitute,
  substituteNote,
} from "./redis-substitutes";
import { findUserRedis, installUserRedis } from "./redis-user";
import { DEFAULT_REDIS_VERSION, knownVersions, REDIS_SHA256, vendorUrl } from "./versions";

export type { RedisInstall } from "./redis-programs";

/** Which Redis is wanted. */
export interface RedisRequest {
  /** "5.0.14": one of the table in versions.ts. Default: the last release of the 5 line. Not looked at with `source`. */
  version?: string | undefined;
  /** The user's own: path of a redis-server, of a folder that has one, of a source tarball, or a tarball's address. */
  source?: string | undefined;
  /** SHA-256 of the user's tarball, hex. */
  sha256?: string | undefined;
  /** Forget an earlier stand-in and try the official tarball again. Default false. */
  fresh?: boolean | undefined;
}

const CURE =
  "Give the path of a redis-server or of a tarball, or a tarball's address, as the stack's Redis source; or choose one of: ";

/** A Redis that can be used at once: no network, no build. */
export function findRedis(request: RedisRequest): RedisInstall | undefined {
  if (request.source !== undefined) return findUserRedis({ source: request.source, sha256: request.sha256 });
  const version = request.version ?? DEFAULT_REDIS_VERSION;
  const installed = installedRedis(version);
  if (installed?.version === version) return installed;
  return cachedRedis(version) ?? (request.fresh ? undefined : rememberedSubstitute(version));
}

/**
 * Makes sure of a Redis. In this order: a redis-server on PATH of exactly that version, the cache, the official tarball
 * (checked, built), then a registry's: the same version, or another of the same line with a note that says so.
 * @throws UserError when none can be had: unknown version, no compiler, failed build.
 */
export async function installRedis(request: RedisRequest, report: Report): Promise<RedisInstall> {
  const found = findRedis(request);
  if (found !== undefined) return found;
  // One lock for all versions: two builds at once on a laptop take as long as one after the other.
  return withLock(cachePath("locks", "redis.lock"), "installing Redis", report, async () => {
    const meanwhile = findRedis(request);
    if (meanwhile !== undefined) return meanwhile;
    if (request.source !== undefined) {
      return installUserRedis({ source: request.source, sha256: request.sha256 }, report);
    }
    return installVersion(request.version ?? DEFAULT_REDIS_VERSION, report);
  });
}

async function installVersion(version: string, report: Report): Promise<RedisInstall> {
  const sha256 = REDIS_SHA256[version];
  if (sha256 === undefined) {
    throw new UserError(`Redis ${version} is not known here`, `${CURE}${knownVersions().join(", ")}.`);
  }
  try {
    return await installVendor(version, sha256, report);
  } catch (error) {
    if (error instanceof UnreachableError)
      return installSubstitute(version, describe(error), sourcesFor(version), report);
    if (!(error instanceof MissingToolsError)) throw error;
    const built = sourcesFor(version).filter(({ from }) => from !== "pypi");
    if (chooseSubstitute(version, built) === undefined) throw error;
    return installSubstitute(version, error.problem, built, report);
  }
}

async function installVendor(version: string, sha256: string, report: Report): Promise<RedisInstall> {
  requireBuildTools();
  const target = cachePath("downloads", `redis-${version}.tar.gz`);
  report(`Redis ${version}: not here yet, fetching its source from ${new URL(vendorUrl(version)).host}`);
  await download({ url: vendorUrl(version), target, sha256, label: `Fetching Redis ${version}` }, report);
  const folder = redisFolder(version, "vendor");
  await createFolder(folder, async (draft) => {
    const source = join(draft, "source");
    mkdirSync(source);
    await tar.extract({ file: target, cwd: source, strip: 1 });
    await buildRedis(source, join(draft, "bin"), report);
    rmSync(source, { recursive: true });
  });
  rmSync(target, { force: true });
  return installedIn(join(folder, "bin"), version, "vendor");
}

function installedIn(binDir: string, requested: string, origin: RedisInstall["origin"]): RedisInstall {
  const install = programsIn(binDir, requested, origin);
  if (install !== undefined) return install;
  throw new UserError(
    `Redis ${requested} was put into ${binDir}, but does not run there`,
    "Remove that folder and run again.",
  );
}

async function installSubstitute(
  version: string,
  reason: string,
  sources: readonly Source[],
  report: Report,
): Promise<RedisInstall> {
  const chosen = chooseSubstitute(version, sources);
  if (chosen === undefined) {
    const text = `Redis ${version} cannot be had here: ${reason}, and no package registry has one of its line`;
    throw new UserError(text, `${CURE}${knownVersions().join(", ")}.`);
  }
  if (chosen.from !== "machine") report(`Redis ${version}: ${reason}`);
  const install = await chosen.obtain(report);
  if (install.version === version) return install;
  const note = substituteNote(version, reason, install, chosen.from);
  rememberSubstitute(version, install, note);
  return { ...install, note };
}
