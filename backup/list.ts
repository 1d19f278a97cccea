/** The backups of a place, newest first. */
import { textOf } from "./errors";
import { byCluster, namesakeText } from "./lineage";
import { isIdOf, type Manifest, readManifest } from "./manifest";
import type { Place } from "./place";

export type ListedBackup =
  | { readonly id: string; readonly manifest: Manifest }
  /** Its manifest cannot be read, or is of another one. */
  | { readonly id: string; readonly problem: string };

/** Of one cluster, or of all. */
export async function listBackups(place: Place, cluster?: string): Promise<ListedBackup[]> {
  const listed: ListedBackup[] = [];
  for (const id of await place.ids()) {
    try {
      const manifest = readManifest(await place.manifest(id), `${place.url}/${id}`);
      listed.push(manifest.id === id ? { id, manifest } : { id, problem: renamed(place, id, manifest) });
    } catch (error) {
      listed.push({ id, problem: textOf(error) });
    }
  }
  const isOf = (backup: ListedBackup) =>
    cluster === undefined ||
    ("manifest" in backup ? backup.manifest.cluster === cluster : isIdOf(cluster, backup.id));
  return listed
    .filter(isOf)
    .sort((one, other) => timeOf(other).localeCompare(timeOf(one)) || one.id.localeCompare(other.id));
}

/** A line for each name that several clusters have. */
export function namesakes(url: string, listed: readonly ListedBackup[]): string[] {
  const manifests = listed.flatMap((backup) => ("manifest" in backup ? [backup.manifest] : []));
  const names = [...new Set(manifests.map(({ cluster }) => cluster))];
  return names.flatMap((name) => {
    const clusters = byCluster(manifests.filter(({ cluster }) => cluster === name));
    return namesakeText(name, url, clusters) ?? [];
  });
}

/** A copy or a new name says when something else was taken, and would be kept, removed and restored for that. */
export function renamed({ url }: Place, id: string, manifest: Manifest): string {
  return `${url}/${id} says that it is ${manifest.id}: it was renamed, copied or mixed up. Give it its name back, or move it elsewhere.`;
}

/** The end of its name, which sorts as time does. */
function timeOf({ id }: { readonly id: string }): string {
  return id.slice(-16);
}
