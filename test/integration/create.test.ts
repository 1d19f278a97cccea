import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterEach, describe, expect, it } from "vitest";
import { apply, look, type Progress } from "../../cluster/engine";
import { describeStep } from "../../cluster/plan/describe";
import { summarize } from "../../cluster/status";
import { type LocalNodes, startLocalNodes } from "../support/local-nodes";
import { specOf } from "../support/specs";

const run = promisify(execFile);
let local: LocalNodes;
afterEach(() => local.end());

/** redis-cli as the independent judge. Throws with its own words when it is not content. */
async function judge(): Promise<string> {
  const [first] = local.nodes;
  const { stdout } = await run(local.binaries.cli, ["--cluster", "check", `${first?.host}:${first?.port}`], {
    env: { REDISCLI_AUTH: local.password },
  });
  return stdout;
}

describe("creation on real servers", () => {
  it("makes a verified cluster of six nodes that are not running yet, and plans nothing the second time", async () => {
    local = await startLocalNodes({ shards: 3, replicas: 1, start: false });
    const spec = specOf(local);
    const events: string[] = [];
    const progress = (event: Progress) => {
      if (event.kind === "step" && event.state === "done")
        events.push(`${describeStep(event.step)} ${event.elapsedMs?.toFixed(0)} ms`);
    };
    const outcome = await apply(spec, { hosts: () => local.host, progress });
    console.log(`${events.join("\n")}\ntotal ${outcome.elapsedMs.toFixed(0)} ms`);
    expect(await judge()).toContain("[OK] All 16384 slots covered.");
    const status = summarize(spec, outcome.view);
    expect(status.healthy).toBe(true);
    expect(status.nodes.filter((n) => n.role === "primary").map((n) => n.slots)).toEqual([
      [{ start: 0, end: 5460 }],
      [{ start: 5461, end: 10922 }],
      [{ start: 10923, end: 16383 }],
    ]);
    const second = await look(spec, { hosts: () => local.host });
    expect(second.decision).toMatchObject({ kind: "plan", steps: [] });
  });

  it("heals a killed primary and another shard's killed replica with every key kept", async () => {
    local = await startLocalNodes({
      shards: 3,
      replicas: 1,
      start: false,
      directives: { appendonly: "yes" },
    });
    const spec = specOf(local);
    await apply(spec, { hosts: () => local.host });
    const [primary, , , replica] = local.nodes;
    if (!primary || !replica) throw new Error("nodes");
    for (let i = 0; i < 50; i++) await local.cli(primary, "-c", "set", `key:${i}`, `value:${i}`);
    await local.host.stop(primary, { kill: true });
    await local.host.stop(replica, { kill: true });
    const before = await look(spec, { hosts: () => local.host });
    expect(summarize(spec, before.view).healthy).toBe(false);
    const outcome = await apply(spec, { hosts: () => local.host });
    console.log(outcome.steps.map(describeStep).join("\n"), `${outcome.elapsedMs} ms`);
    expect(summarize(spec, outcome.view).healthy).toBe(true);
    expect(await judge()).toContain("[OK] All 16384 slots covered.");
    for (let i = 0; i < 50; i++)
      expect(await local.cli(primary, "-c", "get", `key:${i}`)).toContain(`value:${i}`);
  });
});
