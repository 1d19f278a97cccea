import calculateSlot from "cluster-key-slot";
import { Cluster } from "ioredis";
import { itemsOf, keysOf, nodes, password, run } from "./orders.mjs";

const cluster = new Cluster(nodes, {
  // Redis 5 knows RESP2 only.
  redisOptions: { password, protocol: 2, connectTimeout: 2000 },
  // While the cluster has no primary for a slot, the client asks again after this many ms.
  retryDelayOnFailover: 200,
  retryDelayOnClusterDown: 200,
  clusterRetryStrategy: (times) => Math.min(100 + times * 50, 1000),
  maxRedirections: 16,
});
// Told for every attempt at a node that is down; the commands themselves are retried.
cluster.on("error", () => undefined);

await run({
  async write(order) {
    const { items, total } = keysOf(order);
    const replies = await cluster
      .multi()
      .sadd(items, ...itemsOf(order))
      .set(total, order * 2)
      .exec();
    for (const [error] of replies) if (error) throw error;
  },
  async read(order) {
    const { items, total } = keysOf(order);
    const [[first, count], [second, value]] = await cluster.multi().scard(items).get(total).exec();
    if (first ?? second) throw first ?? second;
    return [count, value];
  },
  // One MGET a slot; those that are sent together travel together, by autopipelining of the event loop's turn.
  async readMany(keys) {
    const bySlot = Map.groupBy(keys, (key) => calculateSlot(key));
    const found = new Map();
    await Promise.all(
      [...bySlot.values()].map(async (group) => {
        const values = await cluster.mget(...group);
        group.forEach((key, index) => void found.set(key, values[index]));
      }),
    );
    return keys.map((key) => found.get(key));
  },
});
await cluster.quit();
