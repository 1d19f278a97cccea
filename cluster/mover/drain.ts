/**
 * Moves keys without having them pass through this process: a script at the source lists the keys of a slot and sends them on with
 * MIGRATE, a bounded piece of work a call. Handing every key to this process and back costs as much as moving it, and on a
 * small machine takes the processor from the clients.
 */
import { createHash } from "node:crypto";
import { type Argument, type NodeClient, RedisReplyError, type Reply } from "../client";
import type { BatchLimits } from "./batches";
import type { Pair } from "./pair";

/**
 * MIGRATE in a script replicates as the DELs that it does (effects, not the script: a replica must never run it).
 * ARGV: host, port, time-out, most keys and bytes of a MIGRATE, largest key, bytes of a key where none is measured or 0, µs in all, slots.
 * Returns keys and bytes that moved, how many slots are done, the time that it took in µs, and the text of what stopped it. From 7.2
 * no time passes within a script; there a call is one MIGRATE.
 */
const DRAIN = `if redis.replicate_commands and not redis.replicate_commands() then return {0,0,0,0,'effects are not replicated'} end
local host,port,timeout=ARGV[1],ARGV[2],ARGV[3]
local most,room,largest,mean,limit=tonumber(ARGV[4]),tonumber(ARGV[5]),tonumber(ARGV[6]),tonumber(ARGV[7]),tonumber(ARGV[8])
local function now() local t=redis.call('TIME') return t[1]*1000000+t[2] end
local start,spent,moved,bytes=now(),0,0,0
for i=9,#ARGV do
  local listed,take
  repeat
    if spent>=limit or moved>0 and spent==0 then return {moved,bytes,i-9,spent} end
    local keys=redis.call('CLUSTER','GETKEYSINSLOT',ARGV[i],most)
    local sum=0
    listed,take=#keys,0
    for j=1,listed do
      local size=mean
      if size==0 then
        size=redis.pcall('MEMORY','USAGE',keys[j])
        if type(size)~='number' then size=0 end
        if size>largest then
          if j==1 then return {moved,bytes,i-9,spent,'LARGE'} end
          break
        end
      end
      if j>1 and sum+size>room then break end
      take,sum=j,sum+size
    end
    if take>0 then
      for j=take+1,listed do keys[j]=nil end
      local r=redis.pcall('MIGRATE',host,port,'',0,timeout,'KEYS',unpack(keys))
      spent=now()-start
      if r.err then return {moved,bytes,i-9,spent,r.err} end
      moved,bytes=moved+take,bytes+sum
    end
  until take==listed and listed<most
end
return {moved,bytes,#ARGV-8,spent}`;

const SHA = createHash("sha1").update(DRAIN).digest("hex");

/** Slots that a call is told of: all are read by the server, so not many more than it gets through. */
const MIN_SLOTS = 4;
const MAX_SLOTS = 64;

/** Slots for the next call, where the one before got through `done`, those included that calls ahead of it had emptied. */
export function slotsForCall(done: number): number {
  return Math.min(MAX_SLOTS, Math.max(MIN_SLOTS, 2 * (done + 1)));
}

/** A larger key is not for a script: it is moved by itself, see bigkeys.ts. */
export const MAX_DRAINED_KEY_BYTES = 4 * 1024 * 1024;

export interface DrainOptions {
  /** Bound on each read and write between the servers, in ms. */
  readonly timeoutMs: number;
  /** Of one MIGRATE. */
  readonly batch: BatchLimits;
  /** Mean size of the source's keys where none can be large, else 0: each is measured. */
  readonly meanBytes: number;
  /** Of the slots, how many the call is told of at most. */
  readonly maxSlots: number;
  /** How long one call should take, in ms; it ends with the first MIGRATE after that. */
  readonly budgetMs: number;
}

/**
 * - `moved`: `done` slots have no key left; the others' turn comes in the next call.
 * - `retry`: the target did not answer or not yet; keys may be on both.
 * - `slot`: the slot after the `done` ones has a key that has to be looked at by itself.
 * - `refused`: nothing more can be moved this way; whatever the reason is, sending the keys one by one will tell it.
 */
export interface Drained {
  readonly kind: "moved" | "retry" | "slot" | "refused";
  readonly keys: number;
  readonly bytes: number;
  readonly done: number;
  /** How long the source stood still, by its own clock; 0 where its scripts see no time pass (from 7.2). */
  readonly tookMs: number;
  readonly text: string;
}

/** One call. @throws UnreachableError where the source is gone. */
export async function drain(pair: Pair, slots: readonly number[], options: DrainOptions): Promise<Drained> {
  const { host, port } = pair.address;
  const { timeoutMs, batch, meanBytes, maxSlots, budgetMs } = options;
  const sizes = [batch.maxKeys, Math.floor(batch.maxBytes), MAX_DRAINED_KEY_BYTES, meanBytes];
  try {
    const some = slots.slice(0, maxSlots);
    const reply = await run(pair.migrate, [host, port, timeoutMs, ...sizes, 1000 * budgetMs, ...some]);
    const [text = "", ...numbers] = Array.isArray(reply) ? [reply[4], ...reply.slice(0, 4)] : [String(reply)];
    const [keys = 0, bytes = 0, done = 0, tookUs = 0] = numbers.map(Number);
    return { kind: kindOf(String(text)), keys, bytes, done, tookMs: tookUs / 1000, text: String(text) };
  } catch (error) {
    if (!(error instanceof RedisReplyError)) throw error;
    return { kind: "refused", keys: 0, bytes: 0, done: 0, tookMs: 0, text: error.message };
  }
}

/** The text travels only where the server does not know it yet. */
async function run(client: NodeClient, args: readonly Argument[]): Promise<Reply> {
  try {
    return await client.call("EVALSHA", SHA, 0, ...args);
  } catch (error) {
    if (!(error instanceof RedisReplyError && error.code === "NOSCRIPT")) throw error;
    return client.call("EVAL", DRAIN, 0, ...args);
  }
}

function kindOf(stopped: string): Drained["kind"] {
  if (stopped === "") return "moved";
  if (stopped === "LARGE" || /BUSYKEY/.test(stopped)) return "slot";
  return isSilence(stopped) ? "retry" : "refused";
}

/** Errors of MIGRATE after which keys may be on both servers, or for which waiting helps. */
export function isSilence(text: string): boolean {
  return /^IOERR|LOADING|NOREPLICAS|TRYAGAIN|MASTERDOWN/.test(text);
}
