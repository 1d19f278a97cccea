/**
 * Resharding: this mover against `redis-cli --cluster rebalance`, same cluster, same keys, same slots there (3 to 4 shards) and back, in
 * alternation; then once more with clients at work.
 * Usage: npm run bench reshard -- [--scenarios empty,small,large,noise] [--small-keys 1000000] [--large-keys 60000] [--rounds 3]
 *   [--tools none,ours-normal,ours-high,cli-10,cli-100,cli-1000] [--replicas 0] [--rate 1000] [--span 0]
 * `--span` is for how many seconds clients are measured at least, the move being a part of it: a move that takes a sixth of the time
 * redirects as many requests in that sixth, so only spans of one length can be compared. 0: as long as the move takes.
 * `--rate` is operations a second of the clients; 0 leaves the rounds with clients out. The tool
 * "none" moves nothing: what the clients see by themselves. "spin-2" moves nothing either, but keeps two cores busy at the lowest
 * priority: what clients see of busy cores alone. "ours-35" is the mover with maxMigrationImpact 35, "cli-100" redis-cli with a
 * pipeline of 100. "large" has values as redis-benchmark writes them, "noise" values of the same size that nothing compresses.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { constants, setPriority } from "node:os";
import { parseArgs } from "node:util";
import { systemClock } from "../cluster/clock";
import { type MigrationImpact, type MoveContext, moveSlots } from "../cluster/mover";
import type { SlotMove } from "../cluster/plan/types";
import { waitUntil } from "../cluster/wait";
import { BareCluster, contextOf } from "../test/support/bare-cluster";
import { redisBinaries } from "../test/support/redis-binaries";
import { fill } from "./support/fill";
import { Load } from "./support/load";
import { agreed, movesBetween, type Owners, ownersSeenBy } from "./support/moves";
import { type Sample, type Scenario, table } from "./support/report";
import { busyDuring, cpuDuring, machine } from "./support/servers";

const PASSWORD = "bench-password";
/** How long nothing moves where nothing is to. */
const IDLE_MS = 4000;
const NEWCOMER = "d0";
const SOURCES = ["a0", "b0", "c0"] as const;

interface Settings {
  readonly tools: readonly string[];
  readonly rounds: number;
  readonly rate: number;
  readonly spanMs: number;
  readonly cli: string;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      scenarios: { type: "string", default: "empty,small,large,noise" },
      "small-keys": { type: "string", default: "1000000" },
      "large-keys": { type: "string", default: "60000" },
      rounds: { type: "string", default: "3" },
      tools: { type: "string", default: "none,ours-normal,ours-high,cli-10,cli-100,cli-1000" },
      replicas: { type: "string", default: "0" },
      rate: { type: "string", default: "1000" },
      span: { type: "string", default: "0" },
    },
  });
  const all: readonly Scenario[] = [
    { name: "empty", keys: 0, bytes: 0, goal: 20 },
    { name: "small", keys: Number(values["small-keys"]), bytes: 100, goal: 4 },
    { name: "large", keys: Number(values["large-keys"]), bytes: 16_384, values: "letter", goal: 6 },
    { name: "noise", keys: Number(values["large-keys"]), bytes: 16_384, goal: 6 },
  ];
  const { server, cli, version } = await redisBinaries("5.0");
  const settings = {
    tools: values.tools.split(","),
    rounds: Number(values.rounds),
    rate: Number(values.rate),
    spanMs: 1000 * Number(values.span),
    cli,
  };
  for (const scenario of all.filter(({ name }) => values.scenarios.split(",").includes(name))) {
    console.log(
      `\n${scenario.name}: ${scenario.keys} keys of ${scenario.bytes} B, Redis ${version}, ${machine()}`,
    );
    const cluster = await BareCluster.form({
      server,
      shards: SOURCES.length,
      spares: 1,
      replicas: Number(values.replicas),
      password: PASSWORD,
    });
    try {
      await fill(cluster, scenario.keys, scenario.bytes, scenario.values);
      await compare(cluster, scenario, settings);
    } finally {
      await cluster.stop();
    }
  }
}

async function compare(cluster: BareCluster, scenario: Scenario, settings: Settings): Promise<void> {
  const idle = new Map<string, Sample[]>();
  const busy = new Map<string, Sample[]>();
  for (let round = 1; round <= settings.rounds; round++)
    for (const tool of settings.tools) {
      await thereAndBack(cluster, tool, settings, scenario, false, idle);
      if (scenario.keys > 0 && settings.rate > 0)
        await thereAndBack(cluster, tool, settings, scenario, true, busy);
    }
  console.log(table(scenario, idle, busy));
}

/** Every tool begins with the same owners and moves the same slots: those that redis-cli chooses, learned by letting it choose. */
async function thereAndBack(
  cluster: BareCluster,
  tool: string,
  settings: Settings,
  scenario: Scenario,
  loaded: boolean,
  into: Map<string, Sample[]>,
): Promise<void> {
  const samples = into.get(tool) ?? [];
  into.set(tool, samples);
  const plan = await slotsOf(cluster, settings.cli);
  for (const direction of ["there", "back"] as const) {
    const load = loaded ? await startLoad(cluster, scenario, settings.rate) : undefined;
    const move = () => runTool(cluster, tool, settings.cli, direction, plan[direction]);
    const sample = await timed(cluster, move);
    if (load) await systemClock.sleep(Math.max(0, settings.spanMs - sample.agreedMs));
    samples.push({ direction, ...sample, ...(load ? { load: await load.end() } : {}) });
  }
  await restore(cluster, plan.initial);
}

interface Slots {
  readonly initial: Owners;
  readonly there: readonly SlotMove[];
  readonly back: readonly SlotMove[];
}

let learned: { readonly cluster: BareCluster; readonly slots: Slots } | undefined;

async function slotsOf(cluster: BareCluster, cli: string): Promise<Slots> {
  if (learned?.cluster === cluster) return learned.slots;
  const initial = await ownersSeenBy(cluster, NEWCOMER);
  await redisCli(cluster, cli, "there", "1000");
  await settle(cluster);
  const middle = await ownersSeenBy(cluster, NEWCOMER);
  await redisCli(cluster, cli, "back", "1000");
  await settle(cluster);
  const back = movesBetween(middle, await ownersSeenBy(cluster, NEWCOMER));
  const slots = { initial, there: movesBetween(initial, middle), back };
  learned = { cluster, slots };
  await restore(cluster, initial);
  return slots;
}

async function timed(
  cluster: BareCluster,
  move: () => Promise<void>,
): Promise<Omit<Sample, "load" | "direction">> {
  const start = performance.now();
  let ms = 0;
  let machineBusy = 0;
  const [newcomerCpuMs = 0] = await cpuDuring([cluster.pid(NEWCOMER)], async () => {
    machineBusy = await busyDuring(move);
    ms = performance.now() - start;
  });
  await settle(cluster);
  return { ms, agreedMs: performance.now() - start, newcomerCpuMs, machineBusy };
}

async function runTool(
  cluster: BareCluster,
  tool: string,
  cli: string,
  direction: "there" | "back",
  moves: readonly SlotMove[],
): Promise<void> {
  const [kind, detail = ""] = tool.split("-");
  if (kind === "none") return systemClock.sleep(IDLE_MS);
  if (kind === "spin") return spin(Number(detail));
  if (kind === "cli") return redisCli(cluster, cli, direction, detail);
  const impact = (/^\d+$/.test(detail) ? Number(detail) : detail) as MigrationImpact;
  await moveSlots({ moves }, context(cluster, impact));
}

/** So many cores are busy for a while, with work that everybody else is preferred to. */
async function spin(cores: number): Promise<void> {
  const loop = `const end = Date.now() + ${IDLE_MS}; while (Date.now() < end);`;
  const children = Array.from({ length: cores }, () => spawn(process.execPath, ["-e", loop]));
  for (const { pid } of children) if (pid !== undefined) setPriority(pid, constants.priority.PRIORITY_LOW);
  await Promise.all(children.map((child) => once(child, "exit")));
}

function context(cluster: BareCluster, impact: MigrationImpact): MoveContext {
  return { ...contextOf(cluster), maxMigrationImpact: impact, progress: warnOnly };
}

const warnOnly: MoveContext["progress"] = (event) => {
  if (event.kind === "warning") console.log(`  ${event.text}`);
};

async function restore(cluster: BareCluster, initial: Owners): Promise<void> {
  await keepPrimary(cluster, NEWCOMER);
  const moves = movesBetween(await ownersSeenBy(cluster, NEWCOMER), initial);
  await moveSlots({ moves }, context(cluster, "high"));
  await settle(cluster);
}

/** A primary of 5.0 that hears of the loss of its last slot before it is told becomes a replica (redis #9223): back to an empty primary. */
async function keepPrimary(cluster: BareCluster, name: string): Promise<void> {
  const client = await cluster.client(name);
  if (String(await client.call("ROLE")).startsWith("master")) return;
  await client.call("CLUSTER", "RESET", "SOFT");
  const [other] = cluster.nodes;
  if (other) await client.call("CLUSTER", "MEET", other.host, other.port);
  await cluster.settled();
}

function settle(cluster: BareCluster): Promise<void> {
  const look = async () => (await agreed(cluster)) || "views differ";
  return waitUntil(look, { clock: systemClock, timeoutMs: 60_000, what: "all nodes to agree" });
}

async function redisCli(
  cluster: BareCluster,
  cli: string,
  direction: string,
  pipeline: string,
): Promise<void> {
  const { host, port, id } = cluster.node(NEWCOMER);
  const goal = direction === "there" ? ["--cluster-use-empty-masters"] : ["--cluster-weight", `${id}=0`];
  const options = [...goal, "--cluster-pipeline", pipeline, "--cluster-yes"];
  const child = spawn(cli, ["--cluster", "rebalance", `${host}:${port}`, ...options], {
    env: { REDISCLI_AUTH: PASSWORD },
    stdio: ["ignore", "ignore", "inherit"],
  });
  const [code] = (await once(child, "exit")) as [number | null];
  if (code !== 0) throw new Error(`redis-cli rebalance ended with ${code}`);
}

/** Starts clients and begins to measure. */
async function startLoad(cluster: BareCluster, scenario: Scenario, rate: number): Promise<Load> {
  const { keys, bytes: valueBytes, values } = scenario;
  const seeds = SOURCES.map((name) => `127.0.0.1:${cluster.node(name).port}`);
  const load = await Load.start({
    seeds,
    password: PASSWORD,
    keys,
    valueBytes,
    rate,
    ...(values ? { values } : {}),
  });
  load.begin();
  return load;
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
