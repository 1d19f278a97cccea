import { describe, expect, it } from "vitest";
import { type NodeClient, RedisReplyError, type Reply, UnreachableError } from "../../../cluster/client";
import { systemClock } from "../../../cluster/clock";
import { Probe } from "../../../cluster/drill/probe";
import type { NodeSpec } from "../../../cluster/spec";

const [old, heir] = [0, 1].map(
  (member): NodeSpec => ({
    name: `shard-1-${"ab".charAt(member)}`,
    host: "10.0.0.1",
    port: 7000 + member,
    busPort: 17_000 + member,
    shard: 0,
    member,
    zone: "a",
    directives: {},
  }),
) as [NodeSpec, NodeSpec];

/** Two nodes in memory: what each does with a command is up to the test. */
class Shard {
  readonly data = new Map<string, string>();
  writes = 0;
  answer: (node: NodeSpec, key: string) => Error | undefined = () => undefined;

  readonly connect = async (node: NodeSpec): Promise<NodeClient> => {
    const call = async (name: string, ...args: unknown[]): Promise<Reply> => {
      const key = String(args[0]);
      await systemClock.sleep(1);
      const refusal = this.answer(node, key);
      if (refusal) throw refusal;
      if (name === "SET") {
        this.writes++;
        this.data.set(key, String(args[1]));
        return "OK";
      }
      if (name === "GET") return this.data.get(key) ?? null;
      return this.data.delete(key) ? 1 : 0;
    };
    const pipeline: NodeClient["pipeline"] = (commands) =>
      Promise.all(commands.map(([name, ...args]) => call(name, ...args)));
    return {
      node: node.name,
      passwordIndex: 0,
      call,
      callBinary: call,
      pipeline,
      pipelineBinary: pipeline,
      close: () => undefined,
    };
  };
}

async function probeOf(shard: Shard, body: (probe: Probe) => Promise<void>): Promise<Probe> {
  const probe = new Probe({
    runId: "run",
    members: [old, heir],
    tags: ["x", "y"],
    ratePerSecond: 1000,
    connect: shard.connect,
    clock: systemClock,
  });
  probe.start();
  await body(probe);
  await probe.stop();
  return probe;
}

const sleep = (ms: number) => systemClock.sleep(ms);

describe("the probe", () => {
  it("follows the slots to the replica that took over, and misses no write", async () => {
    const shard = new Shard();
    const probe = await probeOf(shard, async () => {
      await sleep(60);
      shard.answer = (node) =>
        node === old ? new RedisReplyError("MOVED 5 10.0.0.1:7001", old.name, "SET") : undefined;
      await sleep(60);
    });
    expect(new Set(probe.acks.map(({ node }) => node))).toEqual(new Set([old.name, heir.name]));
    expect(probe.retries.MOVED).toBeLessThanOrEqual(4);
    expect(await probe.countLost(heir)).toBe(0);
    expect(probe.acks.length).toBe(shard.writes);
  });

  it("finds the replica by itself when the primary is gone", async () => {
    const shard = new Shard();
    const probe = await probeOf(shard, async () => {
      await sleep(40);
      shard.answer = (node) =>
        node === old
          ? new UnreachableError(old.name, "closed", "connection lost")
          : new RedisReplyError("MOVED 5 10.0.0.1:7000", heir.name, "SET");
      await sleep(60);
      const before = shard.writes;
      shard.answer = (node) =>
        node === old ? new UnreachableError(old.name, "refused", "refused") : undefined;
      await sleep(60);
      expect(shard.writes).toBeGreaterThan(before);
    });
    expect(probe.acks.at(-1)?.node).toBe(heir.name);
    expect(await probe.countLost(heir)).toBe(0);
  });

  it("counts acknowledged writes that are gone or have another value, and no others", async () => {
    const shard = new Shard();
    const probe = await probeOf(shard, () => sleep(50));
    const [gone = "", changed = ""] = shard.data.keys();
    shard.data.delete(gone);
    shard.data.set(changed, "another");
    expect(await probe.countLost(old)).toBe(2);
  });

  it("stops where nothing is acknowledged, and says why", async () => {
    const shard = new Shard();
    shard.answer = () => new RedisReplyError("OOM command not allowed", old.name, "SET");
    const probe = await probeOf(shard, () => sleep(50));
    expect(probe.acks).toEqual([]);
    expect(probe.lastProblem).toContain("OOM");
    expect(probe.unacknowledged).toBe(4);
  });

  it("deletes all that it may have written", async () => {
    const shard = new Shard();
    const probe = await probeOf(shard, () => sleep(50));
    shard.data.set("somebody's", "data");
    await probe.deleteKeys(old);
    expect([...shard.data.keys()]).toEqual(["somebody's"]);
  });

  it("keeps to its rate", async () => {
    const shard = new Shard();
    const began = performance.now();
    const probe = await probeOf(shard, () => sleep(200));
    expect(probe.acks.length).toBeLessThanOrEqual(performance.now() - began + 4);
  });
});
