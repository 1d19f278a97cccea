/** Restores a backup into an empty cluster of any number of shards, and proves by counts and samples that it is there. */
import { createHash } from "node:crypto";
import { type Clock, systemClock } from "../cluster/clock";
import { openSessions } from "../cluster/engine";
import { lockName, takeLock } from "../cluster/lock";
import type { Sessions } from "../cluster/sessions";
import type { ClusterSpec, NodeSpec } from "../cluster/spec";
import type { Host } from "../hosts/host";
import type { RedisTools } from "./check-rdb";
import { clusterAheadMs } from "./cluster-time";
import { countKeys, countProblems, Expected } from "./compare";
import type { Large } from "./copy";
import { BackupFailedError, explainNode } from "./errors";
import { evictionProblems, evictionsOf } from "./evictions";
import type { LiveShard } from "./fit";
import { untilFollowed } from "./follow";
import { restoreFunctions } from "./functions";
import { raiseLimits } from "./limits";
import { Loader } from "./load";
import { type Manifest, readManifest } from "./manifest";
import { deleteMarker, type Marker, readMarker, writeMarker } from "./marker";
import type { Place } from "./place";
import type { Progress } from "./progress";
import { type LeftOut, readKeys } from "./read-keys";
import { type Compared, Judge, Sampler } from "./samples";
import { settled } from "./settled";
import { couldBe, foreignKeys, hasKeys, refuseTarget } from "./target";
import { type GoodFile, withGoodFiles } from "./verify";
import { Wire } from "./wire";

/** A server that loads a large value, or waits for its disk, is slow, not gone. */
const REPLY_MS = 120_000;
/** How long replicas may take, at the end, to have what their primaries have; one that fell behind gets all of it anew. */
const FOLLOW_MS = 60_000;
/** From here on a difference of clocks is worth a line. */
const CLOCK_MS = 5_000;

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
  /** Left out: keys of slots that their shard did not own when it was saved. */
  readonly strays: number;
  readonly shards: { readonly backup: number; readonly cluster: number };
  readonly samples: Omit<Compared, "problems">;
  /** What is not as it should be and does not make the restore wrong, e.g. a replica that lags. */
  readonly warnings: readonly string[];
  /** How long each stage took, in ms. */
  readonly stages: Readonly<Record<"verify" | "load" | "compare", number>>;
}

interface Work extends RestoreOptions {
  readonly spec: ClusterSpec;
  readonly sessions: Sessions;
  readonly clock: Clock;
  readonly judge: Judge;
}

/**
 * 1. Hold the cluster's lock; see that it is whole, new enough, large enough, and empty, or marked by a killed restore of
 *    this very backup, which is then continued. From here on the time is the cluster's, not this machine's.
 * 2. Check every file of the backup: nothing is written for one that is damaged.
 * 3. Write the marker, then the keys. A key that is there is never overwritten.
 * 4. Count the keys of every slot, compare samples by value, wait for the replicas, delete the marker.
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
  const judge = new Judge(sessions, options.tools);
  try {
    await takeLock([...spec.nodes, ...spec.leaving], sessions);
    const given = { ...options, spec, sessions, clock, judge };
    const shards = await liveShards(given);
    const work = { ...given, now: await clusterClock(given, shards) };
    const found = await readMarker(sessions, shards);
    const marker = { id, sha256, startedAt: options.now().toISOString() };
    const began = clock.now();
    if (found === undefined && hasKeys(shards))
      return await findRestored({ ...work, shards, manifest }, began);
    refuseTarget({ name: spec.name, shards, manifest, found, marker });
    return await withGoodFiles(place, id, options, (_, files) =>
      restoreFiles({ ...work, shards, found, marker, manifest }, files, clock.now() - began),
    );
  } catch (error) {
    throw explainNode(error, "Run the restore again when the cluster is healthy: it continues.");
  } finally {
    await judge.end();
    sessions.close();
  }
}

/** A wrong clock of this machine must not decide which keys have expired. */
async function clusterClock(
  { sessions, now, progress }: Work,
  shards: readonly LiveShard[],
): Promise<() => Date> {
  const aheadMs = await clusterAheadMs(sessions, shards, now);
  if (Math.abs(aheadMs) > CLOCK_MS)
    progress?.text(
      `this machine's clock is ${Math.round(Math.abs(aheadMs) / 1000)} s ${aheadMs > 0 ? "behind" : "ahead of"} the cluster's, which counts`,
    );
  return () => new Date(now().getTime() + aheadMs);
}

interface Found extends Work {
  readonly shards: readonly LiveShard[];
  readonly manifest: Manifest;
}

/**
 * Keys without a marker are somebody's, unless they are exactly those of this backup: then it was restored before, and
 * whoever did it was killed before it could say so. Writes nothing.
 */
async function findRestored(work: Found, began: number): Promise<RestoreReport> {
  const { spec, sessions, shards, manifest, clock, place, id } = work;
  if (!couldBe(manifest, await countKeys(sessions, shards))) throw foreignKeys(spec.name, shards);
  return withGoodFiles(place, id, work, async (_, files) => {
    const verify = clock.now() - began;
    const [expected, sampler] = [new Expected(work.now().getTime()), new Sampler(manifest.keys)];
    const left = await readKeys({ ...work, files, expected, sampler, each: async () => undefined });
    const compareBegan = clock.now();
    const { problems, samples } = await compareAll(work, expected, sampler, false);
    if (problems.length > 0) throw foreignKeys(spec.name, shards);
    const stages = { verify, load: 0, compare: clock.now() - compareBegan };
    return {
      ...reportOf(work, left, samples),
      restored: 0,
      alreadyThere: manifest.keys - left.expired,
      warnings: [],
      stages,
    };
  });
}

function reportOf({ manifest, shards }: Found, left: LeftOut, { same, gone, unclear }: Compared) {
  return {
    id: manifest.id,
    takenAt: manifest.startedAt,
    keys: manifest.keys,
    ...left,
    shards: { backup: manifest.shards.length, cluster: shards.length },
    samples: { same, gone, unclear },
  };
}

interface Ready extends Found {
  readonly found: Marker | undefined;
  readonly marker: Marker;
}

/** The limits of the servers are back, and nothing is sent any more, when it returns or throws. */
async function restoreFiles(work: Ready, files: readonly GoodFile[], verify: number): Promise<RestoreReport> {
  const { sessions, progress, shards, found, marker } = work;
  if (!found) {
    const problem = await writeMarker(sessions, shards, marker);
    if (problem !== undefined) progress?.text(problem);
  } else progress?.text(`continuing the restore that was begun at ${found.startedAt}`);
  await restoreFunctions(sessions, shards, files);
  const setBack = await raiseLimits({
    sessions,
    nodes: shards.flatMap(({ primary, replicas }) => [primary, ...replicas].map(({ spec }) => spec)),
    largest: largestOf(files),
    continues: found !== undefined,
  });
  const loader = new Loader({
    ...work,
    open: (node) => openWire(work, node),
    // The loader has a patience of its own.
    shards: () => liveShards(work, 0),
    continues: found !== undefined,
    compare: async (node, items) => (await work.judge.onNode(node, items)).problems,
  });
  try {
    return await load(work, files, loader, verify);
  } finally {
    await loader.close();
    for (const line of await setBack()) progress?.text(line);
  }
}

async function load(
  work: Ready,
  files: readonly GoodFile[],
  loader: Loader,
  verify: number,
): Promise<RestoreReport> {
  const { clock, sessions, progress, manifest } = work;
  const began = clock.now();
  const evicted = await evictionsOf(sessions, work.shards);
  const [expected, sampler] = [new Expected(work.now().getTime()), new Sampler(manifest.keys)];
  await loader.open();
  const left = await readKeys({ ...work, files, expected, sampler, each: (item) => loader.add(item) });
  await loader.finish();
  const loaded = clock.now();
  progress?.text(`comparing ${manifest.keys - left.expired} keys by slot, ${sampler.items.length} by value`);
  const { samples, shards } = await prove(work, expected, sampler, evicted);
  const { replicasPerShard } = work.spec;
  const warnings = await untilFollowed(shards, { ...work, replicasPerShard, timeoutMs: FOLLOW_MS });
  await deleteMarker(sessions, shards);
  const { restored, present: alreadyThere } = loader;
  const stages = { verify, load: loaded - began, compare: clock.now() - loaded };
  return { ...reportOf(work, left, samples), restored, alreadyThere, warnings, stages };
}

function largestOf(files: readonly GoodFile[]): Large | undefined {
  return files
    .flatMap(({ contents }) => contents.largest ?? [])
    .reduce<Large | undefined>((one, other) => (other.bytes > (one?.bytes ?? -1) ? other : one), undefined);
}

/** With the password that the node accepts: a rotation may be under way. */
async function openWire({ sessions, hosts }: Work, node: NodeSpec): Promise<Wire> {
  const { passwordIndex } = await sessions.client(node);
  return Wire.open(node, hosts(node), sessions.passwords[passwordIndex] ?? "", REPLY_MS);
}

/** @throws BackupRefusedError where the cluster cannot be written to. */
async function liveShards(work: Work, patienceMs?: number): Promise<readonly LiveShard[]> {
  const patience = patienceMs === undefined ? {} : { patienceMs };
  return (await settled({ ...work, ...patience, purpose: "take a restore" })).shards;
}

async function compareAll(work: Work, expected: Expected, sampler: Sampler, marked: boolean) {
  const { sessions, judge } = work;
  const shards = await liveShards(work);
  const counts = await countProblems(sessions, shards, expected, {
    nowMs: () => work.now().getTime(),
    marked,
  });
  const samples = await judge.samples(shards, sampler.items);
  return { problems: [...counts, ...samples.problems], samples, shards };
}

async function prove(work: Work, expected: Expected, sampler: Sampler, evicted: ReadonlyMap<string, number>) {
  const { problems, samples, shards } = await compareAll(work, expected, sampler, true);
  const evictions = evictionProblems(evicted, await evictionsOf(work.sessions, shards));
  if (problems.length === 0) return { samples, shards };
  const shown = [...evictions, ...problems.slice(0, 10)].map((text) => `  ${text}`);
  const more = problems.length > 10 ? [`  and ${problems.length - 10} further differences`] : [];
  throw new BackupFailedError(
    [
      "the restored cluster is not what the backup holds:",
      ...shown,
      ...more,
      evictions.length > 0
        ? "With more memory, empty the cluster (FLUSHALL on every primary) and restore again."
        : "Does somebody else write to it? Run the restore again: it continues and compares anew.",
    ].join("\n"),
  );
}
