/** Keys that are at both ends, where nobody can say that one is a mere copy of the other. */
import { type NodeClient, RedisReplyError } from "../client";
import type { Batch } from "./batches";
import { digestsAtBoth, dumps } from "./digests";
import { quarantineKey } from "./quarantine";
import { type KeyConflict, MoveError } from "./types";
import type { Worker } from "./worker";

/**
 * The source serves these keys, so its value keeps the name. Where the target holds another value, that one is set aside first, in the
 * same slot; equal ones are overwritten with themselves. A client that writes meanwhile writes to the source, and is moved.
 */
export async function compareAndReplace(worker: Worker, batch: Batch): Promise<void> {
  const { source, target } = worker.pair;
  const keys = batch.keys.map(({ key }) => key);
  const found = await digestsAtBoth(source.client, target.client, keys);
  const differing = keys.filter((_, index) => {
    const [here, there] = [found.a[index], found.b[index]];
    return here !== undefined && there !== undefined && here !== there;
  });
  for (const key of differing) {
    const aside = await setAside(batch.slot, key, target, target.client);
    if (aside)
      worker.run.conflicts.push({
        slot: batch.slot,
        key,
        kept: source.name,
        setAside: target.name,
        quarantineKey: aside,
      });
  }
  await worker.migrate([batch], true);
}

/**
 * Keeps the value that `from` has for `key` under its quarantine name at `at`. Returns that name; undefined where the key has gone.
 * @throws MoveError where it could not be kept.
 */
export async function setAside(
  slot: number,
  key: Buffer,
  from: { readonly id: string; readonly client: NodeClient },
  at: NodeClient,
): Promise<KeyConflict["quarantineKey"] | undefined> {
  const [payload] = await dumps(from.client, [key]);
  if (!payload) return undefined;
  const name = quarantineKey(slot, from.id, payload, key);
  // TTL 0: it stays until somebody has looked at it.
  const [, reply] = await at.pipeline([["ASKING"], ["RESTORE", name, 0, payload]]);
  // BUSYKEY: an earlier run has kept this very payload already.
  if (reply === "OK" || (reply instanceof RedisReplyError && reply.code === "BUSYKEY")) return name;
  throw new MoveError(
    "reply",
    `slot ${slot}: ${at.node} does not keep a conflicting value: ${String(reply)}`,
  );
}
