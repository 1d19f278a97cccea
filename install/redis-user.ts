import { createHash } from "node:crypto";
import { existsSync, rmSync, statSync } from "node:fs";
import { copyFile, mkdir } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import * as tar from "tar";
import { cachePath, createFolder } from "./cache";
import { download, verify } from "./download";
import { UserError } from "./errors";
import { isExecutable } from "./process";
import type { Report } from "./progress";
import { buildRedis, findSource } from "./redis-build";
import { programsIn, type RedisInstall } from "./redis-programs";

/** A Redis of the user's own: `source` as in RedisRequest. */
export interface UserSource {
  source: string;
  sha256?: string | undefined;
}

const ARCHIVE = /\.(tar\.gz|tgz|tar)$/;
const FORMS =
  "It may be a redis-server, a folder that has one (itself, bin/ or src/), a source .tar.gz, or its address.";

function isAddress(source: string): boolean {
  return /^https?:\/\//.test(source);
}

/** Where what is built from a tarball is kept: another tarball (address, content, time, checksum) is another folder. */
function builtFolder({ source, sha256 }: UserSource): string {
  const file = isAddress(source) ? undefined : statSync(resolve(source));
  const identity = isAddress(source) ? source : `${resolve(source)} ${file?.size} ${file?.mtimeMs}`;
  const key = createHash("sha256")
    .update(`${identity} ${sha256 ?? ""}`)
    .digest("hex")
    .slice(0, 16);
  return cachePath("redis", `user-${key}`);
}

/** The folder with the programs, for a path to a server or to a folder. @throws UserError when there is none. */
function programFolder(source: string): string {
  const path = resolve(source);
  if (!existsSync(path)) throw new UserError(`The Redis source ${path} does not exist`, FORMS);
  if (statSync(path).isFile()) return dirname(path);
  const folders = [path, join(path, "bin"), join(path, "src")];
  const found = folders.find((folder) => isExecutable(join(folder, "redis-server")));
  if (found === undefined) throw new UserError(`There is no redis-server in ${folders.join(", ")}`, FORMS);
  return found;
}

/** The user's own Redis if it can be used as it is (a tarball: if it was built before). No network, no build. */
export function findUserRedis(user: UserSource): RedisInstall | undefined {
  if (!isAddress(user.source) && !ARCHIVE.test(user.source)) {
    return programsIn(programFolder(user.source), user.source, "user");
  }
  if (!isAddress(user.source) && !existsSync(resolve(user.source))) return undefined;
  return programsIn(join(builtFolder(user), "bin"), user.source, "user");
}

/** Fetches, verifies and builds as need be. @throws UserError when the source is none. */
export async function installUserRedis(user: UserSource, report: Report): Promise<RedisInstall> {
  const { source, sha256 } = user;
  if (isAddress(source) || ARCHIVE.test(source)) {
    if (!isAddress(source) && !existsSync(resolve(source))) {
      throw new UserError(`The Redis source ${resolve(source)} does not exist`, FORMS);
    }
    await createFolder(builtFolder(user), (draft) => buildFromTarball(source, sha256, draft, report));
  }
  const found = findUserRedis(user);
  if (found !== undefined) return found;
  throw new UserError(`${source}: there is no redis-server that runs here with a redis-cli beside it`, FORMS);
}

async function buildFromTarball(source: string, sha256: string | undefined, draft: string, report: Report) {
  const work = join(draft, "source");
  const archive = join(draft, "source.tar.gz");
  if (isAddress(source))
    await download({ url: source, target: archive, sha256, label: `Fetching ${source}` }, report);
  else {
    // A copy is verified and unpacked: verify() removes what it refuses, and the user's file is not ours to remove.
    await copyFile(resolve(source), archive);
    if (sha256 !== undefined) await verify(archive, sha256, source);
  }
  await mkdir(work);
  await tar.extract({ file: archive, cwd: work });
  const root = findSource(work);
  if (root === undefined) throw new UserError(`${source} holds no Redis source (src/version.h)`, FORMS);
  await buildRedis(root, join(draft, "bin"), report);
  rmSync(work, { recursive: true });
  rmSync(archive);
}
