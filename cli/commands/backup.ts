/** `backup` and what belongs to it: take, list, verify, prune. The work itself is in backup/. */
import { join } from "node:path";
import { listBackups, namesakes } from "../../backup/list";
import { readManifest } from "../../backup/manifest";
import { writeMetrics } from "../../backup/metrics";
import { openPlace } from "../../backup/open-place";
import type { Place } from "../../backup/place";
import { type PruneReport, prune, type Retention } from "../../backup/prune";
import { rehearse } from "../../backup/rehearse";
import { takeBackup } from "../../backup/take";
import { verifyBackup } from "../../backup/verify";
import type { Answer } from "../answer";
import type { Target } from "../declaration";
import { UsageError } from "../errors";
import { listText, pruneText, rehearsedText, takenText, verifiedText } from "../print/backup";
import { meterLines } from "../print/meter";
import { toolsFor } from "../redis-tools";
import { serverFolder, takeOnServers } from "../server-backups";
import { withThrowaway } from "../throwaway";
import type { World } from "../world";

export interface BackupOptions {
  /** Where to: a folder, or s3://bucket/prefix. */
  readonly to?: string;
  /** File for Prometheus. Default: in the folder itself; with S3 none. */
  readonly metrics?: string;
  /** Files on their way to or from S3. */
  readonly spool?: string;
  /** Prune afterwards. */
  readonly prune?: boolean;
  readonly keep?: Retention;
}

export interface PlaceCommandOptions {
  /** The place. */
  readonly in?: string;
  readonly cluster?: string;
  readonly spool?: string;
  readonly keep?: Retention;
  readonly dryRun?: boolean;
  /** Verify by restoring. */
  readonly restore?: boolean;
}

export async function backupCommand(target: Target, options: BackupOptions, world: World): Promise<Answer> {
  if (options.to === undefined && serverFolder(target) !== undefined) {
    if (options.prune === true || options.keep !== undefined || options.metrics !== undefined)
      throw new UsageError(
        "in the servers' folder backup.retention says what stays, and the metrics file has its place. For a backup elsewhere give --to.",
      );
    return takeOnServers(target, world);
  }
  const place = placeFor(options.to ?? target.backup?.to, options, world, "--to");
  const keep = options.keep ?? target.backup?.retention;
  if (options.prune === true && keep === undefined)
    throw new UsageError("--prune: what is to be kept? e.g. --keep daily=7,weekly=4,monthly=12");
  const tools = await target.tools();
  const signal = world.interruption();
  const progress = meterLines(world);
  const manifest = await takeBackup(target.spec, {
    hosts: target.hosts,
    place,
    tools,
    kitVersion: world.version,
    now: world.now,
    progress,
    signal,
  });
  const metrics = options.metrics ?? metricsFile(place, manifest.cluster);
  if (metrics !== undefined) await writeMetrics(metrics, manifest);
  const pruned =
    options.prune === true && keep !== undefined
      ? await prune(place, manifest.cluster, keep, { tools, signal })
      : undefined;
  return {
    exitCode: 0,
    json: { place: place.url, ...manifest, nodes: undefined, ...(pruned ? { pruned } : {}) },
    text: (style) =>
      [takenText(place.url, manifest, style), ...(pruned ? [pruneText(pruned, style)] : [])].join("\n"),
  };
}

/** Next to the backups. S3 has no such place that a collector could read. */
function metricsFile(place: Place, cluster: string): string | undefined {
  return place.url.startsWith("s3://")
    ? undefined
    : join(place.url, `redis-cluster-kit-backup-${cluster}.prom`);
}

export async function listCommand(options: PlaceCommandOptions, world: World): Promise<Answer> {
  const place = placeFor(options.in, options, world, "--in");
  const listed = await listBackups(place, options.cluster);
  return {
    exitCode: listed.some((backup) => "problem" in backup) ? 1 : 0,
    json: listed.map((backup) =>
      "manifest" in backup
        ? { ...backup.manifest, nodes: undefined }
        : { id: backup.id, problem: backup.problem },
    ),
    text: (style) => listText(place.url, listed, world.now(), style),
  };
}

/** One backup, or the newest of the place; with `--restore` all the way into a cluster and compared key by key. */
export async function verifyCommand(
  id: string | undefined,
  options: PlaceCommandOptions,
  world: World,
): Promise<Answer> {
  const place = placeFor(options.in, options, world, "--in");
  const chosen = id ?? (await newestId(place, options.cluster, (text) => world.say(`warning: ${text}`)));
  const tools = await toolsForBackup(place, chosen, world);
  const [progress, signal] = [meterLines(world), world.interruption()];
  if (options.restore !== true) {
    const { keys, bytes, ...manifest } = await verifyBackup(place, chosen, { tools, progress, signal });
    return {
      exitCode: 0,
      json: { id: chosen, place: place.url, keys, bytes, good: true },
      text: (style) => verifiedText({ ...manifest, keys, bytes }, style),
    };
  }
  const rehearsal = await withThrowaway(tools, world.say, ({ spec, hosts }) =>
    rehearse(spec, { hosts, place, id: chosen, tools, now: world.now, progress, signal }),
  );
  return {
    exitCode: 0,
    json: { id: chosen, place: place.url, good: true, ...rehearsal },
    text: (style) => rehearsedText(chosen, rehearsal, style),
  };
}

export async function pruneCommand(options: PlaceCommandOptions, world: World): Promise<Answer> {
  const place = placeFor(options.in, options, world, "--in");
  const { keep } = options;
  if (keep === undefined) throw new UsageError("what is to be kept? e.g. --keep daily=7,weekly=4,monthly=12");
  const names = options.cluster === undefined ? await clusterNames(place) : [options.cluster];
  const reports: PruneReport[] = [];
  for (const cluster of names)
    reports.push(
      await prune(place, cluster, keep, { dryRun: options.dryRun === true, signal: world.interruption() }),
    );
  return {
    exitCode: reports.some(({ damaged }) => damaged.length > 0) ? 1 : 0,
    json: names.map((cluster, index) => ({ cluster, ...reports[index] })),
    text: (style) => reports.map((report) => pruneText(report, style)).join("\n") || "there are no backups",
  };
}

async function clusterNames(place: Place): Promise<string[]> {
  const listed = await listBackups(place);
  return [
    ...new Set(listed.flatMap((backup) => ("manifest" in backup ? [backup.manifest.cluster] : []))),
  ].sort();
}

/** `onNamesakes` is told where the place has backups of several clusters of one name. */
export async function newestId(
  place: Place,
  cluster: string | undefined,
  onNamesakes: (text: string) => void,
): Promise<string> {
  const listed = await listBackups(place, cluster);
  for (const text of namesakes(place.url, listed)) onNamesakes(text);
  const [newest] = listed.filter((backup) => "manifest" in backup);
  if (newest) return newest.id;
  throw new UsageError(`${place.url} has no backup${cluster === undefined ? "" : ` of ${cluster}`}.`);
}

/** Of the line that wrote it. */
export async function toolsForBackup(place: Place, id: string, world: World) {
  const { redisVersion } = readManifest(await place.manifest(id), `${place.url}/${id}`);
  return toolsFor(redisVersion, world.say);
}

export function placeFor(
  place: string | undefined,
  { spool }: { readonly spool?: string },
  world: World,
  option: string,
): Place {
  if (place === undefined)
    throw new UsageError(`where are the backups? Give ${option} a folder, or s3://bucket/prefix.`);
  return openPlace(place, world.directory, spool === undefined ? {} : { spool });
}
