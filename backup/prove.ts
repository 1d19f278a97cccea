/**
 * The proof of a restore: every key of every file, as Redis itself loads it, against what the cluster holds. It knows nothing
 * of how the kit reads snapshots, so it judges that, too.
 */

import calculateSlot from "cluster-key-slot";
import type { RedisReplyError, Reply } from "../cluster/client";
import type { Sessions } from "../cluster/sessions";
import { expandRanges } from "../cluster/slots";
import type { RedisTools } from "./check-rdb";
import { BackupFailedError } from "./errors";
import type { LiveShard } from "./fit";
import { ownerOf } from "./marker";
import { startScratch } from "./scratch";
import type { GoodFile } from "./verify";

export interface Proof {
  /** Keys whose values and times to live are the same. */
  readonly same: number;
  /** Expired while they were compared. */
  readonly expired: number;
  /** At most twenty, in words. */
  readonly differences: readonly string[];
}

const AT_ONCE = 500;
const MOST_SHOWN = 20;
/** Keys that expire within this many ms may be gone from one side only. */
const SOON_MS = 5_000;

export interface ProveOptions {
  readonly sessions: Sessions;
  readonly shards: readonly LiveShard[];
  readonly tools: RedisTools;
  readonly signal?: AbortSignal | undefined;
  readonly progress?: (keys: number) => void;
}

/** The cluster's servers must allow DEBUG. @throws BackupFailedError where values cannot be asked for. */
export async function proveRestored(files: readonly GoodFile[], options: ProveOptions): Promise<Proof> {
  const owners = new Map(Array.from({ length: 16_384 }, (_, slot) => [slot, ownerOf(slot, options.shards)]));
  let same = 0;
  let expired = 0;
  const differences: string[] = [];
  for (const { path, shard } of files) {
    const scratch = await startScratch(options.tools, path);
    const own = new Set(expandRanges(shard.slots));
    try {
      let cursor = "0";
      do {
        options.signal?.throwIfAborted();
        const [next, all] = (await scratch.client.callBinary("SCAN", cursor, "COUNT", AT_ONCE)) as [
          Buffer,
          Buffer[],
        ];
        cursor = next.toString();
        // A restore leaves out keys of slots that the shard did not own.
        const keys = all.filter((key) => own.has(calculateSlot(key)));
        const here = await valuesOf(keys, (commands) => scratch.client.pipeline(commands));
        const there = await inCluster(keys, owners, options.sessions);
        for (const [at, key] of keys.entries()) {
          const verdict = compare(here[at], there[at]);
          if (verdict === "same") same++;
          else if (verdict === "expired") expired++;
          else
            differences.push(
              `key ${JSON.stringify(key.toString("latin1").slice(0, 100))} of ${shard.file}: ${verdict}`,
            );
        }
        options.progress?.(keys.length);
      } while (cursor !== "0");
    } finally {
      await scratch.end();
    }
  }
  const more = differences.length - MOST_SHOWN;
  return {
    same,
    expired,
    differences: more > 0 ? [...differences.slice(0, MOST_SHOWN), `and ${more} more`] : differences,
  };
}

interface Value {
  readonly digest: string;
  /** -1: does not expire, -2: is not there. */
  readonly ttlMs: number;
}

type Send = (commands: [string, ...(string | Buffer)[]][]) => Promise<(Reply | RedisReplyError)[]>;

async function valuesOf(keys: readonly Buffer[], send: Send): Promise<Value[]> {
  if (keys.length === 0) return [];
  const [digests, ...ttls] = await send([
    ["DEBUG", "DIGEST-VALUE", ...keys],
    ...keys.map((key): [string, Buffer] => ["PTTL", key]),
  ]);
  if (!Array.isArray(digests))
    throw new BackupFailedError(
      `values cannot be compared: ${digests instanceof Error ? digests.message : String(digests)}`,
    );
  return keys.map((_, at) => ({ digest: String(digests[at]), ttlMs: Number(ttls[at]) }));
}

async function inCluster(
  keys: readonly Buffer[],
  owners: ReadonlyMap<number, LiveShard>,
  sessions: Sessions,
): Promise<(Value | undefined)[]> {
  const found: (Value | undefined)[] = keys.map(() => undefined);
  const byOwner = new Map<LiveShard, number[]>();
  for (const [at, key] of keys.entries()) {
    const owner = owners.get(calculateSlot(key));
    if (owner) byOwner.set(owner, [...(byOwner.get(owner) ?? []), at]);
  }
  for (const [{ primary }, places] of byOwner) {
    const own = places.map((at) => keys[at] as Buffer);
    const values = await valuesOf(own, (commands) =>
      sessions.withClient(primary.spec, (client) => client.pipeline(commands)),
    );
    for (const [index, at] of places.entries()) found[at] = values[index];
  }
  return found;
}

function compare(here: Value | undefined, there: Value | undefined): string {
  if (!here || !there) return "nobody owns its slot";
  const isDue = [here, there].some(({ ttlMs }) => ttlMs === -2 || (ttlMs >= 0 && ttlMs < SOON_MS));
  const hasTtl = here.ttlMs >= 0 || there.ttlMs >= 0;
  if (there.ttlMs === -2) return isDue && hasTtl && here.ttlMs < SOON_MS ? "expired" : "is missing";
  if (here.ttlMs === -2) return "expired";
  if (here.digest !== there.digest) return "has another value";
  const isSameTtl =
    here.ttlMs === there.ttlMs ||
    (here.ttlMs >= 0 && there.ttlMs >= 0 && Math.abs(here.ttlMs - there.ttlMs) < SOON_MS);
  return isSameTtl ? "same" : `has ${there.ttlMs} ms to live instead of ${here.ttlMs}`;
}
