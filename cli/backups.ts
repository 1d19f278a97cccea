/** The last backup of a cluster, for `status`. */
import { textOf } from "../backup/errors";
import { isIdOf, readManifest } from "../backup/manifest";
import { openPlace } from "../backup/open-place";
import type { Target } from "./declaration";
import { age } from "./print/backup";
import { bytes, plural } from "./print/units";
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
  { backup, spec }: Pick<Target, "backup" | "spec">,
  world: Pick<World, "directory" | "now">,
): Promise<LastBackup | undefined> {
  if (backup === undefined) return undefined;
  try {
    const place = openPlace(backup.to, world.directory);
    const id = (await place.ids()).filter((name) => isIdOf(spec.name, name)).at(-1);
    if (id === undefined) return { problem: `no backup yet in ${place.url}: redis-cluster-kit backup` };
    const { startedAt, keys, bytes: size } = readManifest(await place.manifest(id), `${place.url}/${id}`);
    const now = world.now();
    return {
      id,
      takenAt: startedAt,
      ageSeconds: Math.round((now.getTime() - new Date(startedAt).getTime()) / 1000),
      bytes: size,
      keys,
      text: `last backup: ${age(startedAt, now)} ago, ${plural(keys, "key")}, ${bytes(size)} (${place.url}/${id})`,
    };
  } catch (error) {
    return { problem: `last backup: ${textOf(error)}` };
  }
}
