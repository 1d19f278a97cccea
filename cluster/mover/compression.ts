/**
 * MIGRATE makes its payload as an RDB file is made: with `rdbcompression yes` it tries to compress every string. Values that are
 * compressed or encrypted already cost half of the source's time that way and get no smaller (5,000 values of 16 kB of noise: 0.62 s of
 * processor time instead of 0.31). It is off while they move, and only then: with values that do get smaller, RDB files of the time
 * would grow and could fill the disk.
 */
import { type NodeClient, RedisReplyError, UnreachableError } from "../client";
import { parsePairs } from "../parse";
import { datasetBytes, listKeys } from "./keys";
import type { Run } from "./run";
import { setBack } from "./settings";

const DIRECTIVE = "rdbcompression";
/** Less than this is moved before anything is gained. */
const MIN_DATASET_BYTES = 16 * 1024 * 1024;
const SAMPLED_SLOTS = 8;
const KEYS_PER_SLOT = 2;
/** Shorter values cost other things than compression; longer ones are not worth the copy. */
const [MIN_VALUE_BYTES, MAX_VALUE_BYTES] = [512, 1024 * 1024];
/** Payload by value: RDB files grow by the rest at most. */
const INCOMPRESSIBLE = 0.95;

/**
 * Runs `move` with the source's compression off where a sample of its values does not get smaller by it. A run that dies in between leaves
 * it off, which is a declared setting: the next run sets it back.
 */
export async function withFittingCompression(
  run: Run,
  source: string,
  slots: readonly number[],
  move: () => Promise<void>,
): Promise<void> {
  const isTold = await switchOff(run, source, slots);
  try {
    await move();
  } finally {
    if (isTold) await setBack(run, source, DIRECTIVE, "yes");
  }
}

/** Whether the source was told, and be it that its answer is lost. A source that cannot be asked is the move's own matter. */
async function switchOff(run: Run, source: string, slots: readonly number[]): Promise<boolean> {
  let isTold = false;
  try {
    const client = await run.client(source);
    if (!((await isCompressing(client)) && (await isUseless(client, slots)))) return false;
    isTold = true;
    await client.call("CONFIG", "SET", DIRECTIVE, "no");
  } catch (error) {
    if (!(error instanceof UnreachableError || error instanceof RedisReplyError)) throw error;
  }
  return isTold;
}

async function isCompressing(client: NodeClient): Promise<boolean> {
  return parsePairs(await client.call("CONFIG", "GET", DIRECTIVE)).get(DIRECTIVE) === "yes";
}

async function isUseless(client: NodeClient, slots: readonly number[]): Promise<boolean> {
  if ((await datasetBytes(client)) < MIN_DATASET_BYTES) return false;
  const keys = await sample(client, slots);
  const lengths = await client.pipeline(keys.map((key) => ["STRLEN", key]));
  const strings = keys.flatMap((key, index) => {
    const length = lengths[index];
    const fits = typeof length === "number" && length >= MIN_VALUE_BYTES && length <= MAX_VALUE_BYTES;
    return fits ? [{ key, length }] : [];
  });
  if (strings.length === 0 || strings.length < keys.length / 2) return false;
  const payloads = await client.pipelineBinary(strings.map(({ key }) => ["DUMP", key]));
  const packed = payloads.map((payload) => (Buffer.isBuffer(payload) ? payload.length : 0));
  return sum(packed) >= INCOMPRESSIBLE * sum(strings.map(({ length }) => length));
}

/** A few keys of slots from all over the list. */
async function sample(client: NodeClient, slots: readonly number[]): Promise<Buffer[]> {
  const step = Math.max(1, Math.floor(slots.length / SAMPLED_SLOTS));
  const some = slots.filter((_, index) => index % step === 0).slice(0, SAMPLED_SLOTS);
  return (await listKeys(client, some, KEYS_PER_SLOT)).flatMap(({ keys }) => keys);
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
