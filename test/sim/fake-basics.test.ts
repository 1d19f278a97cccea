/** The fake by itself: a cluster made with plain commands behaves as Redis's does. */
import { describe, expect, test } from "vitest";
import type { NodeClient } from "../../cluster/client";
import { parseClusterNodes } from "../../cluster/parse";
import type { ClusterSpec } from "../../cluster/spec";
import { FakeCluster } from "./fake/cluster";
import { slotOf } from "./fake/database";
import { VERSIONS } from "./fake/release";
import { simSpec } from "./support/spec";

const SIX = simSpec({ shards: 3, replicas: 1, zones: 3 });

async function connect(fake: FakeCluster, name: string): Promise<NodeClient> {
  const node = [...fake.spec.nodes].find((each) => each.name === name);
  if (!node) throw new Error(name);
  return fake.connector.connect(node, [fake.spec.password]);
}

/** The usual way: start, meet, give slots, attach replicas; by hand, without our engine. */
async function byHand(seed: number, spec: ClusterSpec): Promise<FakeCluster> {
  const fake = new FakeCluster({ seed, spec });
  for (const node of spec.nodes) await fake.hostFor(node).start(node);
  await fake.advance(50);
  const [first] = spec.nodes;
  if (!first) throw new Error("no nodes");
  const seedNode = await connect(fake, first.name);
  for (const node of spec.nodes.slice(1)) await seedNode.call("CLUSTER", "MEET", node.host, node.port);
  const everybody = () => fake.allNodes().every((node) => node.live.cluster.nodes.size === spec.nodes.length);
  await fake.until("everybody to know everybody", () => everybody() && nobodyInHandshake(fake));
  const primaries = spec.nodes.filter((node) => node.member === 0);
  for (const [index, node] of primaries.entries()) {
    const slots = Array.from({ length: 16384 }, (_, slot) => slot).filter(
      (slot) => slot % primaries.length === index,
    );
    await (await connect(fake, node.name)).call("CLUSTER", "ADDSLOTS", ...slots);
  }
  for (const node of spec.nodes.filter((each) => each.member > 0)) {
    const primary = primaries[node.shard];
    const id = primary ? fake.node(primary.name).live.cluster.myself.id : "";
    await (await connect(fake, node.name)).call("CLUSTER", "REPLICATE", id);
  }
  await fake.until("every node to say ok and every link to be up", () =>
    fake
      .allNodes()
      .every(({ live }) => live.cluster.ok && (live.cluster.myself.isPrimary || live.replication.linkUp)),
  );
  return fake;
}

function nobodyInHandshake(fake: FakeCluster): boolean {
  return fake
    .allNodes()
    .every((node) => [...node.live.cluster.nodes.values()].every((peer) => !peer.inHandshake));
}

describe("a cluster made by hand", () => {
  test.each(VERSIONS)("comes to agreement on %s", async (version) => {
    const fake = await byHand(1, simSpec({ shards: 3, replicas: 1, zones: 3, version }));
    const views = fake.allNodes().map((node) => node.live.cluster.owners.map((owner) => owner?.id).join());
    expect(new Set(views).size).toBe(1);
    const epochs = fake
      .allNodes()
      .filter((node) => node.live.cluster.myself.isPrimary)
      .map((node) => node.live.cluster.myself.configEpoch);
    expect(new Set(epochs).size).toBe(3);
    expect(fake.surprises).toEqual([]);
  });

  test("is the same for the same seed, and another one for another seed", async () => {
    const report = async (seed: number) => {
      const fake = await byHand(seed, SIX);
      const nodes = await (await connect(fake, "s0a")).call("CLUSTER", "NODES");
      return `${fake.clock.now()} ${String(nodes)}`;
    };
    expect(await report(7)).toBe(await report(7));
    expect(await report(7)).not.toBe(await report(8));
  });

  test("promotes a replica when its primary dies, and takes the old one back as a replica", async () => {
    const fake = await byHand(2, SIX);
    const died = fake.clock.now();
    fake.node("s1a").kill();
    await fake.until("s1b to take over", () => fake.node("s1b").live.cluster.myself.isPrimary);
    const tookMs = fake.clock.now() - died;
    expect(tookMs).toBeGreaterThan(5000);
    expect(tookMs).toBeLessThan(5000 * 1.5 + 2500);
    fake.node("s1a").spawn();
    await fake.until("s1a to follow", () => fake.node("s1a").live.replication.linkUp);
    const { peers } = parseClusterNodes(String(await (await connect(fake, "s0a")).call("CLUSTER", "NODES")));
    expect(peers.filter((peer) => peer.flags.includes("master")).length).toBe(2);
  });

  test("loses nothing in a planned failover", async () => {
    const fake = await byHand(3, SIX);
    const key = keyOf(fake, "s2a");
    await (await connect(fake, "s2a")).call("SET", key, "1");
    await fake.advance(100);
    expect(await (await connect(fake, "s2b")).call("CLUSTER", "FAILOVER")).toBe("OK");
    await fake.until("the roles to swap", () => fake.node("s2a").live.replication.linkUp, 10_000);
    expect(await (await connect(fake, "s2b")).call("GET", key)).toBe("1");
    await expect((await connect(fake, "s2a")).call("GET", key)).rejects.toThrow(/^MOVED/);
  });

  test("keeps keys, id and slots over a restart, and serves after two seconds at the earliest", async () => {
    const fake = await byHand(4, simSpec({ shards: 3, replicas: 0, zones: 3 }));
    const key = keyOf(fake, "s0a");
    const { id } = fake.node("s0a").live.cluster.myself;
    await (await connect(fake, "s0a")).call("SET", key, "kept");
    fake.node("s0a").kill();
    fake.node("s0a").spawn();
    await fake.until("s0a to listen", () => fake.node("s0a").listening());
    await fake.advance(200);
    const client = await connect(fake, "s0a");
    expect(await client.call("CLUSTER", "MYID")).toBe(id);
    await expect(client.call("GET", key)).rejects.toThrow("CLUSTERDOWN The cluster is down");
    await fake.until("s0a to serve", () => fake.node("s0a").live.cluster.ok, 10_000);
    expect(await client.call("GET", key)).toBe("kept");
  });
});

/** A key in a slot that the node owns. */
function keyOf(fake: FakeCluster, name: string): string {
  const { cluster } = fake.node(name).live;
  for (let i = 0; ; i++) {
    const key = `key-${i}`;
    if (cluster.owners[slotOf(key)] === cluster.myself) return key;
  }
}
