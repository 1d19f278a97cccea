/** The last backup of a cluster, for `status`. */
import { textOf } from "../backup/errors";
import { isIdOf, type Manifest, readManifest } from "../backup/manifest";
import { openPlace } from "../backup/open-place";
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

/** Undefined where no place is declared. Never throws: a place out of reach is told, and is no matter of the cluster's health. */
export async function lastBackup(
  target: Pick<Target, "backup" | "hosts" | "kind" | "spec">,
  world: Pick<World, "directory" | "now">,
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
    const id = (await place.ids()).filter((name) => isIdOf(spec.name, name)).at(-1);
    if (id === undefined) return { problem: `no backup yet in ${place.url}: redis-cluster-kit backup` };
    return toldOf(
      readManifest(await place.manifest(id), `${place.url}/${id}`),
      `${place.url}/${id}`,
      world.now(),
    );
  } catch (error) {
    return { problem: `last backup: ${textOf(error)}` };
  }
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
