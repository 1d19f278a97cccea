/** Takes a backup: every shard's snapshot, saved at the same moment, copied, checked, and made visible all at once. */
import { join } from "node:path";
import { type Clock, systemClock } from "../cluster/clock";
import { openSessions } from "../cluster/engine";
import { lockName, takeLock } from "../cluster/lock";
import type { Sessions } from "../cluster/sessions";
import type { ClusterSpec, NodeSpec } from "../cluster/spec";
import { waitUntil } from "../cluster/wait";
import type { Host } from "../hosts/host";
import type { RedisTools } from "./check-rdb";
import { copySnapshot } from "./copy";
import { describeShard, type Source } from "./describe";
import { BackupFailedError, BackupRefusedError, explainNode, explainSystem } from "./errors";
import { type LiveShard, type Member, ownersText } from "./fit";
import { idsIn, newestOfOthers } from "./lineage";
import { backupId, type Manifest, type ShardBackup, strayWarning, writeManifest } from "./manifest";
import { readMarker } from "./marker";
import { apartWarning } from "./moments";
import type { Draft, Place } from "./place";
import type { Progress } from "./progress";
import { RdbFormatError } from "./rdb/errors";
import { recordNodes } from "./records";
import { type Saved, save } from "./save";
import { settled } from "./settled";

export interface TakeOptions {
  readonly hosts: (node: NodeSpec) => Host;
  readonly place: Place;
  /** For redis-check-rdb. */
  readonly tools: RedisTools;
  readonly kitVersion: string;
  readonly now: () => Date;
  readonly progress?: Progress;
  readonly signal?: AbortSignal;
  readonly clock?: Clock;
  /** Bound on one node's save, in ms. Default one hour. */
  readonly saveTimeoutMs?: number;
  /** Age from which what a killed run left at the place is deleted, in ms. Default ten minutes. */
  readonly leftoverMs?: number;
}

/** How long a replica may take to reach its primary's offset, in ms, before the primary is taken instead. */
const CATCH_UP_MS = 10_000;

interface Work extends TakeOptions {
  readonly spec: ClusterSpec;
  readonly sessions: Sessions;
  readonly clock: Clock;
  readonly draft: Draft;
}

/**
 * 1. Hold the cluster's lock: no `up` moves slots or restarts nodes meanwhile.
 * 2. See that the cluster can be backed up, once what passes has passed; choose a node of each shard.
 * 3. Save on all of them at once; copy, read and check each file as it gets ready.
 * 4. Look again: if slots changed hands meanwhile, keys may be in two files or in none, and the backup is given up.
 * 5. Write the manifest, make the folder visible.
 * @throws BackupRefusedError, BackupFailedError, LockedError, WaitError
 */
export async function takeBackup(spec: ClusterSpec, options: TakeOptions): Promise<Manifest> {
  const holder = lockName(`backup-pid-${process.pid}`, options.now().toISOString());
  const sessions = openSessions(spec, options, holder, 20_000);
  try {
    await takeLock([...spec.nodes, ...spec.leaving], sessions);
    const startedAt = options.now();
    const before = await look(spec, sessions, options);
    await refuseHalfRestored(spec, sessions, before.shards);
    const swept = await options.place.sweep(spec.name, options.leftoverMs ?? 600_000);
    for (const name of swept) options.progress?.text(`deleted what a killed backup left: ${name}`);
    const draft = await options.place.draft(backupId(spec.name, startedAt));
    try {
      const work = { ...options, spec, sessions, draft, clock: options.clock ?? systemClock };
      return await fill(work, before, startedAt);
    } catch (error) {
      await draft.discard().catch(() => undefined);
      throw error;
    }
  } catch (error) {
    throw explainNode(
      error,
      "Nothing was kept. Take the backup again when the cluster is healthy (`status`).",
    );
  } finally {
    sessions.close();
  }
}

async function fill(work: Work, before: Looked, startedAt: Date): Promise<Manifest> {
  const { spec, sessions, options } = { ...work, options: work };
  const sources = await Promise.all(before.shards.map((shard) => chooseSource(work, shard)));
  const shards = await saveAndCopy(work, sources);
  const after = await look(spec, sessions, options);
  if (ownersText(after.shards) !== ownersText(before.shards))
    throw new BackupFailedError(
      "slots changed hands while the snapshots were taken, so nothing was kept. Try again when they are at rest.",
    );
  const id = backupId(spec.name, startedAt);
  const manifest: Manifest = {
    format: 1,
    id,
    cluster: spec.name,
    kitVersion: options.kitVersion,
    redisVersion: before.version,
    startedAt: startedAt.toISOString(),
    finishedAt: options.now().toISOString(),
    keys: shards.reduce((sum, { keys }) => sum + keys, 0),
    bytes: shards.reduce((sum, { bytes }) => sum + bytes, 0),
    shards,
    nodes: await recordNodes(spec, sessions, options.hosts),
    warnings: [
      ...before.warnings,
      ...sources.flatMap(({ warning }) => warning ?? []),
      ...shards.flatMap(strayWarning),
      ...apartWarning(shards),
      ...(await namesakeWarning(work, before)),
    ],
  };
  options.signal?.throwIfAborted();
  const meter = options.progress?.meter("writing it to its place", manifest.bytes);
  await work.draft.commit(
    shards.map(({ file }) => file),
    writeManifest(manifest),
    (bytes) => meter?.(bytes),
    options.signal,
  );
  return manifest;
}

/** Once where a cluster was made anew, each time where two of one name are backed up in turns. */
async function namesakeWarning({ place, spec }: Work, { ids }: Looked): Promise<string[]> {
  const theirs = await newestOfOthers(place, spec.name, ids);
  if (theirs === undefined) return [];
  return [
    `the newest backup of the name ${spec.name} in ${place.url} is of other nodes than this cluster's: ${theirs}. If that cluster still lives, give one of them another name or place`,
  ];
}

interface Looked {
  readonly ids: ReadonlySet<string>;
  readonly shards: readonly LiveShard[];
  readonly warnings: readonly string[];
  readonly version: string;
}

async function look(spec: ClusterSpec, sessions: Sessions, options: TakeOptions): Promise<Looked> {
  const { view, warnings, shards } = await settled({ ...options, spec, sessions, purpose: "be backed up" });
  const versions = view.nodes.flatMap((node) => (node.reachable ? [node.version] : []));
  return { ids: idsIn(view), shards, warnings, version: versions.sort(byVersion).at(-1) ?? "0.0.0" };
}

/** Ascending. */
export function byVersion(one: string, other: string): number {
  const [a, b] = [one, other].map((version) => version.split(".").map(Number));
  return [0, 1, 2].map((at) => (a?.[at] ?? 0) - (b?.[at] ?? 0)).find((difference) => difference !== 0) ?? 0;
}

/** A cluster that is being filled from a backup is no whole data set. */
async function refuseHalfRestored(
  spec: ClusterSpec,
  sessions: Sessions,
  shards: readonly LiveShard[],
): Promise<void> {
  const marker = await readMarker(sessions, shards);
  if (marker)
    throw new BackupRefusedError(
      `${spec.name} holds a restore of ${marker.id} that has not finished, so a backup of it would not be whole. ` +
        "Run that restore again: it continues.",
    );
}

/** The first replica that reaches what its primary had when it was asked; the primary where none does. */
async function chooseSource(work: Work, shard: LiveShard): Promise<Source> {
  for (const replica of shard.replicas)
    if (await reaches(work, replica, shard.primary.up.offset)) return { ...replica, shard };
  const { primary, number, replicas } = shard;
  const why = replicas.length === 0 ? "has no replica in sync" : "has no replica that keeps up";
  const warning =
    work.spec.replicasPerShard === 0
      ? undefined
      : `shard ${number} ${why}: its primary ${primary.up.name} was saved`;
  return { ...primary, shard, ...(warning === undefined ? {} : { warning }) };
}

async function reaches(
  { sessions, clock, signal }: Work,
  { spec, up }: Member,
  offset: number,
): Promise<boolean> {
  if (up.offset >= offset) return true;
  try {
    const seen = async () => {
      const role = await sessions.withClient(spec, (client) => client.call("ROLE"));
      const now = Array.isArray(role) && role[3] === "connected" ? Number(role[4]) : -1;
      return now >= offset || `offset ${now} of ${offset}`;
    };
    await waitUntil(seen, { clock, signal, timeoutMs: CATCH_UP_MS, what: `${up.name} to catch up` });
    return true;
  } catch {
    signal?.throwIfAborted();
    return false;
  }
}

/** All saves begin together; each file is copied when all are saved, so that their sum is known and fits. */
async function saveAndCopy(work: Work, sources: readonly Source[]): Promise<ShardBackup[]> {
  const { progress } = work;
  const names = sources.map(({ spec, up }) => `${spec.name} (${up.role})`).join(", ");
  progress?.text(`saving on ${names}`);
  const saved = await Promise.all(sources.map((source) => saveOn(work, source)));
  const opened = await Promise.all(
    sources.map((source, index) => openSnapshot(work, source, saved[index] as Saved)),
  );
  try {
    const total = opened.reduce((sum, { size }) => sum + size, 0);
    await refuseWithoutSpace(work, total);
    const meter = progress?.meter("copying", total) ?? (() => undefined);
    return await Promise.all(
      sources.map(async (source, index) => {
        const file = `shard-${source.shard.number}.rdb`;
        const from = opened[index] as (typeof opened)[number];
        const contents = await copySnapshot(from, join(work.draft.folder, file), work.signal, meter).catch(
          (error: unknown) => {
            throw explainSnapshot(error, source.spec.name);
          },
        );
        return describeShard(work.tools, source, {
          saved: saved[index] as Saved,
          path: join(work.draft.folder, file),
          contents,
        });
      }),
    );
  } finally {
    for (const { stream } of opened) stream.destroy();
  }
}

/** A snapshot that Redis wrote and the kit cannot read holds what a restore could not bring back. */
function explainSnapshot(error: unknown, node: string): unknown {
  if (!(error instanceof RdbFormatError)) return error;
  return new BackupFailedError(
    `${node}'s snapshot: ${error.message}. Nothing was kept. Remove that key, or keep such data in a cluster that is backed up in another way.`,
    { cause: error },
  );
}

async function saveOn(
  { sessions, clock, signal, saveTimeoutMs, hosts }: Work,
  { spec }: Source,
): Promise<Saved> {
  const client = await sessions.client(spec);
  return save(client, {
    clock,
    signal,
    timeoutMs: saveTimeoutMs ?? 3_600_000,
    logTail: () => hosts(spec).logTail(spec, 5),
  });
}

async function openSnapshot({ hosts }: Work, { spec }: Source, { path }: Saved) {
  const host = hosts(spec);
  if (!host.readFile)
    throw new BackupRefusedError(`${spec.name}: files of this target's servers cannot be read from here.`);
  return host.readFile(spec, path).catch((error: unknown) => {
    throw explainSystem(error, `${spec.name}: ${path}`);
  });
}

async function refuseWithoutSpace({ place }: Work, needed: number): Promise<void> {
  const free = await place.free().catch(() => undefined);
  if (free !== undefined && free < needed)
    throw new BackupFailedError(
      `${place.url}: no space: the backup needs ${needed} bytes, ${free} are free. Free some, prune old backups, or choose another place.`,
    );
}
