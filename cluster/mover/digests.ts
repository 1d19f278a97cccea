/** Whether two servers hold the same value of a key. */
import { createHash } from "node:crypto";
import { type Command, type NodeClient, RedisReplyError } from "../client";

/** DUMP ends with two bytes of RDB version and eight of checksum over all before, which differ between versions for equal values. */
const DUMP_FOOTER_BYTES = 10;
const ABSENT = /^0*$/;

/** Text that is equal for equal values; undefined where the key is absent. */
export type Digest = string | undefined;

/**
 * Digests of keys at both servers, of the same kind for both. DEBUG DIGEST-VALUE where both allow it; it does not depend on how a value
 * is encoded. Else DUMP payloads: equal payloads are equal values, different ones may still be, and then count as different.
 */
export async function digestsAtBoth(
  a: NodeClient,
  b: NodeClient,
  keys: readonly Buffer[],
): Promise<{ a: readonly Digest[]; b: readonly Digest[] }> {
  const [fromA, fromB] = await Promise.all([digestValues(a, keys), digestValues(b, keys)]);
  if (fromA && fromB) return { a: fromA, b: fromB };
  const [dumpsA, dumpsB] = await Promise.all([dumps(a, keys), dumps(b, keys)]);
  return { a: dumpsA.map(digestOfDump), b: dumpsB.map(digestOfDump) };
}

/** Undefined where DEBUG is disabled or renamed. */
async function digestValues(client: NodeClient, keys: readonly Buffer[]): Promise<Digest[] | undefined> {
  try {
    const reply = await client.call("DEBUG", "DIGEST-VALUE", ...keys);
    if (!Array.isArray(reply) || reply.length !== keys.length) return undefined;
    return reply.map((digest) => (ABSENT.test(String(digest)) ? undefined : String(digest)));
  } catch (error) {
    if (error instanceof RedisReplyError) return undefined;
    throw error;
  }
}

/** DUMP of each key, null where absent. ASKING lets a node that only imports the slot answer; elsewhere it changes nothing. */
export async function dumps(client: NodeClient, keys: readonly Buffer[]): Promise<(Buffer | null)[]> {
  const replies = await client.pipelineBinary(keys.flatMap((key): Command[] => [["ASKING"], ["DUMP", key]]));
  return keys.map((_, index) => {
    const reply = replies[2 * index + 1];
    // A migrating node answers ASK for a key that it does not have.
    if (reply === null || (reply instanceof RedisReplyError && reply.code === "ASK")) return null;
    if (Buffer.isBuffer(reply)) return reply;
    if (reply instanceof RedisReplyError) throw reply;
    throw new TypeError(`${client.node} answered DUMP with ${typeof reply}`);
  });
}

function digestOfDump(payload: Buffer | null): Digest {
  if (!payload) return undefined;
  return createHash("sha256").update(payload.subarray(0, -DUMP_FOOTER_BYTES)).digest("hex");
}
