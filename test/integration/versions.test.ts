import { afterEach, describe, expect, it } from "vitest";
import { apply, look, type Progress } from "../../cluster/engine";
import { describePlan, describeStep } from "../../cluster/plan/describe";
import type { ClusterSpec } from "../../cluster/spec";
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

  it("skips a line: from 5.0 to 7.0 under writes without losing one", async () => {
    local = await startLocalNodes({ shards: 3, replicas: 1, start: false, directives: PERSISTENT });
    await apply(specOf(local), { hosts: () => local.host });
    await change("7.0");
  });
});
