/** Fills a bare cluster with `key:N` strings, as many clients would. */
import calculateSlot from "cluster-key-slot";
import type { Command } from "../../cluster/client";
import { initialRanges } from "../../cluster/slots";
import type { BareCluster } from "../../test/support/bare-cluster";

const PIPELINE = 500;

/** `noise`: as compressed or encrypted values are. `letter`: one letter repeated, as redis-benchmark writes. */
export type Values = "noise" | "letter";

/** Keys `key:0` to `key:COUNT-1`, each with the same value of `bytes` bytes. */
export async function fill(
  cluster: BareCluster,
  count: number,
  bytes: number,
  values: Values = "noise",
): Promise<void> {
  const ranges = initialRanges(Array.from({ length: cluster.options.shards }, () => 1));
  const clients = await Promise.all(
    ranges.map((_, shard) => cluster.client(cluster.primaries[shard]?.name ?? "")),
  );
  const open: Command[][] = ranges.map(() => []);
  const value = benchValue(values, bytes);
  for (let index = 0; index < count; index++) {
    const key = `key:${index}`;
    const slot = calculateSlot(key);
    const shard = ranges.findIndex((range) => slot <= range.end);
    open[shard]?.push(["SET", key, value]);
    if ((open[shard]?.length ?? 0) < PIPELINE) continue;
    await clients[shard]?.pipeline(open[shard] ?? []);
    open[shard] = [];
  }
  for (const [shard, commands] of open.entries()) await clients[shard]?.pipeline(commands);
}

function benchValue(values: Values, bytes: number): string {
  return values === "noise" ? noise(bytes) : "x".repeat(bytes);
}

/** Text without repetitions, the same each time. */
function noise(bytes: number): string {
  let state = 1;
  let text = "";
  while (text.length < bytes) {
    state = (state * 48_271) % 2_147_483_647;
    text += state.toString(36);
  }
  return text.slice(0, bytes);
}
