/** The last backup of a cluster, for `status`. */
import { textOf } from "../backup/errors";
import { nodeIds, nodesText, share } from "../backup/lineage";
import { isIdOf, type Manifest, readManifest } from "../backup/manifest";
import { openPlace } from "../backup/open-place";
import type { Place } from "../backup/place";
import type { Target } from "./declaration";
import { age } from "./print/backup";
import { bytes, plural } from "./print/units";
import { lastOnServers, serverFolder } from "./server-backups";
import type { World } from "./world";

export type LastBackup =
  | {
      readonly id: string;
      readonly takenAt: string;
      readonly ageSeconds: number;
      readonly bytes: number;
      readonly keys: number;
      readonly text: string;
    }
  | { readonly problem: string };

/**
 * Undefined where no place is declared. Never throws: a place out of reach is told, and is no matter of the cluster's health.
 * `ids`: of the cluster's nodes; none where no node answers, and then the name must do.
 */
export async function lastBackup(
  target: Pick<Target, "backup" | "hosts" | "kind" | "spec">,
  world: Pick<World, "directory" | "now">,
  ids: ReadonlySet<string>,
): Promise<LastBackup | undefined> {
  const { backup, spec } = target;
  if (backup === undefined) return undefined;
  try {
    const folder = serverFolder(target);
    if (folder !== undefined) {
      const last = await lastOnServers(target);
      return last === undefined
        ? { problem: `no backup yet in ${folder} of the servers: redis-cluster-kit backup` }
        : toldOf(last, `${last.node}:${last.place}/${last.id}`, world.now());
    }
    const place = openPlace(backup.to, world.directory);
    return await newestOf(place, spec.name, ids, world.now());
  } catch (error) {
    return { problem: `last backup: ${textOf(error)}` };
  }
}

/** Another cluster of the same name may write to the same place: its backups are none of this one. */
async function newestOf(
  place: Place,
  cluster: string,
  ids: ReadonlySet<string>,
  now: Date,
): Promise<LastBackup> {
  const names = (await place.ids()).filter((name) => isIdOf(cluster, name)).reverse();
  let theirs: string | undefined;
  for (const id of names) {
    const manifest = readManifest(await place.manifest(id), `${place.url}/${id}`);
    if (ids.size === 0 || share(nodeIds(manifest), ids))
      return toldOf(
        manifest,
        `${place.url}/${id}${theirs === undefined ? "" : `; newer there: ${theirs}`}`,
        now,
      );
    theirs ??= `of another cluster of this name, ${nodesText(manifest)}`;
  }
  const only = theirs === undefined ? "" : `, only one ${theirs}`;
  return { problem: `no backup yet in ${place.url}${only}: redis-cluster-kit backup` };
}

type Known = Pick<Manifest, "id" | "startedAt" | "keys" | "bytes">;

function toldOf({ id, startedAt, keys, bytes: size }: Known, where: string, now: Date): LastBackup {
  return {
    id,
    takenAt: startedAt,
    ageSeconds: Math.round((now.getTime() - new Date(startedAt).getTime()) / 1000),
    bytes: size,
    keys,
    text: `last backup: ${age(startedAt, now)} ago, ${plural(keys, "key")}, ${bytes(size)} (${where})`,
  };
}
