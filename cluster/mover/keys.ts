/** Which keys a slot holds and how large they are. Keys are bytes, never text. */
import { type Command, type NodeClient, RedisReplyError, type Reply } from "../client";
import type { SizedKey } from "./batches";
import { MoveError } from "./types";

/** Keys of a slot asked for at once. More follow in the next round. */
export const LIST_CHUNK = 1000;

/**
 * Memory of each key, asked in one script call a slot: a MEMORY USAGE a key would cost more than moving small keys. A missing
 * key answers 0. Every key is looked at, not a sample: one large key among millions is the one that would block the server.
 */
const SIZES = "local s={} for i,k in ipairs(KEYS) do s[i]=redis.call('MEMORY','USAGE',k) or 0 end return s";

/** COUNTKEYSINSLOT of each slot. */
export async function countKeys(client: NodeClient, slots: readonly number[]): Promise<Map<number, number>> {
  const replies = await client.pipeline(slots.map((slot) => ["CLUSTER", "COUNTKEYSINSLOT", slot]));
  return new Map(slots.map((slot, index) => [slot, numberIn(replies[index], client.node)]));
}

function numberIn(reply: Reply | RedisReplyError | undefined, node: string): number {
  if (typeof reply === "number") return reply;
  if (reply instanceof RedisReplyError) throw reply;
  throw new MoveError("reply", `${node} answered ${String(reply)} where a number was expected`);
}

/** Up to LIST_CHUNK keys of each slot. */
export async function listKeys(
  client: NodeClient,
  slots: readonly number[],
): Promise<{ slot: number; keys: Buffer[] }[]> {
  const replies = await client.pipelineBinary(
    slots.map((slot) => ["CLUSTER", "GETKEYSINSLOT", slot, LIST_CHUNK]),
  );
  return slots.map((slot, index) => {
    const reply = replies[index];
    if (reply instanceof RedisReplyError) throw reply;
    const keys = Array.isArray(reply) ? reply.filter((key): key is Buffer => Buffer.isBuffer(key)) : [];
    return { slot, keys };
  });
}

/** Measures keys at one server; remembers when scripts are switched off there. */
export class Sizer {
  private scripts = true;

  /** Keys that vanished meanwhile count 0 bytes; MIGRATE passes over them. */
  async measure(
    client: NodeClient,
    listed: readonly { slot: number; keys: readonly Buffer[] }[],
  ): Promise<SizedKey[]> {
    const filled = listed.filter(({ keys }) => keys.length > 0);
    const replies = this.scripts ? await this.byScript(client, filled) : filled.map(() => undefined);
    const sized: SizedKey[] = [];
    for (const [index, { slot, keys }] of filled.entries()) {
      const sizes = replies[index] ?? (await this.oneByOne(client, keys));
      for (const [at, key] of keys.entries()) sized.push({ slot, key, bytes: sizes[at] ?? 0 });
    }
    return sized;
  }

  private async byScript(
    client: NodeClient,
    listed: readonly { keys: readonly Buffer[] }[],
  ): Promise<(readonly number[] | undefined)[]> {
    const commands = listed.map(({ keys }): Command => ["EVAL", SIZES, keys.length, ...keys]);
    const replies = await client.pipeline(commands);
    return replies.map((reply) => {
      if (Array.isArray(reply)) return reply.map((size) => (typeof size === "number" ? size : 0));
      // ASK and TRYAGAIN: the slot is open and a key left between listing and measuring; each key is then asked for itself.
      if (reply instanceof RedisReplyError && !/^(ASK|TRYAGAIN|MOVED|CLUSTERDOWN)$/.test(reply.code))
        this.scripts = false;
      return undefined;
    });
  }

  private async oneByOne(client: NodeClient, keys: readonly Buffer[]): Promise<number[]> {
    const replies = await client.pipeline(keys.map((key) => ["MEMORY", "USAGE", key]));
    return replies.map((reply) => {
      if (typeof reply === "number") return reply;
      if (reply === null || (reply instanceof RedisReplyError && /^(ASK|TRYAGAIN)$/.test(reply.code)))
        return 0;
      if (reply instanceof RedisReplyError) throw reply;
      throw new MoveError("reply", `${client.node} answered MEMORY USAGE with ${String(reply)}`);
    });
  }
}
