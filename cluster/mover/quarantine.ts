/** Names under which a value is kept that had to give way to another value of the same key. Pure. */
import { createHash } from "node:crypto";
import calculateSlot from "cluster-key-slot";
import { SLOT_COUNT } from "../spec";

/** Reserved: keys that begin with it are set-aside values of conflicts. Found with `SCAN … MATCH redis-cluster-kit:conflict:*`. */
export const QUARANTINE_PREFIX = "redis-cluster-kit:conflict:";

const DIGEST_LENGTH = 16;
const TAGS_TRIED = SLOT_COUNT * 64;

/**
 * `redis-cluster-kit:conflict:{TAG}:NODE:DIGEST:KEY`. The tag puts it into the key's own slot, so that it travels, replicates and is
 * backed up with it. The digest makes a repeated repair find its earlier work instead of keeping the value twice.
 */
export function quarantineKey(slot: number, nodeId: string, payload: Buffer, key: Buffer): Buffer {
  const digest = createHash("sha256").update(payload).digest("hex").slice(0, DIGEST_LENGTH);
  return Buffer.concat([
    Buffer.from(`${QUARANTINE_PREFIX}{${tagOf(slot)}}:${nodeId.slice(0, DIGEST_LENGTH)}:${digest}:`),
    key,
  ]);
}

export function isQuarantineKey(key: Buffer): boolean {
  return key.subarray(0, QUARANTINE_PREFIX.length).equals(Buffer.from(QUARANTINE_PREFIX));
}

/** The shortest decimal number that hashes to the slot. */
export function tagOf(slot: number): string {
  for (let candidate = 0; candidate < TAGS_TRIED; candidate++) {
    const tag = String(candidate);
    if (calculateSlot(tag) === slot) return tag;
  }
  throw new RangeError(`no hash tag found for slot ${slot}`);
}
