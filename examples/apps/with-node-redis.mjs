import calculateSlot from "cluster-key-slot";
import { createCluster } from "redis";
import { itemsOf, keysOf, nodes, password, run } from "./orders.mjs";

const options = {
  rootNodes: nodes.map(({ host, port }) => ({ socket: { host, port } })),
  // Nodes that it finds by itself get what stands here.
  defaults: {
    password,
    // Redis 5 knows RESP2 only.
    RESP: 2,
    socket: {
      connectTimeout: 2000,
      // Not for ever: whoever waits for a node that is down must be told.
      reconnectStrategy: (times) => (times < 5 ? 100 : new Error("the node is down")),
    },
    // A command for a node that is down fails at once, and is repeated by us.
    disableOfflineQueue: true,
  },
  maxCommandRedirections: 16,
  // Nodes are connected to when they are needed: to look around must not fail because one of them is down.
  minimizeConnections: true,
};

async function open() {
  const opened = createCluster(options);
  // Told for every attempt at a node that is down.
  opened.on("error", () => undefined);
  opened.on("node-error", () => undefined);
  try {
    return await opened.connect();
  } catch (error) {
    opened.destroy();
    throw error;
  }
}

let cluster = await open();

await run({
  // It learns a new primary from redirects only, and a node that is down sends none: a new client looks around anew.
  async renew() {
    const old = cluster;
    cluster = await open();
    old.destroy();
  },
  async write(order) {
    const { items, total } = keysOf(order);
    await cluster
      .multi()
      .sAdd(items, itemsOf(order))
      .set(total, String(order * 2))
      .exec();
  },
  async read(order) {
    const { items, total } = keysOf(order);
    const [count, value] = await cluster.multi().sCard(items).get(total).exec();
    return [count, value];
  },
  // One MGET a slot: of keys of several slots a server says CROSSSLOT.
  async readMany(keys) {
    const bySlot = Map.groupBy(keys, (key) => calculateSlot(key));
    const found = new Map();
    await Promise.all(
      [...bySlot.values()].map(async (group) => {
        const values = await cluster.mGet(group);
        group.forEach((key, index) => void found.set(key, values[index]));
      }),
    );
    return keys.map((key) => found.get(key));
  },
});
cluster.destroy();
// Clients that were given up while they looked around may still hold a socket open.
process.exit();
