/**
 * Many small commands as one script call. A command a slot or key costs this process more time than it costs the servers; a script takes
 * the same commands as arguments of one. Where scripts are switched off (a hardening option), the plain pipeline does the same, slower.
 */
import { type Argument, type Command, type NodeClient, RedisReplyError, type Reply } from "../client";

const withoutScripts = new WeakSet<NodeClient>();

/** CLUSTER SETSLOT slot state id, for each slot; stops at the first that is refused and answers slot and error. */
const SET_SLOTS = `for i=3,#ARGV do
  local r=redis.pcall('CLUSTER','SETSLOT',ARGV[i],ARGV[1],ARGV[2])
  if r.err then return {ARGV[i],r.err} end
end return {}`;

const COUNT_KEYS =
  "local n={} for i,s in ipairs(ARGV) do n[i]=redis.call('CLUSTER','COUNTKEYSINSLOT',s) end return n";

/** Sum over all keys, then position and size of each key above ARGV[1]. A missing key counts 0. */
const SIZES = `local sum=0 local out={0} local limit=tonumber(ARGV[1])
for i,k in ipairs(KEYS) do
  local n=redis.call('MEMORY','USAGE',k) or 0
  sum=sum+n
  if n>limit then out[#out+1]=i out[#out+1]=n end
end
out[1]=sum return out`;

/** Names and sizes of those keys of a slot that are larger than ARGV[3]. Keys that vanished meanwhile are passed over. */
const LARGE_KEYS = `local large={}
for _,k in ipairs(redis.call('CLUSTER','GETKEYSINSLOT',ARGV[1],ARGV[2])) do
  local n=redis.pcall('MEMORY','USAGE',k)
  if type(n)=='number' and n>tonumber(ARGV[3]) then large[#large+1]=k large[#large+1]=n end
end return large`;

export interface SlotRefusal {
  readonly slot: number;
  readonly text: string;
}

/** Undefined when every slot was set. The commands before the refused one have taken effect, in the pipeline also those after it. */
export async function setSlots(
  client: NodeClient,
  slots: readonly number[],
  state: "IMPORTING" | "MIGRATING" | "NODE",
  id: string,
): Promise<SlotRefusal | undefined> {
  if (slots.length === 0) return undefined;
  const reply = await script(client, SET_SLOTS, [], [state, id, ...slots]);
  if (Array.isArray(reply)) {
    const [slot, text] = reply;
    return slot === undefined ? undefined : { slot: Number(slot), text: String(text) };
  }
  const replies = await client.pipeline(
    slots.map((slot): Command => ["CLUSTER", "SETSLOT", slot, state, id]),
  );
  const at = replies.findIndex((single) => single !== "OK");
  const refused = replies[at];
  if (refused === undefined) return undefined;
  return { slot: slots[at] ?? -1, text: refused instanceof Error ? refused.message : String(refused) };
}

/** COUNTKEYSINSLOT of each slot, in order. */
export async function countAll(
  client: NodeClient,
  slots: readonly number[],
): Promise<(Reply | RedisReplyError)[]> {
  if (slots.length === 0) return [];
  const reply = await script(client, COUNT_KEYS, [], slots);
  if (Array.isArray(reply)) return reply;
  return client.pipeline(slots.map((slot) => ["CLUSTER", "COUNTKEYSINSLOT", slot]));
}

/**
 * MEMORY USAGE of each key, for each list of keys of one slot; undefined where it has to be asked for each key. Keys up to `limitBytes`
 * are given their average: only the large ones matter, and a number a key would cost more than the whole rest.
 */
export async function sizesOf(
  client: NodeClient,
  lists: readonly (readonly Buffer[])[],
  limitBytes: number,
): Promise<(readonly number[] | undefined)[]> {
  if (withoutScripts.has(client)) return lists.map(() => undefined);
  const replies = await client.pipeline(
    lists.map((keys): Command => ["EVAL", SIZES, keys.length, ...keys, limitBytes]),
  );
  return replies.map((reply, index) => {
    if (Array.isArray(reply)) return spread(reply.map(Number), lists[index]?.length ?? 0);
    // ASK, TRYAGAIN: the slot is open and a key left after it was listed.
    if (reply instanceof RedisReplyError && !/^(ASK|TRYAGAIN|MOVED|CLUSTERDOWN)$/.test(reply.code))
      withoutScripts.add(client);
    return undefined;
  });
}

/** Key and size in turn, as bytes, for each slot: of its first `most` keys those above `limitBytes`. */
export async function listLarge(
  client: NodeClient,
  slots: readonly number[],
  most: number,
  limitBytes: number,
): Promise<(Reply | RedisReplyError)[]> {
  return client.pipelineBinary(slots.map((slot) => ["EVAL", LARGE_KEYS, 0, slot, most, limitBytes]));
}

function spread([sum = 0, ...large]: readonly number[], count: number): number[] {
  let rest = sum;
  for (let at = 1; at < large.length; at += 2) rest -= large[at] ?? 0;
  const sizes = new Array<number>(count).fill(Math.ceil(rest / Math.max(1, count - large.length / 2)));
  for (let at = 0; at < large.length; at += 2) sizes[(large[at] ?? 1) - 1] = large[at + 1] ?? 0;
  return sizes;
}

/** Undefined where the server does not run it. */
async function script(
  client: NodeClient,
  text: string,
  keys: readonly Buffer[],
  args: readonly Argument[],
): Promise<Reply | undefined> {
  if (withoutScripts.has(client)) return undefined;
  try {
    return await client.call("EVAL", text, keys.length, ...keys, ...args);
  } catch (error) {
    if (!(error instanceof RedisReplyError)) throw error;
    withoutScripts.add(client);
    return undefined;
  }
}
