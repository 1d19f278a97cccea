/** Keys that block both servers for longer than a batch may. */
import { parsePairs } from "../parse";
import type { Batch } from "./batches";
import { compareAndReplace } from "./conflicts";
import { setBack } from "./settings";
import { MoveError } from "./types";
import type { Worker } from "./worker";

/** proto-max-bulk-len: a larger payload breaks the protocol between the servers (redis #5260). */
export const MAX_KEY_BYTES = 512 * 1024 * 1024;

const MEGABYTE = 1024 * 1024;
/** Estimates come from other keys; a key of another type may take this many times as long. */
const SAFETY = 4;
const GRACE_MS = 1000;

export function tooLarge(source: string, key: Buffer, bytes: number): string {
  const size = Math.ceil(bytes / MEGABYTE);
  return `key ${showKey(key)} at ${source} takes ${size} MB; MIGRATE cannot carry more than 512 MB. Split or delete it, then run again.`;
}

/** Printable, and short enough for a line. */
export function showKey(key: Buffer): string {
  const text = JSON.stringify(key.toString("latin1"));
  return text.length > 100 ? `${text.slice(0, 100)}…" (${key.length} bytes)` : text;
}

/**
 * One key, alone. MIGRATE blocks its source until the target has rebuilt the value, so a key may take longer than the node timeout and
 * be answered with a failover (redis #3396, #13122, #6999). Refusing would leave a shard that can never be resharded, so the timeout is
 * raised on every node while such a key moves, and restored after. A run that dies in between leaves a raised timeout, which
 * is a declared setting: the next run finds it differing and sets it back.
 */
export async function moveBigKey(worker: Worker, batch: Batch): Promise<void> {
  const [key] = batch.keys;
  if (!key) return;
  if (key.bytes > MAX_KEY_BYTES)
    throw new MoveError(
      "key",
      `slot ${batch.slot}: ${tooLarge(worker.pair.source.name, key.key, key.bytes)}`,
    );
  const expectedMs = SAFETY * worker.pace.cost.estimateMs(1, key.bytes);
  const timeoutMs = Math.max(worker.migrateTimeoutMs, Math.ceil(expectedMs) + GRACE_MS);
  const move = async () => {
    const [outcome] = await worker.migrate([batch], worker.isTrusted(batch.slot), timeoutMs);
    if (outcome?.kind === "busy") await compareAndReplace(worker, batch);
  };
  const { nodeTimeoutMs } = worker.run.context;
  if (expectedMs < nodeTimeoutMs / 2) await move();
  else
    await worker.run.oneBigKey(() =>
      withNodeTimeout(worker, 2 * timeoutMs + nodeTimeoutMs, showKey(key.key), move),
    );
  worker.run.keysMoved += 1;
  worker.run.bytesMoved += key.bytes;
}

async function withNodeTimeout(
  worker: Worker,
  raisedMs: number,
  key: string,
  move: () => Promise<void>,
): Promise<void> {
  const { run, pair } = worker;
  run.warn(
    `${key} blocks ${pair.source.name} and ${pair.target.name} for up to ${Math.ceil(raisedMs / 1000)} s while it moves; ` +
      "cluster-node-timeout is raised on all nodes meanwhile",
  );
  const nodes = run.context.primaries.flatMap((primary) => [primary, ...run.context.replicasOf(primary)]);
  const before = new Map<string, string>();
  try {
    for (const node of nodes) await raise(worker, node, raisedMs, before);
    await move();
  } finally {
    for (const [node, value] of before) await setBack(run, node, "cluster-node-timeout", value, " ms");
  }
}

/** A node that cannot be asked keeps its timeout: it is down, or only it will be impatient. */
async function raise(
  worker: Worker,
  node: string,
  raisedMs: number,
  before: Map<string, string>,
): Promise<void> {
  try {
    const client = await worker.run.client(node);
    const reply = await client.call("CONFIG", "GET", "cluster-node-timeout");
    const value = parsePairs(reply).get("cluster-node-timeout");
    if (value === undefined || Number(value) >= raisedMs) return;
    before.set(node, value);
    await client.call("CONFIG", "SET", "cluster-node-timeout", raisedMs);
  } catch (error) {
    worker.run.warn(`${node}: cluster-node-timeout was not raised: ${String(error)}`);
  }
}
