/**
 * Which Redis last ran on a node's data. An older release line does not read what a newer one wrote: from 7.0 on the
 * append-only file is in a folder that 6.2 does not look into, so it would start empty and its replicas with it.
 */
import { UserError } from "../errors";
import { readIfThere, writeAtomic } from "./files";
import { dataState, type NodePaths } from "./folder";

/** As noted at the last start; undefined for data that was never started by this host. */
export async function dataVersion(paths: NodePaths): Promise<string | undefined> {
  const noted = (await readIfThere(paths.version))?.trim();
  return noted && /^\d+\.\d+\.\d+$/.test(noted) && (await dataState(paths)) === "present" ? noted : undefined;
}

/** Refuses to let `version` at data of a newer line; otherwise notes that it is the one from now on. */
export async function claimData(name: string, paths: NodePaths, version: string): Promise<void> {
  const before = await dataVersion(paths);
  if (before !== undefined && lineOf(version) < lineOf(before))
    throw new UserError(
      `node "${name}": its data was written by Redis ${before}, which ${version} cannot read. ` +
        `Declare version ${before} again, or move ${paths.folder} away to start empty.`,
    );
  if (before !== version) await writeAtomic(paths.version, `${version}\n`);
}

function lineOf(version: string): number {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  return major * 1000 + minor;
}
