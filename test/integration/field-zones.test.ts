/** The field's pains with zones (rows 12, 13, 14), on real servers whose zones are names: a zone is lost by killing its nodes. */
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, it } from "vitest";
import { apply, look } from "../../cluster/engine";
import type { ClusterSpec, NodeSpec } from "../../cluster/spec";
import { summarize } from "../../cluster/status";
import { isLive } from "../../config/directives";
import {
  bring,
  expectNothingLost,
  expectWhole,
  isPrimary,
  nodeOf,
  roleOf,
  told,
  useKitConf,
} from "../support/live";
import { type LocalNodes, startLocalNodes } from "../support/local-nodes";
import type { RedisLine } from "../support/redis-binaries";
import { specOf } from "../support/specs";
import { Traffic } from "../support/traffic";

/** Short, so that deaths and orphans are noticed within seconds. */
const NODE_TIMEOUT_MS = 2000;

let local: LocalNodes;
afterEach(() => local.end());

/** With the redis.conf that the kit writes by default. */
async function start(line: RedisLine, replicas: number): Promise<ClusterSpec> {
  local = await startLocalNodes({ line, shards: 3, replicas, start: false });
  const directives = useKitConf(local, { "cluster-node-timeout": String(NODE_TIMEOUT_MS) });
  const nodes = local.nodes.map((node) => ({ ...node, directives }));
  const { version } = local.binaries;
  const liveDirectives = Object.keys(directives).filter((name) => isLive(name, version));
  const spec = specOf(local, { nodes, liveDirectives, nodeTimeoutMs: NODE_TIMEOUT_MS });
  await apply(spec, { hosts: () => local.host });
  return spec;
}

/** Names of the nodes that replicate this one, in its own eyes. */
async function replicasOf(node: NodeSpec): Promise<string[]> {
  const { myself, peers } = await told(local, node);
  const names = peers.filter((peer) => peer.primaryId === myself.id).map((peer) => peer.port);
  return local.nodes.filter((other) => names.includes(other.port)).map((other) => other.name);
}

async function codes(spec: ClusterSpec): Promise<string[]> {
  const { view } = await look(spec, { hosts: () => local.host });
  return summarize(spec, view).findings.map((finding) => `${finding.code} ${finding.subject}`);
}

async function replicate(replica: NodeSpec, primary: NodeSpec): Promise<void> {
  const { id } = (await told(local, primary)).myself;
  expect(await local.cli(replica, "cluster", "replicate", id)).toBe("OK");
}

describe("zones", () => {
  it("field 12: a replica that was put into its primary's zone by hand is noticed on the live cluster and moved back", async () => {
    const spec = await start("5.0", 1);
    const [stray, neighbour, own] = [nodeOf(local, "s0-m1"), nodeOf(local, "s1-m0"), nodeOf(local, "s0-m0")];
    expect(stray.zone).toBe(neighbour.zone);
    await replicate(stray, neighbour);
    await expect.poll(() => replicasOf(neighbour), { timeout: 10_000 }).toEqual(["s0-m1", "s1-m1"]);
    expect(await codes(spec)).toContain("zone-shared s0-m1");
    const { status } = await bring(local, spec);
    expect(status.findings).toEqual([]);
    expect(await replicasOf(own)).toEqual(["s0-m1"]);
    expect(await replicasOf(neighbour)).toEqual(["s1-m1"]);
  });

  it("field 13: with a zone lost the others are a majority, take over and serve; two primaries in one zone are pointed out", async () => {
    const spec = await start("5.0", 1);
    const zoneOfPrimaries = spec.nodes.filter((node) => node.member === 0).map((node) => node.zone);
    expect(new Set(zoneOfPrimaries).size).toBe(3);
    const lost = local.nodes.filter((node) => node.zone === "a");
    const left = local.nodes.filter((node) => node.zone !== "a");
    const traffic = await Traffic.start({ nodes: left, password: local.password, giveUpMs: 30_000 });
    await Promise.all(lost.map((node) => local.host.stop(node, { kill: true })));
    const began = performance.now();
    // Nobody helps: the votes of the two primaries that are left are enough.
    await expect.poll(() => isPrimary(local, nodeOf(local, "s0-m1")), { timeout: 20_000 }).toBe(true);
    console.log(`Redis itself took over after ${(performance.now() - began).toFixed(0)} ms`);
    const served = traffic.writes;
    await expect.poll(() => traffic.writes, { timeout: 20_000 }).toBeGreaterThan(served + 100);
    expect((await traffic.stop()).failed).toEqual([]);
    const { status } = await bring(local, spec);
    // Zone b now has two of three primaries, which its loss would leave without a majority.
    expect(roleOf(status, "s0-m1")).toBe("primary");
    expect(status.findings.map((finding) => finding.code)).toEqual(["zone-majority"]);
    expect(status.findings[0]?.text).toMatch(/zone b holds 2 of 3 primaries \(s0-m1, s1-m0\)/);
    const back = await bring(local, { ...spec, failback: true });
    expect(roleOf(back.status, "s0-m0")).toBe("primary");
    expect(back.status.findings).toEqual([]);
  });
});

describe("replica migration", () => {
  for (const line of ["5.0", "7.0"] as const)
    it(`field 14: Redis ${line} does not move a replica to a primary that lost its own, as it does with its own defaults`, async () => {
      const spec = await start(line, 2);
      const orphan = nodeOf(local, "s0-m0");
      const replicas = ["s0-m1", "s0-m2"].map((name) => nodeOf(local, name));
      const traffic = await Traffic.start({ nodes: local.nodes, password: local.password });
      await Promise.all(replicas.map((node) => local.host.stop(node, { kill: true })));
      const failed = async () => (await told(local, orphan)).peers.filter((p) => p.flags.includes("fail"));
      await expect.poll(async () => (await failed()).length, { timeout: 20_000 }).toBe(2);
      // Redis waits 5 s before it migrates.
      await sleep(8000);
      expect(await livingReplicas(orphan)).toEqual([]);
      // The same situation with what Redis ships: one of the others' replicas comes, as proof that this was a trial.
      await asShipped(line);
      await expect.poll(() => livingReplicas(orphan), { timeout: 20_000 }).toHaveLength(1);
      const { status } = await bring(local, spec);
      expect(status.findings).toEqual([]);
      expectNothingLost(await traffic.stop());
      for (const primary of local.nodes.filter((node) => node.member === 0))
        expect(await replicasOf(primary)).toEqual([1, 2].map((member) => `s${primary.shard}-m${member}`));
      await expectWhole(local, spec);
    });
});

async function livingReplicas(primary: NodeSpec): Promise<string[]> {
  const found = await replicasOf(primary);
  return found.filter((name) => nodeOf(local, name).shard !== primary.shard);
}

async function asShipped(line: RedisLine): Promise<void> {
  const running = local.nodes.filter((node) => node.shard > 0 || node.member === 0);
  for (const node of running) {
    await local.cli(node, "config", "set", "cluster-migration-barrier", "1");
    if (line === "7.0") await local.cli(node, "config", "set", "cluster-allow-replica-migration", "yes");
  }
}
