/** Servers that are replaced one after another, on real Redis: what `Handover` and `Rejoin` do around each. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { look } from "../../cluster/engine";
import { summarize } from "../../cluster/status";
import { lookAtTurn, planTurn } from "../../cluster/turn";
import { EngineLog } from "../../provider/engine-log";
import { handoverOperations, rejoinOperations } from "../../provider/turn";
import type { PlainObject } from "../../provider/wire";
import { type DeclaredCluster, startDeclaredCluster } from "../support/declared-cluster";
import { Traffic } from "../support/traffic";

const TURN = "image ami-1 -> ami-2";

describe("servers of a running cluster are replaced one after another", () => {
  let cluster: DeclaredCluster;
  const context = { log: new EngineLog(undefined), signal: new AbortController().signal, shown: new Map() };
  const handover = handoverOperations(context);
  const rejoin = rejoinOperations(context);

  beforeAll(async () => {
    cluster = await startDeclaredCluster();
  });
  afterAll(() => cluster?.end());

  const request = (node: string, inputs: object, before: object = {}) => {
    const subject = { urn: `urn:pulumi:test::test::redis-cluster-kit:index:Handover::${node}`, name: node };
    const declaration = cluster.declaration as unknown as PlainObject;
    const newInputs = { node, declaration, ...inputs } as PlainObject;
    const oldInputs = { node, declaration, ...before } as PlainObject;
    return { ...subject, id: node, oldInputs, newInputs, oldOutputs: {}, preview: false };
  };
  const view = async () => (await look(cluster.target.spec, { hosts: cluster.target.hosts })).view;
  const nodeNamed = async (name: string) => {
    const found = (await view()).nodes.find((node) => node.name === name);
    if (found === undefined) throw new Error(`no node ${name}`);
    return found;
  };

  test("without a turn nothing changes", async () => {
    const { hasChanges } = await handover.diff(request("shard-1-a", { turn: "" }));
    expect(hasChanges).toBe(false);
    expect((await rejoin.diff(request("shard-1-a", { rolling: false }))).hasChanges).toBe(false);
    await handover.update(request("shard-1-a", { turn: "" }));
    expect((await nodeNamed("shard-1-a")).reachable).toBe(true);
  });

  test("all six, under a writing client: one at a time, nothing acknowledged is lost", async () => {
    const { spec } = cluster.target;
    const traffic = await Traffic.start({ nodes: spec.nodes, password: spec.password, writesPerSecond: 300 });
    const downAt: number[] = [];
    for (const name of ["shard-1-b", "shard-1-a", "shard-2-b", "shard-2-a", "shard-3-b", "shard-3-a"]) {
      const asked = request(name, { turn: TURN });
      expect((await handover.diff(asked)).hasChanges).toBe(true);
      await handover.update(asked);
      const down = (await view()).nodes.filter((node) => !node.reachable);
      expect(down.map((node) => [node.name, node.process])).toEqual([[name, "stopped"]]);
      downAt.push(down.length);
      await rejoin.update(request(name, { rolling: true }));
      const after = await view();
      expect(after.nodes.every((node) => node.reachable)).toBe(true);
    }
    const report = await traffic.stop();
    console.log(
      `six servers one after another: ${report.writes} acknowledged writes, ${report.lost.length} lost, longest write ${report.longestWriteMs} ms`,
    );
    expect(report.lost).toEqual([]);
    expect(report.wrongReads).toEqual([]);
    expect(report.failed).toEqual([]);
    expect(downAt).toEqual([1, 1, 1, 1, 1, 1]);
    expect(summarize(spec, await view()).healthy).toBe(true);
  });

  test("no server is taken while another node is down, and the preview says which", async () => {
    const { spec, hosts } = cluster.target;
    const missing = spec.nodes.find((node) => node.name === "shard-2-b");
    if (missing === undefined) throw new Error("no shard-2-b");
    await hosts(missing).stop(missing, { kill: true });
    const asked = request("shard-1-a", { turn: TURN });
    await expect(handover.diff(asked)).rejects.toThrow(/not taken while shard-2-b is down[\s\S]*pulumi up/);
    await expect(handover.update(asked)).rejects.toThrow(/not taken while shard-2-b is down/);
    expect((await nodeNamed("shard-1-a")).reachable).toBe(true);
    // An interrupted run left it, and its own return comes before: a preview may go on, the update may not.
    const later = request("shard-1-a", { turn: TURN, after: ["shard-2-b"] });
    expect((await handover.diff(later)).hasChanges).toBe(true);
    await expect(handover.update(later)).rejects.toThrow(/not taken while shard-2-b is down/);
    await rejoin.update(request("shard-3-b", { rolling: true }));
    expect((await nodeNamed("shard-2-b")).reachable).toBe(false);
    await rejoin.update(request("shard-2-b", { rolling: true }));
    expect((await nodeNamed("shard-2-b")).reachable).toBe(true);
  });

  test("a node with another password keeps its server: it may lead, and nobody is told to take over", async () => {
    const { spec, hosts } = cluster.target;
    const stranger = { ...cluster.declaration, password: "another-password" } as unknown as PlainObject;
    const asked = request("shard-1-b", { turn: TURN, declaration: stranger }, { declaration: stranger });
    await expect(handover.diff(asked)).rejects.toThrow(/shard-1-b is not taken/);
    await expect(handover.update(asked)).rejects.toThrow();
    expect((await nodeNamed("shard-1-b")).reachable).toBe(true);
    expect(await lookAtTurn({ ...spec, password: "another-password" }, "shard-1-b", { hosts })).toMatchObject(
      {
        kind: "refused",
      },
    );
  });

  test("a primary without a replica in sync keeps its server", async () => {
    const { spec, hosts } = cluster.target;
    const seen = await view();
    const primary = seen.nodes.find((node) => node.reachable && node.role === "primary");
    const broken = seen.nodes.map((node) =>
      node.reachable && primary?.reachable && node.primaryId === primary.id
        ? { ...node, linkUp: false }
        : node,
    );
    expect(planTurn(spec, { nodes: broken }, primary?.name ?? "")).toMatchObject({
      kind: "refused",
      reason: expect.stringContaining("none of its replicas is in sync"),
    });
    expect(await lookAtTurn(spec, primary?.name ?? "", { hosts })).toMatchObject({ kind: "handOver" });
  });

  test("a server and another Redis in one run are refused: one after the other", async () => {
    const other = { ...cluster.declaration, redisVersion: "6.2.14" } as unknown as PlainObject;
    const asked = request("shard-1-a", { turn: TURN, declaration: other });
    await expect(handover.diff(asked)).rejects.toThrow(/one after the other/);
  });
});
