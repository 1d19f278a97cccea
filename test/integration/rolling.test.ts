import { afterEach, describe, expect, it } from "vitest";
import { apply, look, type Progress } from "../../cluster/engine";
import { describeStep } from "../../cluster/plan/describe";
import type { ClusterSpec, NodeSpec } from "../../cluster/spec";
import { summarize } from "../../cluster/status";
import { type LocalNodes, startLocalNodes } from "../support/local-nodes";
import { specOf } from "../support/specs";
import { Traffic } from "../support/traffic";

let local: LocalNodes;
afterEach(() => local.end());

/** The declaration with tcp-backlog, which only a restart changes, set to `value`; files in place accordingly. */
function declareBacklog(value: string): ClusterSpec {
  const nodes = local.nodes.map((node): NodeSpec => {
    const conf = local.redisConfOf(node.name).replace(/^tcp-backlog .*\n/m, "");
    local.setRedisConf(node.name, `${conf}tcp-backlog ${value}\n`);
    return { ...node, directives: { ...node.directives, "tcp-backlog": value } };
  });
  return specOf(local, { nodes });
}

function recorder(): { events: string[]; progress: (event: Progress) => void } {
  const events: string[] = [];
  const progress = (event: Progress) => {
    if (event.kind === "detail") events.push(`  ${Math.round(performance.now())} ${event.text}`);
    if (event.kind === "step" && event.state === "done")
      events.push(`${describeStep(event.step)}  ${event.elapsedMs?.toFixed(0)} ms`);
  };
  return { events, progress };
}

describe("a rolling restart on real servers", () => {
  it("changes a restart-only directive under writes without losing one", async () => {
    local = await startLocalNodes({
      shards: 3,
      replicas: 1,
      start: false,
      directives: { "tcp-backlog": "100" },
    });
    await apply(declareBacklog("100"), { hosts: () => local.host });
    const traffic = await Traffic.start({ nodes: local.nodes, password: local.password });
    const spec = declareBacklog("200");
    const { events, progress } = recorder();
    const outcome = await apply(spec, { hosts: () => local.host, progress });
    const report = await traffic.stop();
    console.log(`${events.join("\n")}\n${JSON.stringify(report)}`);
    expect(report).toMatchObject({ lost: [], wrongReads: [], failed: [] });
    expect(report.writes).toBeGreaterThan(1000);
    expect(summarize(spec, outcome.view).healthy).toBe(true);
    for (const node of local.nodes)
      expect(await local.cli(node, "config", "get", "tcp-backlog")).toContain("200");
    expect((await look(spec, { hosts: () => local.host })).decision).toMatchObject({ steps: [] });
  });
});
