/** Which backups are kept: the newest of each of the last days, weeks and months, and always the last good one. */
import { DamagedBackupError } from "./errors";
import { byCluster, namesakeText } from "./lineage";
import { listBackups } from "./list";
import type { Place } from "./place";
import { type VerifyOptions, verifyBackup } from "./verify";

/** How many days, ISO weeks and months keep their newest backup. Only those that have one count. */
export interface Retention {
  readonly daily: number;
  readonly weekly: number;
  readonly monthly: number;
}

export const DEFAULT_RETENTION: Retention = { daily: 7, weekly: 4, monthly: 12 };

interface Timed {
  readonly id: string;
  readonly startedAt: string;
}

/** Names to keep, by the policy alone. Times are UTC. Pure. */
export function keptBy(retention: Retention, backups: readonly Timed[]): Set<string> {
  const newestFirst = [...backups].sort((one, other) => other.startedAt.localeCompare(one.startedAt));
  const kept = new Set<string>();
  const keep = (limit: number, periodOf: (time: Date) => string) => {
    const seen = new Set<string>();
    for (const { id, startedAt } of newestFirst) {
      const period = periodOf(new Date(startedAt));
      if (seen.has(period)) continue;
      if (seen.size === limit) return;
      seen.add(period);
      kept.add(id);
    }
  };
  keep(retention.daily, (time) => time.toISOString().slice(0, 10));
  keep(retention.weekly, isoWeek);
  keep(retention.monthly, (time) => time.toISOString().slice(0, 7));
  return kept;
}

/** "2026-W47": the week of the year that its Thursday is in. */
export function isoWeek(time: Date): string {
  const thursday = new Date(Date.UTC(time.getUTCFullYear(), time.getUTCMonth(), time.getUTCDate()));
  thursday.setUTCDate(thursday.getUTCDate() + 4 - (thursday.getUTCDay() || 7));
  const year = thursday.getUTCFullYear();
  const week = Math.ceil(((thursday.getTime() - Date.UTC(year, 0, 1)) / 86_400_000 + 1) / 7);
  return `${year}-W${String(week).padStart(2, "0")}`;
}

export interface PruneReport {
  readonly removed: readonly string[];
  readonly kept: readonly string[];
  /** Newest backup whose files are all as they were; undefined: there is none, so nothing was removed. */
  readonly lastGood: string | undefined;
  /** Left alone: somebody has to look at them. */
  readonly damaged: readonly string[];
  /** Told where the place has backups of several clusters of that name. */
  readonly warnings: readonly string[];
}

/**
 * Looks at the newest backups until one is good; that one stays whatever the policy says. Clusters that share no more than
 * their name are pruned one by one: neither may push out what the other one has.
 */
export async function prune(
  place: Place,
  cluster: string,
  retention: Retention,
  options: VerifyOptions & { readonly dryRun?: boolean },
): Promise<PruneReport> {
  const listed = await listBackups(place, cluster);
  const clusters = byCluster(listed.flatMap((backup) => ("manifest" in backup ? [backup.manifest] : [])));
  const damaged = listed.flatMap((backup) => ("manifest" in backup ? [] : [backup.id]));
  const warning = namesakeText(cluster, place.url, clusters);
  const reports: Judged[] = [];
  for (const backups of clusters) reports.push(await judge(place, retention, backups, options));
  const removed = reports.flatMap((report) => report.removed);
  if (options.dryRun !== true) for (const id of removed) await place.remove(id);
  return {
    removed,
    kept: reports.flatMap((report) => report.kept),
    lastGood: reports[0]?.lastGood,
    damaged: [...damaged, ...reports.flatMap((report) => report.damaged)],
    warnings: warning === undefined ? [] : [warning],
  };
}

type Judged = Omit<PruneReport, "warnings">;

/** Of one cluster, newest first. Where none is good, nothing is removed. */
async function judge(
  place: Place,
  retention: Retention,
  backups: readonly Timed[],
  options: VerifyOptions,
): Promise<Judged> {
  const damaged: string[] = [];
  let lastGood: string | undefined;
  for (const { id } of backups) {
    if (await isGood(place, id, options)) {
      lastGood = id;
      break;
    }
    damaged.push(id);
  }
  const good = backups.filter(({ id }) => !damaged.includes(id));
  const keep = keptBy(retention, good).add(lastGood ?? "");
  const removed = lastGood === undefined ? [] : good.map(({ id }) => id).filter((id) => !keep.has(id));
  return { removed, kept: good.map(({ id }) => id).filter((id) => !removed.includes(id)), lastGood, damaged };
}

async function isGood(place: Place, id: string, options: VerifyOptions): Promise<boolean> {
  try {
    await verifyBackup(place, id, options);
    return true;
  } catch (error) {
    if (error instanceof DamagedBackupError) return false;
    throw error;
  }
}
