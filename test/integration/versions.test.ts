import { afterEach, describe, expect, it } from "vitest";
import { apply, look, type Progress } from "../../cluster/engine";
import { describePlan, describeStep } from "../../cluster/plan/describe";
import type { ClusterSpec, NodeSpec } from "../../cluster/spec";
import { summarize } from "../../cluster/status";
import type { LocalHost } from "../../hosts/local";
import { type LocalNodes, startLocalNodes } from "../support/local-nodes";
import { type RedisLine, redisBinaries } from "../support/redis-binaries";
import { specOf } from "../support/specs";
import { Traffic } from "../support/traffic";

let local: LocalNodes;
afterEach(() => local.end());

/** The kit's own defaults for what is kept on disk: a restarted replica copies everything (append-only file). */
const PERSISTENT = { appendonly: "yes", save: "900 1" };

async function declared(line: RedisLine): Promise<{ spec: ClusterSpec; host: LocalHost }> {
  const { version } = await redisBinaries(line);
  return { spec: specOf(local, { version }), host: await local.hostWith(line) };
}

/** Changes the version under traffic and judges what clients saw. */
async function change(line: RedisLine): Promise<void> {
  const { spec, host } = await declared(line);
  const traffic = await Traffic.start({ nodes: local.nodes, password: local.password });
  const events: string[] = [];
  const progress = (event: Progress) => {
    if (event.kind === "detail" && /cannot copy/.test(event.text)) events.push(`  ${event.text}`);
    if (event.kind === "step" && event.state === "done")
      events.push(`${describeStep(event.step)}  ${event.elapsedMs?.toFixed(0)} ms`);
  };
  const outcome = await apply(spec, { hosts: () => host, progress });
  const report = await traffic.stop();
  console.log(`to ${spec.version}\n${events.join("\n")}\n${JSON.stringify(report)}`);
  expect(report).toMatchObject({ lost: [], wrongReads: [], failed: [] });
  expect(report.writes).toBeGreaterThan(1000);
  const status = summarize(spec, outcome.view);
  expect(status.healthy).toBe(true);
  expect(status.nodes.map((node) => node.version)).toEqual(local.nodes.map(() => spec.version));
  expect((await look(spec, { hosts: () => host })).decision).toMatchObject({ steps: [] });
}

describe("a version change on real servers", () => {
  it("goes from 5.0 to 6.2 to 7.0 under writes without losing one, and refuses to go back", async () => {
    local = await startLocalNodes({ shards: 3, replicas: 1, start: false, directives: PERSISTENT });
    await apply(specOf(local), { hosts: () => local.host });
    await change("6.2");
    await change("7.0");
    const back = await declared("6.2");
    const { decision } = await look(back.spec, { hosts: () => back.host });
    console.log(describePlan(decision).join("\n"));
    expect(decision).toMatchObject({ kind: "refusal" });
  });

  it("goes on after runs that were aborted at any moment", async () => {
    local = await startLocalNodes({ shards: 3, replicas: 1, start: false, directives: PERSISTENT });
    await apply(specOf(local), { hosts: () => local.host });
    const { spec, host } = await declared("6.2");
    const traffic = await Traffic.start({ nodes: local.nodes, password: local.password });
    let aborted = 0;
    for (let done = false; !done && aborted < 40; ) {
      try {
        await apply(spec, { hosts: () => host, signal: AbortSignal.timeout(200 + 300 * aborted) });
        done = true;
      } catch {
        aborted++;
      }
    }
    const report = await traffic.stop();
    console.log(`${aborted} runs aborted\n${JSON.stringify(report)}`);
    expect(aborted).toBeGreaterThan(2);
    expect(report).toMatchObject({ lost: [], wrongReads: [], failed: [] });
    const { view, decision } = await look(spec, { hosts: () => host });
    expect(decision).toMatchObject({ kind: "plan", steps: [] });
    expect(summarize(spec, view).nodes.map((node) => node.version)).toEqual(
      local.nodes.map(() => spec.version),
    );
  });

  it("finishes where a primary came back with 7.0 before its replicas, which cannot copy from it", async () => {
    local = await startLocalNodes({
      line: "6.2",
      shards: 3,
      replicas: 2,
      start: false,
      directives: PERSISTENT,
    });
    await apply(specOf(local), { hosts: () => local.host });
    const { spec, host } = await declared("7.0");
    const [primary, replica] = local.nodes;
    if (!primary || !replica) throw new Error("no nodes");
    for (let key = 0; key < 60; key++) await local.cli(primary, "-c", "set", `key:${key}`, `value:${key}`);
    await local.host.stop(primary, { kill: true });
    await host.start(primary);
    await expect
      .poll(() => local.cli(replica, "info", "replication"), { timeout: 20_000 })
      .toContain("master_link_status:down");
    const steps: string[] = [];
    await apply(spec, { hosts: () => host, afterStep: async (step) => void steps.push(describeStep(step)) });
    console.log(steps.join("\n"));
    const { view, decision } = await look(spec, { hosts: () => host });
    expect(decision).toMatchObject({ kind: "plan", steps: [] });
    expect(summarize(spec, view).healthy).toBe(true);
    expect(steps.filter((step) => step.startsWith("failover"))).toHaveLength(2);
    for (let key = 0; key < 60; key++)
      expect(await local.cli(primary, "-c", "get", `key:${key}`)).toContain(`value:${key}`);
  });

  it("keeps the keys of primaries without replicas, though the append-only file begins with the new version", async () => {
    local = await startLocalNodes({ shards: 3, replicas: 0, start: false });
    await apply(specOf(local), { hosts: () => local.host });
    const [first] = local.nodes;
    if (!first) throw new Error("no nodes");
    for (let key = 0; key < 60; key++) await local.cli(first, "-c", "set", `key:${key}`, `value:${key}`);
    const { spec, host } = await declared("6.2");
    const nodes = spec.nodes.map((node): NodeSpec => {
      local.setRedisConf(node.name, local.redisConfOf(node.name).replace("appendonly no", "appendonly yes"));
      return { ...node, directives: { appendonly: "yes" } };
    });
    const appending = { ...spec, nodes, liveDirectives: [...spec.liveDirectives, "appendonly"] };
    await apply(appending, { hosts: () => host });
    for (let key = 0; key < 60; key++)
      expect(await local.cli(first, "-c", "get", `key:${key}`)).toContain(`value:${key}`);
  });

  it("skips a line: from 5.0 to 7.0 under writes without losing one", async () => {
    local = await startLocalNodes({ shards: 3, replicas: 1, start: false, directives: PERSISTENT });
    await apply(specOf(local), { hosts: () => local.host });
    await change("7.0");
  });
});
