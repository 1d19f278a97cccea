import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, it } from "vitest";
import { apply, type EngineOptions, look, type Progress } from "../../cluster/engine";
import { describeStep } from "../../cluster/plan/describe";
import type { Step } from "../../cluster/plan/types";
import type { ClusterSpec, NodeSpec } from "../../cluster/spec";
import { summarize } from "../../cluster/status";
import type { Host } from "../../hosts/host";
import { isPrimary } from "../support/live";
import { type LocalNodes, type LocalNodesOptions, startLocalNodes } from "../support/local-nodes";
import { specOf } from "../support/specs";
import { Traffic, type TrafficReport } from "../support/traffic";

/** Restarts of all nodes in a row; `npm run soak` asks for more. */
const ROUNDS = Number(process.env.REDIS_CLUSTER_KIT_ROLLING_ROUNDS ?? 3);

let local: LocalNodes;
afterEach(() => local.end());

/** The declaration with tcp-backlog, which only a restart changes, set to `value`; files in place accordingly. */
function declareBacklog(value: number): ClusterSpec {
  const nodes = local.nodes.map((node): NodeSpec => {
    const conf = local.redisConfOf(node.name).replace(/^tcp-backlog .*\n/m, "");
    local.setRedisConf(node.name, `${conf}tcp-backlog ${value}\n`);
    return { ...node, directives: { ...node.directives, "tcp-backlog": String(value) } };
  });
  return specOf(local, { nodes });
}

/** A cluster that runs with tcp-backlog 100. */
async function start(options: LocalNodesOptions = {}): Promise<EngineOptions> {
  local = await startLocalNodes({ shards: 3, replicas: 1, start: false, ...options });
  const engine = { hosts: () => local.host };
  await apply(declareBacklog(100), engine);
  return engine;
}

function traffic(): Promise<Traffic> {
  return Traffic.start({ nodes: local.nodes, password: local.password });
}

async function expectConverged(spec: ClusterSpec, engine: EngineOptions): Promise<void> {
  const { view, decision } = await look(spec, engine);
  expect(decision).toMatchObject({ kind: "plan", steps: [] });
  expect(summarize(spec, view).healthy).toBe(true);
  for (const node of spec.nodes)
    expect(await local.cli(node, "config", "get", "tcp-backlog")).toContain(node.directives["tcp-backlog"]);
  for (const node of spec.nodes) expect(await local.cli(node, "config", "get", "hz")).toBe("hz\n10");
}

function expectNothingLost(report: TrafficReport): void {
  expect(report).toMatchObject({ lost: [], wrongReads: [], failed: [] });
}

/** What a killed run leaves behind: whatever it was doing, nothing more is done. */
class Killed extends Error {}

/** Throws at the end of the first executed step. */
function dyingAfterOneStep(): (event: Progress) => void {
  return (event) => {
    if (event.kind === "step" && event.state === "done") throw new Killed(describeStep(event.step));
  };
}

/** Applies until a run gets through, however many die. Returns what each did last. */
async function applyUntilDone(
  spec: ClusterSpec,
  engine: (run: number) => EngineOptions,
  runs: number,
): Promise<string[]> {
  const ends: string[] = [];
  for (let run = 0; run < runs; run++) {
    try {
      await apply(spec, engine(run));
      return ends;
    } catch (error) {
      ends.push(error instanceof Error ? error.message : String(error));
    }
  }
  throw new Error(`not done after ${runs} runs: ${ends.join("; ")}`);
}

describe("a rolling restart on real servers", () => {
  it(
    `changes a restart-only directive under writes ${ROUNDS} times without losing one`,
    async () => {
      const engine = await start();
      const clients = await traffic();
      const events: string[] = [];
      const gapsMs: number[] = [];
      const progress = (event: Progress) => {
        if (event.kind !== "step") return;
        const longestMs = clients.takeLongestMs();
        if (event.state === "started") return;
        if (event.step.kind === "failover") gapsMs.push(longestMs);
        events.push(
          `${describeStep(event.step)}  ${event.elapsedMs?.toFixed(0)} ms, longest write ${longestMs} ms`,
        );
      };
      for (let round = 1; round <= ROUNDS; round++) {
        const spec = declareBacklog(100 + round);
        await apply(spec, { ...engine, progress });
        await expectConverged(spec, engine);
      }
      const report = await clients.stop();
      const sorted = [...gapsMs].sort((a, b) => a - b);
      console.log(`${events.slice(-10).join("\n")}\n${JSON.stringify(report)}`);
      console.log(
        `${gapsMs.length} failovers, longest write in each: p50 ${sorted[Math.floor(sorted.length / 2)]} ms, ` +
          `p95 ${sorted[Math.floor(sorted.length * 0.95)]} ms, longest ${sorted.at(-1)} ms`,
      );
      expectNothingLost(report);
      expect(report.writes).toBeGreaterThan(1000);
      expect(report.surfaced).toEqual({});
    },
    ROUNDS * 90_000,
  );

  it("goes on where a run died after any of its steps", async () => {
    const engine = await start();
    const clients = await traffic();
    const spec = declareBacklog(200);
    const ends = await applyUntilDone(spec, () => ({ ...engine, progress: dyingAfterOneStep() }), 20);
    expectNothingLost(await clients.stop());
    await expectConverged(spec, engine);
    // Nine steps, each by a run of its own; the closing wait finds nothing to do.
    expect(ends).toEqual(
      [0, 1, 2].flatMap((shard) => [
        `restart s${shard}-m1`,
        `failover: s${shard}-m1 takes over from s${shard}-m0`,
        `restart s${shard}-m0`,
      ]),
    );
  });

  it("starts the node that a run stopped before it died, and goes on", async () => {
    const engine = await start();
    const clients = await traffic();
    const spec = declareBacklog(200);
    let deaths = 0;
    const dying: Host = {
      ...local.host,
      start: async (node) => {
        if (deaths < 3) {
          deaths++;
          throw new Killed(`before the start of ${node.name}`);
        }
        await local.host.start(node);
      },
    };
    const ends = await applyUntilDone(spec, (run) => (run % 2 === 0 ? { hosts: () => dying } : engine), 10);
    expectNothingLost(await clients.stop());
    await expectConverged(spec, engine);
    expect(ends.join("\n")).toMatch(/step failed: restart s0-m1\nbefore the start of s0-m1/);
  });

  it("goes on after runs that were aborted at any moment", async () => {
    const engine = await start();
    const clients = await traffic();
    const spec = declareBacklog(200);
    const ends = await applyUntilDone(
      spec,
      (run) => ({ ...engine, signal: AbortSignal.timeout(300 + 450 * run) }),
      30,
    );
    console.log(`${ends.length} runs aborted`);
    expectNothingLost(await clients.stop());
    await expectConverged(spec, engine);
    expect(ends.length).toBeGreaterThan(2);
  });
});

describe("what keeps a node from being restarted", () => {
  it("roles that changed since the plan was made; the next run plans with them", async () => {
    const engine = await start();
    const spec = declareBacklog(200);
    const [first] = spec.nodes;
    if (!first) throw new Error("no nodes");
    const backAgain = async (step: Step) => {
      if (step.kind !== "failover" || step.replica !== "s0-m1") return;
      await local.cli(first, "cluster", "failover");
      while (!(await isPrimary(local, first))) await sleep(50);
      await sleep(3000);
    };
    await expect(apply(spec, { ...engine, afterStep: backAgain })).rejects.toThrow(
      /restart s0-m0\ns0-m0 owns 5461 slots and has 1 replica: a primary is handed over/,
    );
    await apply(spec, engine);
    await expectConverged(spec, engine);
  });

  it("a slot that somebody opened meanwhile", async () => {
    const engine = await start();
    const spec = declareBacklog(200);
    const [first, , second] = spec.nodes;
    if (!first || !second) throw new Error("no nodes");
    const open = async (step: Step) => {
      if (step.kind !== "restartNode" || step.node !== "s0-m1") return;
      await local.cli(
        first,
        "cluster",
        "setslot",
        "0",
        "migrating",
        await local.cli(second, "cluster", "myid"),
      );
    };
    await expect(apply(spec, { ...engine, afterStep: open })).rejects.toThrow(/s0-m0 has 1 open slots/);
    expect(await local.cli(first, "config", "get", "tcp-backlog")).toContain("100");
    await local.cli(first, "cluster", "setslot", "0", "stable");
    await apply(spec, engine);
    await expectConverged(spec, engine);
  });

  it("a redis.conf that does not say what is declared: one replica is tried, nothing else", async () => {
    const engine = await start();
    const spec = declareBacklog(200);
    declareBacklog(100);
    await expect(apply(spec, engine)).rejects.toThrow(
      /s0-m1 was restarted and still tcp-backlog is 100, declared is 200/,
    );
    expect(
      Number(
        /uptime_in_seconds:(\d+)/.exec(
          await local.cli(local.nodes[2] ?? (spec.nodes[0] as NodeSpec), "info", "server"),
        )?.[1],
      ),
    ).toBeGreaterThan(1);
  });
});

describe("failback", () => {
  it("puts a preferred primary back that a crash displaced, under writes", async () => {
    const engine = await start();
    const clients = await traffic();
    const spec = { ...declareBacklog(100), failback: true };
    const [preferred, heir] = spec.nodes;
    if (!preferred || !heir) throw new Error("no nodes");
    await local.host.stop(preferred, { kill: true });
    const steps: string[] = [];
    await apply(spec, { ...engine, afterStep: async (step) => void steps.push(describeStep(step)) });
    console.log(steps.join("\n"));
    expect(steps).toContain("forced failover: s0-m1 takes over from s0-m0");
    expect(steps).toContain("failover: s0-m0 takes over from s0-m1");
    const report = await clients.stop();
    expect(report.failed).toEqual([]);
    expect(await isPrimary(local, preferred)).toBe(true);
    await expectConverged(spec, engine);
  });
});

describe("a restart without replicas", () => {
  it("keeps every key although nothing is persisted", async () => {
    const engine = await start({ replicas: 0 });
    const clients = await Traffic.start({ nodes: local.nodes, password: local.password, giveUpMs: 60_000 });
    await sleep(1000);
    const spec = declareBacklog(200);
    const { decision } = await look(spec, engine);
    expect(decision.kind === "plan" && decision.warnings.length).toBe(3);
    await apply(spec, engine);
    const report = await clients.stop();
    console.log(JSON.stringify(report));
    expectNothingLost(report);
    await expectConverged(spec, engine);
  });
});
