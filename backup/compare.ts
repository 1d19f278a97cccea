/** Whether the cluster holds what the backup has: keys of every slot counted, samples of every type compared by value. */
import { RedisReplyError } from "../cluster/client";
import type { Sessions } from "../cluster/sessions";
import { expandRanges } from "../cluster/slots";
import type { RedisTools } from "./check-rdb";
import type { LiveShard } from "./fit";
import type { Item } from "./load";
import { MARKER_SLOT } from "./marker";
import { startScratch } from "./scratch";

/** What the slots should hold. */
export class Expected {
  /** Keys of each slot that do not expire soon. */
  readonly lasting = new Uint32Array(16_384);
  /** Those that may expire before they are counted. */
  private readonly soon: { readonly slot: number; readonly atMs: number }[] = [];

  constructor(private readonly startedMs: number) {}

  add({ slot, expiresAtMs }: Pick<Item, "slot" | "expiresAtMs">): void {
    if (expiresAtMs !== undefined && expiresAtMs < this.startedMs + SOON_MS)
      this.soon.push({ slot, atMs: expiresAtMs });
    else this.lasting[slot] = (this.lasting[slot] ?? 0) + 1;
  }

  /** Fewest and most keys that each slot may hold when counted at `nowMs`: expired ones may be counted until Redis meets them. */
  bounds(nowMs: number): { readonly least: Uint32Array; readonly most: Uint32Array } {
    const least = Uint32Array.from(this.lasting);
    const most = Uint32Array.from(this.lasting);
    for (const { slot, atMs } of this.soon) {
      most[slot] = (most[slot] ?? 0) + 1;
      if (atMs > nowMs + CLOCK_MS) least[slot] = (least[slot] ?? 0) + 1;
    }
    return { least, most };
  }
}

/** A restore that takes longer than this has other worries than keys that expire. */
const SOON_MS = 6 * 3_600_000;
/** How far the clocks of the servers may differ from ours. */
const CLOCK_MS = 60_000;

/** Keys of each of the 16384 slots. */
export async function countKeys(sessions: Sessions, shards: readonly LiveShard[]): Promise<Uint32Array> {
  const counts = new Uint32Array(16_384);
  for (const { primary, slots } of shards) {
    const all = expandRanges(slots);
    const replies = await sessions.withClient(primary.spec, (client) =>
      client.pipeline(all.map((slot) => ["CLUSTER", "COUNTKEYSINSLOT", slot])),
    );
    for (const [index, slot] of all.entries()) counts[slot] = Number(replies[index]);
  }
  return counts;
}

/** Lines about slots that hold too few or too many keys. `marked`: whether the marker is among them. */
export async function countProblems(
  sessions: Sessions,
  shards: readonly LiveShard[],
  expected: Expected,
  { nowMs, marked }: { readonly nowMs: () => number; readonly marked: boolean },
): Promise<string[]> {
  const counts = await countKeys(sessions, shards);
  const { least, most } = expected.bounds(nowMs());
  const problems: string[] = [];
  for (const [slot, count] of counts.entries()) {
    const marker = marked && slot === MARKER_SLOT ? 1 : 0;
    const [from, to] = [(least[slot] ?? 0) + marker, (most[slot] ?? 0) + marker];
    if (count < from || count > to)
      problems.push(
        `slot ${slot} has ${count - marker} keys, the backup has ${from === to ? from - marker : `${from - marker} to ${to - marker}`}`,
      );
  }
  return problems;
}

/** A thousand keys evenly spread, and of every type the first twenty: rare types are where surprises are. */
export class Sampler {
  readonly items: Item[] = [];
  private readonly ofType = new Map<number, number>();
  private seen = 0;
  private readonly step: number;

  constructor(keys: number) {
    this.step = Math.max(1, Math.floor(keys / SAMPLES));
  }

  offer(item: Item, type: number): void {
    const ofType = this.ofType.get(type) ?? 0;
    if (ofType >= OF_EACH_TYPE && this.seen++ % this.step !== 0) return;
    if (item.payload.length > LARGEST_SAMPLE_BYTES) return;
    this.ofType.set(type, ofType + 1);
    this.items.push(item);
  }
}

const SAMPLES = 1_000;
const OF_EACH_TYPE = 20;
const LARGEST_SAMPLE_BYTES = 4 * 1024 * 1024;
/** Servers round times to live to whole milliseconds; replies of one pipeline are this close together. */
const TTL_TOLERANCE_MS = 5_000;

export interface Compared {
  readonly same: number;
  /** Expired meanwhile. */
  readonly gone: number;
  /** Stored in another way by this server, and no server for comparing was at hand. */
  readonly unclear: number;
  readonly problems: readonly string[];
}

interface Differing {
  readonly item: Item;
  readonly found: Buffer;
}

/** Values byte by byte as DUMP has them; where a server stores a value in another way, by the digest of its meaning. */
export async function compareSamples(
  sessions: Sessions,
  shards: readonly LiveShard[],
  items: readonly Item[],
  tools: RedisTools | undefined,
): Promise<Compared> {
  const problems: string[] = [];
  const differing: Differing[] = [];
  let same = 0;
  let gone = 0;
  for (const { primary, slots } of shards) {
    const own = items.filter(({ slot }) => slots.some(({ start, end }) => start <= slot && slot <= end));
    const replies = await sessions.withClient(primary.spec, (client) =>
      client.pipelineBinary(own.flatMap(({ key }) => [["DUMP", key] as const, ["PTTL", key] as const])),
    );
    for (const [index, item] of own.entries()) {
      const [value, ttl] = [replies[2 * index], Number(replies[2 * index + 1])];
      const name = `key ${JSON.stringify(item.key.toString("latin1").slice(0, 100))} on ${primary.spec.name}`;
      if (value instanceof RedisReplyError) problems.push(`${name}: ${value.message}`);
      else if (value === null) isDue(item) ? gone++ : problems.push(`${name} is missing`);
      else if (!isTtlRight(item, ttl))
        problems.push(
          `${name} has ${ttl} ms to live, the backup says until ${item.expiresAtMs ?? "for ever"}`,
        );
      else if (Buffer.isBuffer(value) && value.equals(item.payload)) same++;
      else differing.push({ item, found: value as Buffer });
    }
  }
  if (differing.length === 0) return { same, gone, unclear: 0, problems };
  if (tools === undefined) return { same, gone, unclear: differing.length, problems };
  const wrong = await digestProblems(differing, tools);
  return {
    same: same + differing.length - wrong.length,
    gone,
    unclear: 0,
    problems: [...problems, ...wrong],
  };
}

function isDue({ expiresAtMs }: Item): boolean {
  return expiresAtMs !== undefined && expiresAtMs < Date.now() + TTL_TOLERANCE_MS;
}

function isTtlRight({ expiresAtMs }: Item, ttl: number): boolean {
  if (expiresAtMs === undefined) return ttl === -1;
  return ttl >= 0 && Math.abs(Date.now() + ttl - expiresAtMs) < TTL_TOLERANCE_MS;
}

/** Both values restored side by side into a server of our own, whose DEBUG DIGEST-VALUE ignores how they are stored. */
async function digestProblems(differing: readonly Differing[], tools: RedisTools): Promise<string[]> {
  const scratch = await startScratch(tools);
  try {
    const problems: string[] = [];
    for (const { item, found } of differing) {
      const [, one, other, digests] = await scratch.client.pipeline([
        ["FLUSHALL"],
        ["RESTORE", "backup", "0", item.payload],
        ["RESTORE", "cluster", "0", found],
        ["DEBUG", "DIGEST-VALUE", "backup", "cluster"],
      ]);
      const failed = [one, other, digests].find((reply) => reply instanceof RedisReplyError);
      const name = `key ${JSON.stringify(item.key.toString("latin1").slice(0, 100))}`;
      if (failed) problems.push(`${name} cannot be compared: ${String(failed)}`);
      else if (!Array.isArray(digests) || digests[0] !== digests[1])
        problems.push(`${name} has another value`);
    }
    return problems;
  } finally {
    await scratch.end();
  }
}
