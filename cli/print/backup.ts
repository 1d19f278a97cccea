/** Backups as people read them. */
import { type ListedBackup, namesakes } from "../../backup/list";
import type { Manifest } from "../../backup/manifest";
import type { PruneReport } from "../../backup/prune";
import type { Rehearsal } from "../../backup/rehearse";
import type { RestoreReport } from "../../backup/restore";
import { formatRanges } from "../../cluster/slots";
import type { Style } from "./style";
import { type Column, fittingTable } from "./table";
import { bytes, count, duration, plural } from "./units";

type Good = Extract<ListedBackup, { readonly manifest: Manifest }>;

export function takenText(place: string, manifest: Manifest, { paint }: Style): string {
  const { id, keys, shards, startedAt, finishedAt, warnings } = manifest;
  const tookMs = new Date(finishedAt).getTime() - new Date(startedAt).getTime();
  return [
    paint("good", `${place}/${id}`),
    `${plural(keys, "key")} of ${plural(shards.length, "shard")}, ${bytes(manifest.bytes)}, in ${duration(tookMs)}`,
    ...shards.map(
      ({ shard, node, role, slots, keys: own }) =>
        `  shard ${shard} from ${node} (${role}), slots ${shorten(formatRanges(slots))}: ${plural(own, "key")}`,
    ),
    ...warnings.map((warning) => paint("warn", `warning: ${warning}`)),
  ].join("\n");
}

function shorten(text: string): string {
  return text.length <= 60 ? text : `${text.slice(0, 57)}...`;
}

export function listText(place: string, listed: readonly ListedBackup[], now: Date, style: Style): string {
  if (listed.length === 0) return `${place} has no backups`;
  const good = listed.filter((backup): backup is Good => "manifest" in backup);
  const columns: Column<Good>[] = [
    { title: "BACKUP", value: ({ id }) => id },
    { title: "AGE", align: "right", value: ({ manifest }) => age(manifest.startedAt, now) },
    { title: "KEYS", align: "right", value: ({ manifest }) => count(manifest.keys) },
    { title: "SIZE", align: "right", value: ({ manifest }) => bytes(manifest.bytes) },
    { title: "SHARDS", align: "right", value: ({ manifest }) => String(manifest.shards.length) },
    { title: "REDIS", value: ({ manifest }) => manifest.redisVersion },
  ];
  const bad = listed.flatMap((backup) => ("problem" in backup ? [style.paint("bad", backup.problem)] : []));
  const table = good.length === 0 ? [] : [fittingTable([{ columns, gap: 2 }], good, style)];
  return [
    ...table,
    ...bad,
    ...namesakes(place, listed).map((text) => style.paint("warn", `warning: ${text}`)),
  ].join("\n");
}

/** "3 h", "2 days" */
export function age(since: string, now: Date): string {
  const minutes = Math.max(0, now.getTime() - new Date(since).getTime()) / 60_000;
  if (minutes < 60) return `${Math.floor(minutes)} min`;
  if (minutes < 48 * 60) return `${Math.floor(minutes / 60)} h`;
  return plural(Math.floor(minutes / 60 / 24), "day");
}

export function verifiedText({ id, keys, shards, bytes: size }: Manifest, { paint }: Style): string {
  return paint(
    "good",
    `${id} is good: ${plural(shards.length, "file")}, ${bytes(size)}, ${plural(keys, "key")}`,
  );
}

export function pruneText(
  { removed, kept, lastGood, damaged, warnings }: PruneReport,
  { paint }: Style,
): string {
  return [
    `${plural(removed.length, "backup")} removed, ${count(kept.length)} kept`,
    ...removed.map((id) => `  removed ${id}`),
    ...(lastGood === undefined
      ? [paint("bad", "no backup is good, so nothing was removed")]
      : [`last good one: ${lastGood}`]),
    ...damaged.map((id) => paint("bad", `damaged, left alone: ${id}`)),
    ...warnings.map((warning) => paint("warn", `warning: ${warning}`)),
  ].join("\n");
}

export function restoredText(cluster: string, report: RestoreReport, { paint }: Style): string {
  const { id, restored, alreadyThere, expired, strays, shards, samples, stages, warnings } = report;
  const there = alreadyThere > 0 ? `, ${count(alreadyThere)} were there already` : "";
  const gone = expired > 0 ? `, ${count(expired)} had expired` : "";
  const astray =
    strays > 0 ? `; ${plural(strays, "key")} of slots that their shard did not own left out` : "";
  const unclear = samples.unclear > 0 ? `, ${count(samples.unclear)} could not be compared` : "";
  const summary = paint("good", `${cluster} holds ${id}`);
  if (restored === 0 && alreadyThere > 0)
    return `${summary} already: ${plural(alreadyThere, "key")}, every slot counted, ${plural(samples.same, "sample")} compared by value`;
  return [
    summary,
    `${plural(restored, "key")} restored${there}${gone}${astray}; ${plural(shards.backup, "shard")} in the backup, ${count(shards.cluster)} in the cluster`,
    `every slot counted, ${plural(samples.same, "sample")} compared by value${unclear}`,
    `verified in ${duration(stages.verify)}, loaded in ${duration(stages.load)}, compared in ${duration(stages.compare)}`,
    ...warnings.map((warning) => paint("warn", `warning: ${warning}`)),
  ].join("\n");
}

export function rehearsedText(id: string, { report, proof, proveMs }: Rehearsal, { paint }: Style): string {
  const { verify, load } = report.stages;
  const gone = proof.expired > 0 ? `; ${count(proof.expired)} expired meanwhile` : "";
  return [
    paint("good", `${id} comes back: every key has its value and its time to live`),
    `${plural(proof.same, "key")} restored into a throwaway cluster and compared with what Redis itself loads from the files${gone}`,
    `verified in ${duration(verify)}, restored in ${duration(load)}, compared in ${duration(proveMs)}`,
  ].join("\n");
}
