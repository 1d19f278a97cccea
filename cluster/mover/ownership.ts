/** SETSLOT: the order of it is what keeps a slot from having no owner, or two. */
import { RedisReplyError } from "../client";
import { parseClusterNodes } from "../parse";
import { expandRanges } from "../slots";
import { claims, type End, type Pair } from "./pair";
import type { Run } from "./run";
import { setSlots } from "./scripts";
import { MoveError } from "./types";

const ONLY_MASTERS = /SETSLOT only with masters/;

/**
 * IMPORTING at the target before MIGRATING at the source: the source starts to answer ASK at once, and a target that does not
 * import yet would send the client back.
 */
export async function openSlots(pair: Pair, slots: readonly number[]): Promise<void> {
  await setAll(pair.target, slots, "IMPORTING", pair.source.id);
  await setAll(pair.source, slots, "MIGRATING", pair.target.id);
}

/**
 * Makes the target the owner. The caller has seen COUNTKEYSINSLOT = 0 at the source, immediately before: a source that hears of a
 * new owner deletes the keys it still has (class of redis #2969).
 *
 * 1. The target first: it takes a new epoch and claims the slots. If it crashes before, the source still owns them; the other
 *    way round nobody would (redis #7116, #10381).
 * 2. Then the source, which stops answering ASK.
 * 3. Then the other primaries, which on 5.0 would learn it by gossip seconds later. Nobody waits for them here; `confirm` does.
 */
export async function giveSlots(run: Run, pair: Pair, slots: readonly number[]): Promise<void> {
  await setAll(pair.target, slots, "NODE", pair.target.id);
  await releaseAtSource(pair, slots);
  announce(run, pair, slots);
}

async function releaseAtSource(pair: Pair, slots: readonly number[]): Promise<void> {
  const refused = await setSlots(pair.source.client, slots, "NODE", pair.target.id);
  if (!refused) return;
  // A primary that lost its last slot to the gossip turns itself into a replica of the new owner (redis #3083, #9223).
  if (ONLY_MASTERS.test(refused.text) && (await seenAsOwner(pair.source, pair, slots))) return;
  throw new MoveError(
    "state",
    `${pair.source.name} does not give up slot ${refused.slot} of which it has no key left: ${refused.text}`,
  );
}

/**
 * Whether `end`, a replica by now, sees the pair's target as the owner of all these slots. One that loads is copying the new owner's data
 * and cannot be asked; a replica claims no slot, and who else might is looked at by `confirmOwners`.
 */
async function seenAsOwner(end: End, pair: Pair, slots: readonly number[]): Promise<boolean> {
  const text = await end.client.call("CLUSTER", "NODES").catch((error: unknown) => {
    if (error instanceof RedisReplyError && error.code === "LOADING") return undefined;
    throw error;
  });
  if (text === undefined) return true;
  const nodes = parseClusterNodes(String(text));
  const owner = nodes.peers.find((peer) => peer.id === pair.target.id);
  const owned = new Set(expandRanges(owner?.slots ?? []));
  return slots.every((slot) => owned.has(slot));
}

/** Tells the primaries that are no part of the move. One that cannot be told learns it by gossip. */
function announce(run: Run, pair: Pair, slots: readonly number[]): void {
  for (const node of run.context.primaries) {
    if (node === pair.source.name || node === pair.target.name) continue;
    run.client(node).then(
      (client) => setSlots(client, slots, "NODE", pair.target.id).catch(() => run.forget(node)),
      () => undefined,
    );
  }
}

/** Ends moves of which the source has not heard yet: the last run stopped between target and source. */
export async function finishAnnounced(run: Run, pair: Pair, slots: readonly number[]): Promise<void> {
  if (slots.length === 0) return;
  await releaseAtSource(pair, slots);
  announce(run, pair, slots);
  const { source } = await claims(pair);
  const still = slots.filter((slot) => source.owned.has(slot));
  if (still.length > 0)
    throw new MoveError("state", `${pair.source.name} and ${pair.target.name} both claim slot ${still[0]}`);
}

async function setAll(
  end: End,
  slots: readonly number[],
  state: "IMPORTING" | "MIGRATING" | "NODE",
  id: string,
): Promise<void> {
  const refused = await setSlots(end.client, slots, state, id);
  if (refused)
    throw new MoveError(
      "state",
      `${end.name}: SETSLOT ${refused.slot} ${state} was answered with: ${refused.text}`,
    );
}
