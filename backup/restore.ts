/** Restores a backup into an empty cluster of any number of shards, and proves by counts and samples that it is there. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { type Clock, systemClock } from "../cluster/clock";
import { openSessions } from "../cluster/engine";
import { lockName, takeLock } from "../cluster/lock";
import { observe } from "../cluster/observe";
import type { Sessions } from "../cluster/sessions";
import type { ClusterSpec, NodeSpec } from "../cluster/spec";
import type { Host } from "../hosts/host";
import type { RedisTools } from "./check-rdb";
import { type Compared, compareSamples, countProblems, Expected, Sampler } from "./compare";
import { BackupFailedError, BackupRefusedError } from "./errors";
import { fitness, type LiveShard } from "./fit";
import { restoreFunctions } from "./functions";
import { Loader } from "./load";
import { type Manifest, readManifest } from "./manifest";
import { deleteMarker, type Marker, readMarker, writeMarker } from "./marker";
import type { Place } from "./place";
import type { Progress } from "./progress";
import { RdbReader, restorePayload } from "./rdb/reader";
import { refuseTarget } from "./target";
import { type GoodFile, withGoodFiles } from "./verify";

export interface RestoreOptions {
  readonly hosts: (node: NodeSpec) => Host;
  readonly place: Place;
  /** Name of the backup at the place. */
  readonly id: string;
  /** A Redis on this machine of the cluster's line or newer: checks files, judges values that are stored in another way. */
  readonly tools?: RedisTools;
  readonly now: () => Date;
  readonly progress?: Progress;
  readonly signal?: AbortSignal;
  readonly clock?: Clock;
}

export interface RestoreReport {
  readonly id: string;
  readonly takenAt: string;
  /** In the backup. */
  readonly keys: number;
  readonly restored: number;
  /** From a run that was killed. */
  readonly alreadyThere: number;
  /** Their time had come before they could be restored. */
  readonly expired: number;
  readonly shards: { readonly backup: number; readonly cluster: number };
  readonly samples: Omit<Compared, "problems">;
  /** How long each stage took, in ms. */
  readonly stages: Readonly<Record<"verify" | "load" | "compare", number>>;
}

interface Work extends RestoreOptions {
  readonly spec: ClusterSpec;
  readonly sessions: Sessions;
  readonly clock: Clock;
}

/**
 * 1. Hold the cluster's lock; see that it is whole, new enough, large enough, and empty, or marked by a killed restore of
 *    this very backup, which is then continued.
 * 2. Check every file of the backup: nothing is written for one that is damaged.
 * 3. Write the marker, then the keys. A key that is there is never overwritten.
 * 4. Count the keys of every slot, compare samples by value, delete the marker.
 * @throws BackupRefusedError, DamagedBackupError, BackupFailedError, LockedError
 */
export async function restoreBackup(spec: ClusterSpec, options: RestoreOptions): Promise<RestoreReport> {
  const { place, id } = options;
  const clock = options.clock ?? systemClock;
  const text = await place.manifest(id);
  const sha256 = createHash("sha256").update(text).digest("hex");
  const manifest = readManifest(text, `${place.url}/${id}`);
  const holder = lockName(`restore-pid-${process.pid}`, options.now().toISOString());
  const sessions = openSessions(spec, options, holder, 60_000);
  try {
    await takeLock([...spec.nodes, ...spec.leaving], sessions);
    const work = { ...options, spec, sessions, clock };
    const shards = await liveShards(work);
    const found = await readMarker(sessions, shards);
    const marker = { id, sha256, startedAt: options.now().toISOString() };
    refuseTarget({ name: spec.name, shards, manifest, found, marker });
    const began = clock.now();
    return await withGoodFiles(place, id, options, (_, files) =>
      restoreFiles({ ...work, shards, found, marker, manifest }, files, clock.now() - began),
    );
  } finally {
    sessions.close();
  }
}

interface Ready extends Work {
  readonly shards: readonly LiveShard[];
  readonly found: Marker | undefined;
  readonly marker: Marker;
  readonly manifest: Manifest;
}

async function restoreFiles(work: Ready, files: readonly GoodFile[], verify: number): Promise<RestoreReport> {
  const { clock, sessions, progress, shards, found, marker, manifest } = work;
  const [began, startedMs] = [clock.now(), work.now().getTime()];
  if (!found) await writeMarker(sessions, shards, marker);
  else progress?.text(`continuing the restore that was begun at ${found.startedAt}`);
  await restoreFunctions(sessions, shards, files);
  const expected = new Expected(startedMs);
  const sampler = new Sampler(manifest.keys);
  const loader = new Loader({ ...work, shards: () => liveShards(work), continues: found !== undefined });
  try {
    const expired = await loadAll(work, loader, files, expected, sampler);
    const loaded = clock.now();
    progress?.text(`comparing ${manifest.keys - expired} keys by slot, ${sampler.items.length} by value`);
    const samples = await prove(work, expected, sampler);
    const { restored, present: alreadyThere } = loader;
    return {
      id: manifest.id,
      takenAt: manifest.startedAt,
      keys: manifest.keys,
      restored,
      alreadyThere,
      expired,
      shards: { backup: manifest.shards.length, cluster: shards.length },
      samples: { same: samples.same, gone: samples.gone, unclear: samples.unclear },
      stages: { verify, load: loaded - began, compare: clock.now() - loaded },
    };
  } finally {
    loader.close();
  }
}

/** @throws BackupRefusedError where the cluster cannot be written to. */
async function liveShards({ spec, sessions, hosts, clock }: Work): Promise<readonly LiveShard[]> {
  const { problems, shards } = fitness(spec, await observe(spec, sessions, hosts, clock));
  if (problems.length > 0)
    throw new BackupRefusedError(
      `${spec.name} cannot take a restore now:\n${problems.map((text) => `  ${text}`).join("\n")}`,
    );
  return shards;
}

/** All files at once: each fills the servers that have its slots. Returns how many keys had expired. */
async function loadAll(
  { now, progress }: Work,
  loader: Loader,
  files: readonly GoodFile[],
  expected: Expected,
  sampler: Sampler,
): Promise<number> {
  let expired = 0;
  const meter = progress?.meter(
    "restoring",
    files.reduce((sum, { shard }) => sum + shard.bytes, 0),
  );
  const loadOne = async ({ path }: GoodFile) => {
    const reader = new RdbReader();
    for await (const keys of reader.keys(metered(path, meter)))
      for (const found of keys) {
        const { key, slot, expiresAtMs } = found;
        if (expiresAtMs !== undefined && expiresAtMs <= now().getTime()) {
          expired++;
          continue;
        }
        const item = { key, slot, expiresAtMs, payload: restorePayload(found, reader.facts.version) };
        expected.add(item);
        sampler.offer(item, found.type);
        await loader.add(item);
      }
  };
  await loader.open();
  await Promise.all(files.map(loadOne));
  await loader.finish();
  return expired;
}

async function* metered(path: string, meter: ((bytes: number) => void) | undefined): AsyncGenerator<Buffer> {
  for await (const chunk of createReadStream(path, { highWaterMark: 256 * 1024 }) as AsyncIterable<Buffer>) {
    meter?.(chunk.length);
    yield chunk;
  }
}

async function prove(work: Work, expected: Expected, sampler: Sampler): Promise<Compared> {
  const { sessions, tools } = work;
  const shards = await liveShards(work);
  const counts = await countProblems(sessions, shards, expected, () => work.now().getTime());
  const samples = await compareSamples(sessions, shards, sampler.items, tools);
  const problems = [...counts, ...samples.problems];
  if (problems.length > 0) {
    const shown = problems.slice(0, 10).map((text) => `  ${text}`);
    const more = problems.length > 10 ? [`  and ${problems.length - 10} further differences`] : [];
    throw new BackupFailedError(
      [
        "the restored cluster is not what the backup holds:",
        ...shown,
        ...more,
        "Does somebody else write to it? Run the restore again: it continues and compares anew.",
      ].join("\n"),
    );
  }
  await settleReplicas(sessions, shards);
  await deleteMarker(sessions, shards);
  return samples;
}

/** What was restored is on the replicas, too, before the restore is called done. */
async function settleReplicas(sessions: Sessions, shards: readonly LiveShard[]): Promise<void> {
  const wait = async ({ primary, replicas }: LiveShard) => {
    if (replicas.length === 0) return;
    await sessions.withClient(primary.spec, (client) => client.call("WAIT", replicas.length, 30_000));
  };
  await Promise.all(shards.map(wait));
}
