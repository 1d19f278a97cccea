/** Brings keys that are beside the owner of their slot to it. */
import { type Command, RedisReplyError } from "../../client";
import { packBatches } from "../batches";
import { setAside } from "../conflicts";
import { digestsAtBoth } from "../digests";
import { countKeys, listKeys, measureKeys } from "../keys";
import { setSlots } from "../scripts";
import { MoveError } from "../types";
import type { Worker } from "../worker";

/** Rounds in a row that left as many keys as there were. */
const FRUITLESS_ROUNDS = 5;

/**
 * The pair's target owns the slot and serves it; its source holds keys of it that no client can reach. Nothing is overwritten: a key goes
 * over only where the owner has none (RESTORE without REPLACE, which the owner decides in one step, also while clients write). Of two
 * equal values the one beside the owner is removed; of two different ones it is set aside at the owner first.
 */
export async function mergeIntoOwner(worker: Worker, slot: number): Promise<void> {
  const { source, target } = worker.pair;
  const refused = await setSlots(source.client, [slot], "IMPORTING", target.id);
  if (refused)
    throw new MoveError(
      "state",
      `${source.name}: SETSLOT ${slot} IMPORTING was answered with: ${refused.text}`,
    );
  let before = Number.POSITIVE_INFINITY;
  let fruitless = 0;
  for (;;) {
    const left = (await countKeys(source.client, [slot])).get(slot) ?? 0;
    if (left === 0) break;
    fruitless = left < before ? 0 : fruitless + 1;
    before = left;
    if (fruitless > FRUITLESS_ROUNDS)
      throw new MoveError(
        "reply",
        `slot ${slot}: ${left} keys stay at ${source.name} and do not reach ${target.name}`,
      );
    await mergeSome(worker, slot);
  }
  await source.client.call("CLUSTER", "SETSLOT", slot, "STABLE");
}

async function mergeSome(worker: Worker, slot: number): Promise<void> {
  const { client } = worker.pair.source;
  const keys = await measureKeys(client, await listKeys(client, [slot]));
  for (const batch of packBatches(keys, worker.batchLimits())) {
    worker.run.throwIfAborted();
    const [outcome] = await worker.migrate([batch], false);
    if (outcome?.kind === "busy")
      await settleDuplicates(
        worker,
        slot,
        batch.keys.map(({ key }) => key),
      );
    worker.run.keysMoved += batch.keys.length;
    worker.run.bytesMoved += batch.bytes;
    worker.run.report();
  }
}

/** Keys that both have: equal ones are removed beside the owner, different ones after they were set aside. */
async function settleDuplicates(worker: Worker, slot: number, keys: readonly Buffer[]): Promise<void> {
  const { source, target } = worker.pair;
  const found = await digestsAtBoth(source.client, target.client, keys);
  for (const [index, key] of keys.entries()) {
    const [here, there] = [found.a[index], found.b[index]];
    if (here === undefined || there === undefined) continue;
    if (here !== there) {
      const quarantineKey = await setAside(slot, key, source, target.client);
      if (!quarantineKey) continue;
      worker.run.conflicts.push({ slot, key, kept: target.name, setAside: source.name, quarantineKey });
    }
    await removeCopy(worker, slot, key);
  }
}

async function removeCopy(worker: Worker, slot: number, key: Buffer): Promise<void> {
  const remove: Command[] = [["ASKING"], ["UNLINK", key]];
  const [, reply] = await worker.pair.source.client.pipeline(remove);
  if (reply instanceof RedisReplyError)
    throw new MoveError("reply", `slot ${slot}: ${worker.pair.source.name} keeps a copy: ${reply.message}`);
}
