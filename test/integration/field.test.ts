/** The field's pains with creation, addresses, power cuts and crashes (rows 1, 4, 5, 6), on real servers. */
import { afterEach, describe, expect, it } from "vitest";
import { apply, look } from "../../cluster/engine";
import { describePlan } from "../../cluster/plan/describe";
import type { ClusterSpec, NodeSpec } from "../../cluster/spec";
import { contentProblems, loadKeys } from "../support/content";
import { bring, expectNothingLost, expectWhole, isPrimary, nodeOf, told } from "../support/live";
import { type LocalNodes, startLocalNodes } from "../support/local-nodes";
import { specOf } from "../support/specs";
import { Traffic } from "../support/traffic";

const KEYS = 2000;
/** Every acknowledged write is in the file: what a power cut leaves. */
const DURABLE = { appendonly: "yes", appendfsync: "always" };

let local: LocalNodes;
afterEach(() => local.end());

/** A formed cluster with KEYS keys. */
async function start(options: Parameters<typeof startLocalNodes>[0] = {}): Promise<ClusterSpec> {
  local = await startLocalNodes({ shards: 3, replicas: 1, start: false, directives: DURABLE, ...options });
  const spec = specOf(local);
  await apply(spec, { hosts: () => local.host });
  await loadKeys(local.nodes, local.password, KEYS);
  return spec;
}

async function expectContent(nodes: readonly NodeSpec[]): Promise<void> {
  expect(await contentProblems(nodes, local.password, KEYS)).toEqual([]);
}

/** The refusal's words; what a refused run would have changed is as before. */
async function refusedReason(spec: ClusterSpec): Promise<string> {
  const before = await shape();
  const { decision } = await look(spec, { hosts: () => local.host });
  expect(describePlan(decision)[0]).toMatch(/^refused: /);
  await expect(apply(spec, { hosts: () => local.host })).rejects.toThrow();
  expect(await shape()).toEqual(before);
  return decision.kind === "refusal" ? decision.reason : "";
}

/** Ids, roles and slots of the live cluster, as each member tells them. */
async function shape(): Promise<unknown> {
  return Promise.all(
    local.nodes.map(async (node) => {
      const { myself, peers } = await told(local, node);
      const lines = [myself, ...peers].map(({ id, primaryId, slots }) => ({ id, primaryId, slots }));
      return lines.sort((a, b) => (a.id < b.id ? -1 : 1));
    }),
  );
}

async function idsOf(nodes: readonly NodeSpec[]): Promise<Record<string, string>> {
  const ids = await Promise.all(nodes.map(async (node) => [node.name, (await told(local, node)).myself.id]));
  return Object.fromEntries(ids) as Record<string, string>;
}

describe("creation", () => {
  it("field 1: create run again on a live cluster plans nothing, and is refused where nodes have strangers, keys or slots of their own", async () => {
    const spec = await start({ spares: 1 });
    expect((await look(spec, { hosts: () => local.host })).decision).toMatchObject({
      kind: "plan",
      steps: [],
    });
    expect((await apply(spec, { hosts: () => local.host })).steps).toEqual([]);
    // Another declaration over some of the nodes: the rest are members that it does not know.
    const part = specOf(local, { nodes: local.nodes.filter((node) => node.shard < 2) });
    expect(await refusedReason(part)).toMatch(/members that are not declared/);
    // A node that is declared as new and is a cluster of its own.
    const [spare] = local.spares;
    if (!spare) throw new Error("no spare");
    await local.host.start(spare);
    await local.cli(spare, "cluster", "set-config-epoch", "50");
    const more = specOf(local, { nodes: [...local.nodes, spare] });
    await local.cli(spare, "cluster", "addslots", ...Array.from({ length: 16384 }, (_, slot) => `${slot}`));
    await expect.poll(() => local.cli(spare, "set", "theirs", "value"), { timeout: 10_000 }).toBe("OK");
    expect(await refusedReason(more)).toMatch(/groups of nodes that do not know each other/);
    // Its slots without its keys: its epoch is the higher one, so they would win, and the cluster's keys would be deleted.
    await local.cli(spare, "flushall");
    expect(await refusedReason(more)).toMatch(/s3-m0 .* claims 16384 slots that nodes with keys own/);
    // Its keys without its slots.
    await local.cli(spare, "set", "theirs", "value");
    await local.cli(spare, "cluster", "flushslots").catch(() => "");
    await local.cli(spare, "cluster", "delslots", ...Array.from({ length: 16384 }, (_, slot) => `${slot}`));
    expect(await refusedReason(more)).toMatch(/groups of nodes that do not know each other/);
    await expectContent(local.nodes);
    await expectWhole(local, spec);
  });
});

/** Ends the node's process and starts it with what nodes.conf it has at another address. */
async function renumber(node: NodeSpec, host: string): Promise<NodeSpec> {
  await local.host.stop(node);
  const conf = local.redisConfOf(node.name).replace(/^(bind|cluster-announce-ip) .*\n/gm, "");
  local.setRedisConf(node.name, `${conf}bind ${host}\ncluster-announce-ip ${host}\n`);
  return { ...node, host };
}

describe("addresses", () => {
  it("field 4: nodes that come back with new addresses rejoin under their ids: a replica, a primary, then all at once", async () => {
    const spec = await start();
    const ids = await idsOf(spec.nodes);
    let nodes = spec.nodes;
    for (const name of ["s0-m1", "s1-m0"]) {
      const moved = await renumber(nodeOf(local, name), "127.0.0.2");
      await local.host.start(moved);
      nodes = nodes.map((node) => (node.name === name ? moved : node));
      await bring(local, { ...spec, nodes });
      expect(await idsOf(nodes)).toEqual(ids);
      await expectContent(nodes);
    }
    nodes = await Promise.all(nodes.map((node) => renumber(node, "127.0.0.3")));
    // Nobody runs and nobody knows where the others are: the run starts them and introduces them anew.
    const { outcome } = await bring(local, { ...spec, nodes });
    expect(outcome.steps.map((step) => step.kind)).toEqual(expect.arrayContaining(["startNodes", "meet"]));
    expect(await idsOf(nodes)).toEqual(ids);
    for (const node of nodes)
      for (const peer of (await told(local, node)).peers) expect(peer.host).toBe("127.0.0.3");
    await expectContent(nodes);
  });
});

describe("crashes", () => {
  it("field 5: after a power cut of all nodes the next run brings the cluster back with every acknowledged write", async () => {
    const spec = await start();
    const traffic = await Traffic.start({ nodes: local.nodes, password: local.password, giveUpMs: 60_000 });
    await expect.poll(() => traffic.writes, { timeout: 30_000 }).toBeGreaterThan(200);
    await Promise.all(local.nodes.map((node) => local.host.stop(node, { kill: true })));
    for (const node of local.nodes)
      expect(await local.host.inspect(node)).toMatchObject({ process: "stopped" });
    const { outcome } = await bring(local, spec);
    console.log(`served again, verified, after ${outcome.elapsedMs.toFixed(0)} ms`);
    const count = traffic.writes;
    await expect.poll(() => traffic.writes, { timeout: 30_000 }).toBeGreaterThan(count + 100);
    expectNothingLost(await traffic.stop());
    await expectContent(local.nodes);
  });

  it("field 6: crashes are not read as a scale-in: a node, then a whole shard, come back with their slots and keys", async () => {
    const spec = await start();
    const ids = await idsOf(local.nodes);
    const harmless = ["startNodes", "failover", "settle", "replicate"];
    for (const names of [["s2-m1"], ["s0-m0"], ["s1-m0", "s1-m1"]]) {
      await Promise.all(names.map((name) => local.host.stop(nodeOf(local, name), { kill: true })));
      const { decision } = await look(spec, { hosts: () => local.host });
      console.log(`${names.join(", ")}:\n${describePlan(decision).join("\n")}`);
      expect(decision).toMatchObject({ kind: "plan" });
      const { outcome, status } = await bring(local, spec);
      for (const step of outcome.steps) expect(harmless).toContain(step.kind);
      expect(status.nodes.filter((node) => node.slotCount > 0)).toHaveLength(3);
      await expectContent(local.nodes);
    }
    expect(await idsOf(local.nodes)).toEqual(ids);
    // The one whose primary died alone is led by its replica; the shard that died whole is as it was.
    expect(await isPrimary(local, nodeOf(local, "s0-m1"))).toBe(true);
    expect(await isPrimary(local, nodeOf(local, "s1-m0"))).toBe(true);
  });
});
