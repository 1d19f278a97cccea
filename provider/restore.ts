/** `restore`: a new cluster gets its keys from a backup, once, and continues where a failed run stopped. */

import { listBackups, namesakes } from "../backup/list";
import { isBackupId } from "../backup/manifest";
import { openPlace } from "../backup/open-place";
import { type Place, splitBackupUrl } from "../backup/place";
import { type RestoreReport, restoreBackup } from "../backup/restore";
import type { ClusterSpec } from "../cluster/spec";
import type { Run } from "./run";

/**
 * Restores what is declared unless the state says that it was restored. Returns what the state is to remember.
 * @throws BackupRefusedError where the cluster has keys, DamagedBackupError, BackupFailedError
 */
export async function restoreDeclared(run: Run, spec: ClusterSpec, restored: string): Promise<string> {
  const { declaration, report, access, options } = run;
  const { restore } = declaration;
  if (restore === undefined || restore === restored) return restored;
  report.hasBegun = true;
  report.status(`restoring ${restore}`);
  const { server, version } = await access.redis({ install: true });
  const done = await restoreBackup(spec, {
    ...(await declaredBackup(restore, spec.name)),
    hosts: options.hosts,
    ...(server === undefined ? {} : { tools: { server, version } }),
    now: () => new Date(),
    progress: { text: (line) => report.status(line), meter: (stage, total) => meter(report, stage, total) },
    signal: options.signal,
  }).catch((error: unknown) => {
    const isForeign = error instanceof Error && error.message.includes("has keys (");
    if (!isForeign) throw error;
    throw new Error(`${error.message} If they are wanted: \`pulumi config rm restore\`.`, { cause: error });
  });
  report.info(summary(done));
  for (const warning of done.warnings) report.warn(warning);
  return restore;
}

/** One backup, or the newest of this cluster at a place. @throws Error where there is none, or several clusters have that name */
export async function declaredBackup(
  restore: string,
  cluster: string,
): Promise<{ readonly place: Place; readonly id: string }> {
  const { place, id } = splitBackupUrl(restore);
  if (isBackupId(id)) return { place: openPlace(place, process.cwd()), id };
  const whole = openPlace(restore, process.cwd());
  const listed = await listBackups(whole, cluster);
  const [several] = namesakes(whole.url, listed);
  if (several !== undefined)
    throw new Error(`restore: ${several}. Which one is it? \`pulumi config set restore ${restore}/NAME\`.`);
  const [newest] = listed.filter((backup) => "manifest" in backup);
  if (newest) return { place: whole, id: newest.id };
  throw new Error(
    `${restore} is no backup, and has none of ${cluster}. \`redis-cluster-kit backup list --in ${restore}\` tells more.`,
  );
}

function meter(report: Run["report"], stage: string, total: number): (bytes: number) => void {
  let done = 0;
  let told = 0;
  return (bytes) => {
    done += bytes;
    const percent = Math.floor((100 * done) / Math.max(1, total));
    if (percent < told + 10) return;
    told = percent;
    report.status(`${stage}: ${percent} %`);
  };
}

function summary({ id, keys, restored, alreadyThere, expired, stages }: RestoreReport): string {
  const seconds = ((stages.verify + stages.load + stages.compare) / 1000).toFixed(1);
  const gone = expired > 0 ? `, ${expired} had expired` : "";
  return `restored ${id}: ${restored + alreadyThere} of ${keys} keys${gone}, every slot counted, samples compared (${seconds} s)`;
}
