/** The backups of a place, newest first. */
import { textOf } from "./errors";
import { type Manifest, readManifest } from "./manifest";
import type { Place } from "./place";

export type ListedBackup =
  | { readonly id: string; readonly manifest: Manifest }
  /** Its manifest cannot be read. */
  | { readonly id: string; readonly problem: string };

/** Of one cluster, or of all. */
export async function listBackups(place: Place, cluster?: string): Promise<ListedBackup[]> {
  const listed: ListedBackup[] = [];
  for (const id of await place.ids()) {
    try {
      listed.push({ id, manifest: readManifest(await place.manifest(id), `${place.url}/${id}`) });
    } catch (error) {
      listed.push({ id, problem: textOf(error) });
    }
  }
  return listed
    .filter(
      (backup) => cluster === undefined || !("manifest" in backup) || backup.manifest.cluster === cluster,
    )
    .sort((one, other) => timeOf(other).localeCompare(timeOf(one)) || one.id.localeCompare(other.id));
}

/** The end of its name, which sorts as time does. */
function timeOf({ id }: { readonly id: string }): string {
  return id.slice(-16);
}
