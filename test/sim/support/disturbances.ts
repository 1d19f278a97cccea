/** What happens to a running cluster before the engine comes. */
import type { FakeCluster } from "../fake/cluster";
import type { Random } from "../fake/random";

export type Disturb = (fake: FakeCluster, random: Random) => Promise<void>;

/** Kills `names`, and lets the time pass in which the engine comes. */
function killing(...names: string[]): Disturb {
  return async (fake, random) => {
    for (const name of names) fake.node(name).kill();
    await fake.advance(random.between(0, 12_000));
  };
}

export const DISTURBANCES: Readonly<Record<string, Disturb>> = {
  "a killed replica": killing("s0b"),
  "a killed primary": killing("s1a"),
  "a primary and another shard's replica killed": killing("s0a", "s2b"),
  "two primaries killed": killing("s0a", "s1a"),
  "a shard killed whole": killing("s1a", "s1b"),
  "everybody killed at once": killing("s0a", "s0b", "s1a", "s1b", "s2a", "s2b"),
  "a replica that lost its disk": async (fake, random) => {
    fake.node("s1b").kill();
    await fake.advance(random.between(0, 12_000));
    fake.node("s1b").wipe();
  },
  "a primary that lost its disk": async (fake) => {
    // Its replica takes over first: a wiped node in its place must not win.
    fake.node("s2a").kill();
    await fake.until("s2b to take over", () => fake.node("s2b").live.cluster.myself.isPrimary);
    fake.node("s2a").wipe();
  },
  "a power cut of all machines": async (fake, random) => {
    for (const node of fake.allNodes()) node.powerOff();
    await fake.advance(random.between(0, 3000));
  },
  "a planned failover by hand": async (fake, random) => {
    const replica = fake.spec.nodes.find((node) => node.name === "s0b");
    if (!replica) throw new Error("no s0b");
    // On 5.0 a stream at offset 0 can not be handed over.
    await fake.until("the stream to move", () => fake.node("s0b").live.replication.offset > 0);
    const client = await fake.connector.connect(replica, [fake.spec.password]);
    await client.call("CLUSTER", "FAILOVER");
    client.close();
    await fake.advance(random.between(0, 2000));
  },
  "a replica attached to another shard": async (fake, random) => {
    const replica = fake.spec.nodes.find((node) => node.name === "s0b");
    if (!replica) throw new Error("no s0b");
    const client = await fake.connector.connect(replica, [fake.spec.password]);
    await client.call("CLUSTER", "REPLICATE", fake.node("s1a").live.cluster.myself.id);
    client.close();
    await fake.advance(random.between(0, 2000));
  },
  "a node forgotten by another": async (fake, random) => {
    const node = fake.spec.nodes.find((each) => each.name === "s0a");
    if (!node) throw new Error("no s0a");
    const client = await fake.connector.connect(node, [fake.spec.password]);
    await client.call("CLUSTER", "FORGET", fake.node("s1b").live.cluster.myself.id);
    client.close();
    await fake.advance(random.between(0, 2000));
  },
};

/** Disturbances that put a replica beside its primary by themselves. */
export const MISPLACES: ReadonlySet<string> = new Set(["a replica attached to another shard"]);
