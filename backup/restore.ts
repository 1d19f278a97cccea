/** Restores a backup into an empty cluster of any number of shards, and proves by counts and samples that it is there. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { type Clock, systemClock } from "../cluster/clock";
import { openSessions } from "../cluster/engine";
import { lockName, takeLock } from "../cluster/lock";
import type { Sessions } from "../cluster/sessions";
import { expandRanges } from "../cluster/slots";
import type { ClusterSpec, NodeSpec } from "../cluster/spec";
import type { Host } from "../hosts/host";
import type { RedisTools } from "./check-rdb";
import { type Compared, compareSamples, countKeys, countProblems, Expected, Sampler } from "./compare";
import { BackupFailedError } from "./errors";
import type { LiveShard } from "./fit";
import { restoreFunctions } from "./functions";
import { type Item, Loader } from "./load";
import { type Manifest, readManifest } from "./manifest";
import { deleteMarker, type Marker, readMarker, writeMarker } from "./marker";
import type { Place } from "./place";
import type { Progress } from "./progress";
import { RdbReader, restorePayload } from "./rdb/reader";
import { settled } from "./settled";
import { couldBe, foreignKeys, hasKeys, refuseTarget } from "./target";
import { type GoodFile, withGoodFiles } from "./verify";
import { Wire } from "./wire";

/** A server that loads a large value, or waits for its disk, is slow, not gone. */
const REPLY_MS = 120_000;

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
    const began = clock.now();
    if (found === undefined && hasKeys(shards))
      return await findRestored({ ...work, shards, manifest }, began);
    refuseTarget({ name: spec.name, shards, manifest, found, marker });
    return await withGoodFiles(place, id, options, (_, files) =>
      restoreFiles({ ...work, shards, found, marker, manifest }, files, clock.now() - began),
    );
  } finally {
    sessions.close();
  }
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
    const left = await readAll(work, files, expected, sampler, async () => undefined);
    const compareBegan = clock.now();
    const { problems, samples } = await compareAll(work, expected, sampler, false);
    if (problems.length > 0) throw foreignKeys(spec.name, shards);
    const stages = { verify, load: 0, compare: clock.now() - compareBegan };
    return {
      ...reportOf(work, left, samples),
      restored: 0,
      alreadyThere: manifest.keys - left.expired,
      stages,
    };
  });
}

/** Keys of the files that are not restored. */
interface LeftOut {
  readonly expired: number;
  readonly strays: number;
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

async function restoreFiles(work: Ready, files: readonly GoodFile[], verify: number): Promise<RestoreReport> {
  const { clock, sessions, progress, shards, found, marker, manifest } = work;
  const [began, startedMs] = [clock.now(), work.now().getTime()];
  if (!found) await writeMarker(sessions, shards, marker);
  else progress?.text(`continuing the restore that was begun at ${found.startedAt}`);
  await restoreFunctions(sessions, shards, files);
  const expected = new Expected(startedMs);
  const sampler = new Sampler(manifest.keys);
  const loader = new Loader({
    ...work,
    open: (node) => openWire(work, node),
    // The loader has a patience of its own.
    shards: () => liveShards(work, 0),
    continues: found !== undefined,
  });
  try {
    await loader.open();
    const left = await readAll(work, files, expected, sampler, (item) => loader.add(item));
    await loader.finish();
    const loaded = clock.now();
    progress?.text(
      `comparing ${manifest.keys - left.expired} keys by slot, ${sampler.items.length} by value`,
    );
    const samples = await prove(work, expected, sampler);
    const { restored, present: alreadyThere } = loader;
    const stages = { verify, load: loaded - began, compare: clock.now() - loaded };
    return { ...reportOf(work, left, samples), restored, alreadyThere, stages };
  } finally {
    loader.close();
  }
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

/** All files at once: each fills the servers that have its slots. `each` gets every key that is to be restored. */
async function readAll(
  { now, progress }: Work,
  files: readonly GoodFile[],
  expected: Expected,
  sampler: Sampler,
  each: (item: Item) => Promise<void>,
): Promise<LeftOut> {
  let [expired, strays] = [0, 0];
  const meter = progress?.meter(
    "restoring",
    files.reduce((sum, { shard }) => sum + shard.bytes, 0),
  );
  const readOne = async ({ path, shard }: GoodFile) => {
    const reader = new RdbReader();
    const own = new Set(expandRanges(shard.slots));
    for await (const keys of reader.keys(metered(path, meter)))
      for (const found of keys) {
        const { key, slot, expiresAtMs } = found;
        if (!own.has(slot)) {
          strays++;
          continue;
        }
        if (expiresAtMs !== undefined && expiresAtMs <= now().getTime()) {
          expired++;
          continue;
        }
        const item = { key, slot, expiresAtMs, payload: restorePayload(found, reader.facts.version) };
        expected.add(item);
        sampler.offer(item, found.type);
        await each(item);
      }
  };
  await Promise.all(files.map(readOne));
  return { expired, strays };
}

async function* metered(path: string, meter: ((bytes: number) => void) | undefined): AsyncGenerator<Buffer> {
  for await (const chunk of createReadStream(path, { highWaterMark: 256 * 1024 }) as AsyncIterable<Buffer>) {
    meter?.(chunk.length);
    yield chunk;
  }
}

async function compareAll(work: Work, expected: Expected, sampler: Sampler, marked: boolean) {
  const { sessions, tools } = work;
  const shards = await liveShards(work);
  const counts = await countProblems(sessions, shards, expected, {
    nowMs: () => work.now().getTime(),
    marked,
  });
  const samples = await compareSamples(sessions, shards, sampler.items, tools);
  return { problems: [...counts, ...samples.problems], samples, shards };
}

async function prove(work: Work, expected: Expected, sampler: Sampler): Promise<Compared> {
  const { sessions } = work;
  const { problems, samples, shards } = await compareAll(work, expected, sampler, true);
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
