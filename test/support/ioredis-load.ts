/** GET and SET through ioredis, as many at a time as asked for, for a bounded time. */
import Redis, { Cluster } from "ioredis";
import type { NodeSpec } from "../../cluster/spec";

export interface LoadResult {
  readonly operations: number;
  readonly failed: number;
  readonly elapsedMs: number;
  /** Of one operation as the client sees it, in ms. */
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export interface LoadOptions {
  /** One: a single server. Several: entrances of a cluster. */
  readonly nodes: readonly Pick<NodeSpec, "host" | "port">[];
  readonly isCluster: boolean;
  readonly seconds: number;
  /** Operations under way at a time. */
  readonly concurrency: number;
  readonly keys: number;
}

export async function ioredisLoad({
  nodes,
  isCluster,
  seconds,
  concurrency,
  keys,
}: LoadOptions): Promise<LoadResult> {
  const [first] = nodes;
  if (!first) throw new Error("no node to load");
  const entrances = nodes.map(({ host, port }) => ({ host, port }));
  const client = isCluster ? new Cluster(entrances) : new Redis({ ...first });
  const latencies: number[] = [];
  let failed = 0;
  const value = "v".repeat(100);
  const worker = async (number: number, until: number): Promise<void> => {
    for (let turn = number; performance.now() < until; turn += concurrency) {
      const begun = performance.now();
      const key = `load:${turn % keys}`;
      try {
        await (turn % 2 === 0 ? client.set(key, value) : client.get(key));
        latencies.push(performance.now() - begun);
      } catch {
        failed++;
      }
    }
  };
  try {
    await client.ping();
    const begun = performance.now();
    await Promise.all(Array.from({ length: concurrency }, (_, at) => worker(at, begun + seconds * 1000)));
    const elapsedMs = performance.now() - begun;
    latencies.sort((a, b) => a - b);
    const at = (part: number) => latencies[Math.floor(latencies.length * part)] ?? Number.NaN;
    return { operations: latencies.length, failed, elapsedMs, p50Ms: at(0.5), p99Ms: at(0.99) };
  } finally {
    client.disconnect();
  }
}
