/** Which keys a slot holds and how large they are. Keys are bytes, never text. */
import { type NodeClient, RedisReplyError, type Reply } from "../client";
import { parseInfo } from "../parse";
import type { SizedKey } from "./batches";
import { countAll, listLarge, sizesOf } from "./scripts";
import { MoveError } from "./types";

/** Keys of a slot asked for at once. More follow in the next round. */
export const LIST_CHUNK = 1000;

/** Keys above it are looked at one by one when batches are cut; a hundred below it are a batch in any case. */
const LARGE_BYTES = 32 * 1024;
const SAMPLED = 3;

/** COUNTKEYSINSLOT of each slot. */
export async function countKeys(client: NodeClient, slots: readonly number[]): Promise<Map<number, number>> {
  const replies = await countAll(client, slots);
  return new Map(slots.map((slot, index) => [slot, numberIn(replies[index], client.node)]));
}

function numberIn(reply: Reply | RedisReplyError | undefined, node: string): number {
  if (typeof reply === "number") return reply;
  if (reply instanceof RedisReplyError) throw reply;
  throw new MoveError("reply", `${node} answered ${String(reply)} where a number was expected`);
}

/** Up to `most` keys of each slot. */
export async function listKeys(
  client: NodeClient,
  slots: readonly number[],
  most = LIST_CHUNK,
): Promise<{ slot: number; keys: Buffer[] }[]> {
  const replies = await client.pipelineBinary(slots.map((slot) => ["CLUSTER", "GETKEYSINSLOT", slot, most]));
  return slots.map((slot, index) => {
    const reply = replies[index];
    if (reply instanceof RedisReplyError) throw reply;
    const keys = Array.isArray(reply) ? reply.filter((key): key is Buffer => Buffer.isBuffer(key)) : [];
    return { slot, keys };
  });
}

export interface Listed {
  readonly slot: number;
  readonly keys: readonly Buffer[];
}

/**
 * MEMORY USAGE of every key, not of a sample: one large key among millions is the one that would block the server. Keys that vanished
 * meanwhile count 0 bytes; MIGRATE passes over them.
 */
export async function measureKeys(client: NodeClient, listed: readonly Listed[]): Promise<SizedKey[]> {
  const filled = listed.filter(({ keys }) => keys.length > 0);
  const lists = filled.map(({ keys }) => keys);
  const replies = await sizesOf(client, lists, LARGE_BYTES);
  const sized: SizedKey[] = [];
  for (const [index, { slot, keys }] of filled.entries()) {
    const sizes = replies[index] ?? (await sizesOneByOne(client, keys));
    for (const [at, key] of keys.entries()) sized.push({ slot, key, bytes: sizes[at] ?? 0 });
  }
  return sized;
}

/** The first keys of each slot stand for the others: enough where no key can be too large. */
export async function sampleKeys(client: NodeClient, listed: readonly Listed[]): Promise<SizedKey[]> {
  const samples = await measureKeys(
    client,
    listed.map(({ slot, keys }) => ({ slot, keys: keys.slice(0, SAMPLED) })),
  );
  const sums = new Map<number, { bytes: number; count: number }>();
  for (const { slot, bytes } of samples) {
    const sum = sums.get(slot) ?? { bytes: 0, count: 0 };
    sums.set(slot, { bytes: sum.bytes + bytes, count: sum.count + 1 });
  }
  return listed.flatMap(({ slot, keys }) => {
    const { bytes, count } = sums.get(slot) ?? { bytes: 0, count: 1 };
    return keys.map((key) => ({ slot, key, bytes: Math.ceil(bytes / count) }));
  });
}

/** The keys above `limitBytes` among the first of each slot; undefined where each has to be asked for. */
export async function keysAbove(
  client: NodeClient,
  slots: readonly number[],
  limitBytes: number,
): Promise<SizedKey[] | undefined> {
  const found: SizedKey[] = [];
  for (const [index, reply] of (await listLarge(client, slots, LIST_CHUNK, limitBytes)).entries()) {
    if (!Array.isArray(reply)) return undefined;
    for (let at = 0; at < reply.length; at += 2) {
      const [key, bytes] = [reply[at], Number(reply[at + 1])];
      if (Buffer.isBuffer(key)) found.push({ slot: slots[index] ?? -1, key, bytes });
    }
  }
  return found;
}

/** Memory of all values and key names of a server: no key of it is larger. Infinite where the server does not tell. */
export async function datasetBytes(client: NodeClient): Promise<number> {
  const info = parseInfo(String(await client.call("INFO", "memory")));
  const bytes = Number(info.get("used_memory_dataset") ?? Number.NaN);
  return Number.isFinite(bytes) ? bytes : Number.POSITIVE_INFINITY;
}

async function sizesOneByOne(client: NodeClient, keys: readonly Buffer[]): Promise<number[]> {
  const replies = await client.pipeline(keys.map((key) => ["MEMORY", "USAGE", key]));
  return replies.map((reply) => {
    if (reply === null || (reply instanceof RedisReplyError && /^(ASK|TRYAGAIN)$/.test(reply.code))) return 0;
    return numberIn(reply, client.node);
  });
}
