import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { apply, type EngineOptions } from "../../cluster/engine";
import { describeStep } from "../../cluster/plan/describe";
import type { Step } from "../../cluster/plan/types";
import { countSlots } from "../../cluster/slots";
import type { ClusterSpec } from "../../cluster/spec";
import type { ClusterStatus } from "../../cluster/status";
import { contentProblems, countKeys, loadKeys } from "../support/content";
import {
  bring,
  claimed,
  expectWhole,
  lookingBeforeStops,
  nodeOf,
  sharesOf,
  told,
  useKitConf,
} from "../support/live";
import { type LocalNodes, startLocalNodes, withLocalNodes } from "../support/local-nodes";
import { specOf } from "../support/specs";

const KEYS = 5000;

let local: LocalNodes;
let directives: Readonly<Record<string, string>>;
/** What the last run declared. */
let declared: ClusterSpec;

beforeAll(async () => {
  local = await startLocalNodes({ shards: 4, replicas: 1, start: false });
  directives = useKitConf(local);
  declared = declare(3);
  await apply(declared, { hosts: () => local.host });
  await loadKeys(declared.nodes, local.password, KEYS);
});
afterAll(() => local.end());

function declare(shards: number): ClusterSpec {
  const nodes = local.nodes.filter((node) => node.shard < shards).map((node) => ({ ...node, directives }));
  const names = new Set(nodes.map((node) => node.name));
  const leaving = (declared?.nodes ?? []).filter((node) => !names.has(node.name));
  return specOf(local, { nodes, leaving });
}

/** One `up` to this many shards, wherever the test before left the cluster. */
async function shape(shards: number, options: Partial<EngineOptions> = {}): Promise<ClusterStatus> {
  const spec = declare(shards);
  declared = spec;
  return (await bring(local, spec, options)).status;
}

async function expectContent(): Promise<void> {
  expect(await contentProblems(declared.nodes, local.password, KEYS)).toEqual([]);
}

const EVERY_SLOT = Array.from({ length: 16384 }, (_, slot) => slot);

describe("shards out and in", () => {
  it("field 9: a new primary gets its slots and their keys in the run that adds it", async () => {
    await shape(3);
    const status = await shape(4);
    const shares = sharesOf(status);
    expect(shares).toEqual({ "s0-m0": 4096, "s1-m0": 4096, "s2-m0": 4096, "s3-m0": 4096 });
    const newcomer = status.nodes.find((node) => node.name === "s3-m0");
    expect(newcomer?.keys).toBeGreaterThan(KEYS / 5);
    await expectContent();
  });

  it("field 8: up, down and up again: after every step every slot is covered and every key is there", async () => {
    await shape(3);
    let judged = 0;
    const afterStep = async (step: Step) => {
      const running = [];
      for (const node of local.nodes)
        if ((await local.host.inspect(node)).process === "running") running.push(node);
      expect(await claimed(local, running), `after ${describeStep(step)}`).toEqual(EVERY_SLOT);
      expect(await countKeys(running, local.password), `after ${describeStep(step)}`).toBe(KEYS);
      judged++;
    };
    for (const shards of [4, 3, 4]) {
      await shape(shards, { afterStep });
      await expectContent();
    }
    expect(judged).toBeGreaterThan(10);
  });

  it("field 7: a shard that leaves is drained, proven empty, forgotten by everybody and only then stopped, and stays gone", async () => {
    await shape(4);
    const gone = local.nodes.filter((node) => node.shard === 3);
    const ids = await Promise.all(gone.map(async (node) => (await told(local, node)).myself.id));
    const stops: { name: string; slots: number; keys: string; rememberedBy: string[] }[] = [];
    const host = lookingBeforeStops(local.host, async (name) => {
      const node = nodeOf(local, name);
      const { myself } = await told(local, node);
      const rememberedBy = await remembering(ids[gone.indexOf(node)] ?? "");
      const keys = await local.cli(node, "dbsize");
      stops.push({ name, slots: countSlots(myself.slots), keys, rememberedBy });
    });
    const status = await shape(3, { hosts: () => host });
    const empty = { slots: 0, keys: "0", rememberedBy: [] };
    expect(stops).toEqual(gone.map(({ name }) => ({ name, ...empty })));
    expect(Object.values(sharesOf(status)).sort()).toEqual([5461, 5461, 5462]);
    for (const node of gone) expect((await local.host.inspect(node)).process).toBe("stopped");
    await expectContent();
    // CLUSTER FORGET bans an id for 60 s. A node that restarts has no such memory: whoever still remembered the id would
    // tell it within seconds.
    const survivor = nodeOf(local, "s1-m1");
    await local.host.stop(survivor);
    await local.host.start(survivor);
    // And somebody starts what was removed, as a service manager would.
    for (const node of gone) await local.host.start(node);
    await sleep(4000);
    for (const id of ids) expect(await remembering(id)).toEqual([]);
    for (const node of gone) {
      const { myself, peers } = await told(local, node);
      expect(peers).toEqual([]);
      expect(ids).not.toContain(myself.id);
      await local.host.stop(node);
    }
    await expectWhole(local, declared);
  });

  it("field 7: a shard leaves although its emptied nodes are busy loading a copy of somebody else's data", () =>
    withLocalNodes({ line: "7.0", shards: 4, replicas: 1, start: false }, async (other) => {
      await apply(specOf(other), { hosts: () => other.host });
      await loadKeys(other.nodes, other.password, KEYS);
      const nodes = other.nodes.filter((node) => node.shard < 3);
      const leaving = other.nodes.filter((node) => node.shard === 3);
      // A copy begins at once, takes as long as if there were millions of keys (microseconds for each), and lets others ask.
      for (const node of nodes) await other.cli(node, "config", "set", "repl-diskless-sync-delay", "0");
      for (const node of leaving) {
        await other.cli(node, "config", "set", "key-load-delay", "2000");
        await other.cli(node, "config", "set", "loading-process-events-interval-bytes", "1024");
      }
      const loading = async () => {
        const infos = await Promise.all(leaving.map((node) => other.cli(node, "info", "persistence")));
        return infos.filter((text) => /^loading:1/m.test(text)).length;
      };
      const afterStep = async (step: Step) => {
        if (step.kind === "moveSlots") await expect.poll(loading, { timeout: 10_000 }).toBe(2);
      };
      const { outcome, status } = await bring(other, specOf(other, { nodes, leaving }), { afterStep });
      expect(outcome.steps.map((step) => step.kind)).toContain("moveSlots");
      expect(Object.values(sharesOf(status)).sort()).toEqual([5461, 5461, 5462]);
      expect(await contentProblems(nodes, other.password, KEYS)).toEqual([]);
      for (const node of leaving) expect((await other.host.inspect(node)).process).toBe("stopped");
    }));
});

/** Names of nodes that stay and list this id. */
async function remembering(id: string): Promise<string[]> {
  const staying = local.nodes.filter((node) => node.shard < 3);
  const lists = await Promise.all(
    staying.map(async (node) => ({ node, peers: (await told(local, node)).peers })),
  );
  return lists.filter(({ peers }) => peers.some((peer) => peer.id === id)).map(({ node }) => node.name);
}
