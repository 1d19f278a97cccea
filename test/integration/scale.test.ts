/** Shards and replicas out and in on real servers under a writing client, judged by redis-cli after every step. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterEach, describe, expect, it } from "vitest";
import { apply, look } from "../../cluster/engine";
import { describeStep } from "../../cluster/plan/describe";
import type { Step } from "../../cluster/plan/types";
import type { ClusterSpec, NodeSpec } from "../../cluster/spec";
import { type ClusterStatus, summarize } from "../../cluster/status";
import { type LocalNodes, startLocalNodes } from "../support/local-nodes";
import { specOf } from "../support/specs";
import { Traffic, type TrafficReport } from "../support/traffic";

const run = promisify(execFile);
let local: LocalNodes;
afterEach(() => local.end());

/** Steps between which the cluster must be whole in redis-cli's eyes; after an introduction the newcomer is still empty. */
async function judge(step: Step): Promise<void> {
  const formed = await local.cli(first(), "cluster", "info");
  if (!formed.includes("cluster_state:ok")) {
    expect([
      "startNodes",
      "checkReach",
      "setEpochs",
      "assignSlots",
      "meet",
      "setLive",
      "replicate",
    ]).toContain(step.kind);
    return;
  }
  const { host, port } = first();
  const { stdout } = await run(local.binaries.cli, ["--cluster", "check", `${host}:${port}`], {
    env: { REDISCLI_AUTH: local.password },
  }).catch((error: { stdout?: string }) => ({ stdout: `after ${describeStep(step)}:\n${error.stdout}` }));
  expect(stdout).toContain("[OK] All 16384 slots covered.");
  expect(stdout).toContain("[OK] All nodes agree about slots configuration.");
}

function first(): NodeSpec {
  const [node] = local.nodes;
  if (!node) throw new Error("no nodes");
  return node;
}

function subset(shards: number, members: number): NodeSpec[] {
  return local.nodes.filter((node) => node.shard < shards && node.member < members);
}

/** One `up`: from what was declared before to this shape. */
async function declare(
  before: ClusterSpec | undefined,
  shards: number,
  members: number,
): Promise<ClusterSpec> {
  const nodes = subset(shards, members);
  const leaving = (before?.nodes ?? []).filter((node) => !nodes.includes(node));
  const spec = specOf(local, { nodes, leaving });
  const outcome = await apply(spec, { hosts: () => local.host, afterStep: judge });
  console.log(
    `${shards} shards x ${members}: ${outcome.steps.map((s) => s.kind).join(", ")} in ${outcome.elapsedMs.toFixed(0)} ms`,
  );
  const status = summarize(spec, outcome.view);
  expect(status.findings).toEqual([]);
  expectShares(status, shards);
  const again = await look(spec, { hosts: () => local.host });
  expect(again.decision).toMatchObject({ kind: "plan", steps: [] });
  return spec;
}

function expectShares(status: ClusterStatus, shards: number): void {
  const counts = status.nodes.filter((node) => node.role === "primary").map((node) => node.slotCount);
  expect(counts).toHaveLength(shards);
  for (const count of counts) expect(Math.abs(count - 16384 / shards)).toBeLessThanOrEqual(1);
}

function expectNothingLost(report: TrafficReport): void {
  console.log(
    `${report.writes} writes, longest ${report.longestWriteMs} ms, p99 ${report.p99WriteMs} ms, surfaced ${JSON.stringify(report.surfaced)}`,
  );
  expect(report.writes).toBeGreaterThan(100);
  expect(report.lost).toEqual([]);
  expect(report.wrongReads).toEqual([]);
  expect(report.failed).toEqual([]);
}

describe("changing the shape of a live cluster", () => {
  it("goes from 3 to 4 to 6 and back to 3 shards without losing a write", async () => {
    local = await startLocalNodes({ shards: 6, replicas: 1, start: false });
    let spec = await declare(undefined, 3, 2);
    const traffic = await Traffic.start({ nodes: [first()], password: local.password });
    for (const shards of [4, 6, 3]) spec = await declare(spec, shards, 2);
    expectNothingLost(await traffic.stop());
    for (const node of local.nodes.filter((n) => n.shard >= 3))
      expect(await local.host.inspect(node)).toMatchObject({ process: "stopped" });
  });

  it("goes from 1 to 2 to 0 to 1 replicas a shard without losing a write", async () => {
    // A replica that leaves has just begun its first append-only file: Redis refuses to stop meanwhile.
    local = await startLocalNodes({
      shards: 3,
      replicas: 2,
      start: false,
      directives: { appendonly: "yes" },
    });
    let spec = await declare(undefined, 3, 2);
    const traffic = await Traffic.start({ nodes: [first()], password: local.password });
    for (const members of [3, 1, 2]) spec = await declare(spec, 3, members);
    expectNothingLost(await traffic.stop());
  });
});
