/** A window of slots, moved from open to owned by the target. */
import { type Batch, groupBatches, packBatches, type SizedKey } from "./batches";
import { moveBigKey } from "./bigkeys";
import { compareAndReplace } from "./conflicts";
import type { Drained } from "./drain";
import { countKeys } from "./keys";
import { BATCHES_PER_GROUP, GROUPS_IN_FLIGHT } from "./migrate";
import { giveSlots, openSlots } from "./ownership";
import { MoveError } from "./types";
import type { Worker } from "./worker";

/** Rounds in a row that moved nothing although keys are there. */
const FRUITLESS_ROUNDS = 10;

/**
 * 1. IMPORTING, MIGRATING. From here on the source creates no key in the slots: it sends clients to the target instead.
 * 2. Keys, until the source counts none.
 * 3. NODE at the target, the source, the others.
 * `keys` were listed before, while the previous window moved; undefined where a script at the source is to send them.
 */
export async function moveWindow(
  worker: Worker,
  slots: readonly number[],
  keys: readonly SizedKey[] | undefined,
): Promise<void> {
  const { source } = worker.pair;
  await openSlots(
    worker.pair,
    slots.filter((slot) => !worker.isOpen(slot)),
  );
  let next = keys ?? (await worker.keysOf(await drainSlots(worker, slots)));
  let before = Number.POSITIVE_INFINITY;
  let fruitless = 0;
  for (;;) {
    await sendKeys(worker, next);
    const counts = await countKeys(source.client, slots);
    const left = slots.filter((slot) => (counts.get(slot) ?? 0) > 0);
    if (left.length === 0) break;
    const sum = left.reduce((total, slot) => total + (counts.get(slot) ?? 0), 0);
    fruitless = sum < before ? 0 : fruitless + 1;
    if (fruitless > FRUITLESS_ROUNDS)
      throw new MoveError("reply", `slot ${left[0]}: ${sum} keys stay at ${source.name} and cannot be moved`);
    before = sum;
    next = await worker.keysOf(left);
  }
  worker.run.throwIfAborted();
  await giveSlots(worker.run, worker.pair, slots);
  worker.run.slotsDone += slots.length;
  worker.run.report();
}

/**
 * Lets the source send the keys by itself. Returns the slots whose keys have to be looked at. Where several calls are under way, each
 * begins where the oldest of them began, and passes over what is empty by then.
 */
async function drainSlots(worker: Worker, slots: readonly number[]): Promise<readonly number[]> {
  const { context } = worker.run;
  const left = new Set<number>();
  const calls: { readonly from: number; readonly answer: Promise<Drained> }[] = [];
  let at = 0;
  try {
    while (at < slots.length) {
      worker.run.throwIfAborted();
      if (calls.length === 0 && !worker.isLetIn()) {
        await sendKeys(worker, await worker.keysOf(slots.slice(at, at + 1)));
        at += 1;
        continue;
      }
      while (calls.length < worker.pace.callsUnderWay()) {
        await worker.pace.turn(context.signal);
        calls.push({ from: at, answer: quietly(worker.drain(slots.slice(at))) });
      }
      const call = calls.shift();
      if (!call) continue;
      const { kind, done } = await call.answer;
      at = Math.max(at, call.from + done);
      if (kind === "refused") return [...left, ...slots.slice(at)];
      if (kind === "slot" && at === call.from + done) left.add(slots[at++] ?? -1);
    }
    return [...left];
  } finally {
    await Promise.allSettled(calls.map(({ answer }) => answer));
  }
}

/** The error of the promise is thrown where it is awaited, and until then by nobody. */
function quietly<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined);
  return promise;
}

async function sendKeys(worker: Worker, keys: readonly SizedKey[]): Promise<void> {
  const batches = packBatches(keys, worker.batchLimits());
  const cost = (batch: Batch) => worker.pace.cost.estimateMs(batch.keys.length, batch.bytes);
  const inFlight: Promise<void>[] = [];
  try {
    for (const group of groupBatches(batches, cost, worker.run.limits.batchMs, BATCHES_PER_GROUP)) {
      worker.run.throwIfAborted();
      const [only] = group;
      const big = group.length === 1 && only && worker.isBig(only) ? only : undefined;
      while (inFlight.length >= (big ? 1 : GROUPS_IN_FLIGHT)) await inFlight.shift();
      if (big) await moveBigKey(worker, big);
      else inFlight.push(quietly(send(worker, group)));
      if (worker.pace.isPauseDue()) {
        while (inFlight.length > 0) await inFlight.shift();
        await worker.pace.pause(worker.run.context.signal);
      }
    }
    while (inFlight.length > 0) await inFlight.shift();
  } finally {
    // Nothing of ours may be under way when the state is looked at again.
    await Promise.allSettled(inFlight);
  }
}

async function send(worker: Worker, group: readonly Batch[]): Promise<void> {
  const outcomes = await worker.migrate(group, false);
  for (const { batch, kind } of outcomes) if (kind === "busy") await resolveBusy(worker, batch);
  for (const { keys, bytes } of group) {
    worker.run.keysMoved += keys.length;
    worker.run.bytesMoved += bytes;
  }
  worker.run.report();
}

/**
 * Keys of the batch are at the target too. REPLACE is right only where this run has seen the slot closed, without keys at the
 * target, and has held both flags ever since: then the copy is our own, from a MIGRATE that timed out (redis #1616, #1765, #2764),
 * and clients have written to the source alone. Otherwise the values are compared.
 */
async function resolveBusy(worker: Worker, batch: Batch): Promise<void> {
  if (!worker.isTrusted(batch.slot)) return compareAndReplace(worker, batch);
  const [outcome] = await worker.migrate([batch], true);
  if (outcome?.kind === "busy")
    throw new MoveError("reply", `slot ${batch.slot}: REPLACE answered ${outcome.text}`);
}
