/**
 * The pictures of README and docs, from a real run: a cluster with exporters and a Prometheus gets load and a fourth shard,
 * and what the commands printed and Prometheus saw meanwhile is drawn into docs/pictures/.
 * Usage: npm run bench pictures. About two minutes.
 */
import { execFile } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { formatRanges } from "../cluster/slots";
import type { ClusterStatus } from "../cluster/status";
import { createCompanions } from "../hosts/local";
import { localProcesses } from "../templates/monitoring/local";
import { ALERT_DEFAULTS } from "../templates/monitoring/types";
import { programs } from "../test/monitoring/support/watched-cluster";
import { type DeclaredCluster, startDeclaredCluster } from "../test/support/declared-cluster";
import { arePortsFree, freePorts } from "../test/support/ports";
import { askDashboard } from "./support/ask-dashboard";
import { terminalSvg, topologySvg } from "./support/draw";
import { dashboardSvg } from "./support/draw-dashboard";
import { Load } from "./support/load";

const run = promisify(execFile);
const ROOT = join(__dirname, "..");
const FOLDER = join(ROOT, "docs", "pictures");
const CLUSTER = "cache";
/** The kit's default ports, of four shards. */
const PORTS = { first: 7000, count: 8 };
const RATE_INTERVAL = "5s";
/** Requests a second: what moves is to be seen, what the machine can do is not. */
const LOAD = { keys: 60_000, valueBytes: 200, rate: 4000 };
/** As the commands are called; in the cluster's own folder. */
const DECLARATION = "cache.json";

async function main(): Promise<void> {
  mkdirSync(FOLDER, { recursive: true });
  const isFree = await arePortsFree(PORTS.first, PORTS.count);
  const cluster = await startDeclaredCluster({
    name: CLUSTER,
    redis: { maxmemory: "128mb" },
    ...(isFree ? { basePort: PORTS.first } : {}),
  });
  const companions = createCompanions(join(dirname(cluster.file), "data"));
  try {
    const prometheus = await watchIt(cluster, companions);
    await scene(cluster, prometheus);
  } finally {
    await companions.end({ purge: true });
    await cluster.end();
  }
}

/** Exporters for the shard to come as well. Returns Prometheus's address. */
async function watchIt(
  cluster: DeclaredCluster,
  companions: ReturnType<typeof createCompanions>,
): Promise<string> {
  const { nodes, password } = cluster.redeclare({ shards: 4 });
  const ports = await freePorts(nodes.length + 1);
  const [prometheusPort = 0] = ports.slice(nodes.length);
  const settings = {
    cluster: CLUSTER,
    host: "127.0.0.1",
    nodes: nodes.map((node, index) => ({ ...node, exporterPort: ports[index] ?? 0 })),
    scrapeIntervalSeconds: 1,
    prometheusPort,
    alerts: { ...ALERT_DEFAULTS, scrapeIntervalSeconds: 1 },
  };
  await companions.ensure(localProcesses(settings, await programs(), password));
  return `http://127.0.0.1:${prometheusPort}`;
}

async function scene(cluster: DeclaredCluster, prometheus: string): Promise<void> {
  const folder = dirname(cluster.file);
  const declare = (keys: Readonly<Record<string, unknown>>) =>
    writeFileSync(join(folder, DECLARATION), JSON.stringify(cluster.redeclare(keys)), { mode: 0o600 });
  const command = (name: string, ...args: string[]) => kit(folder, name, args);
  declare({});
  const begun = Date.now() / 1000;
  await sleep(3_000);
  const load = await startLoad(cluster);
  await sleep(20_000);
  picture("status", terminalSvg(shown("status"), await command("status")));
  declare({ shards: 4, maxMigrationImpact: "low" });
  picture("plan", terminalSvg(shown("plan", "   # shards: 3 -> 4"), await command("plan")));
  const from = Date.now() / 1000;
  const applied = command("apply", "--yes");
  picture(
    "watch",
    terminalSvg(shown("watch"), await frameDuring(applied, () => command("watch", "--count", "1"))),
  );
  await applied;
  const change = { from, to: Date.now() / 1000, what: "a shard joins" };
  await sleep(10_000);
  const asked = { url: prometheus, cluster: CLUSTER, rateInterval: RATE_INTERVAL, from: begun, change };
  picture("dashboard", dashboardSvg(await askDashboard(asked)));
  load.stop();
  await sleep(2_000);
  const told: ClusterStatus = JSON.parse(await command("status", "--json"));
  picture("topology", topologySvg(told.name, told.nodes, slotsText));
}

/** The command as it was called. */
function shown(name: string, comment = ""): string {
  return `redis-cluster-kit ${name} --declaration ${DECLARATION}${comment}`;
}

/** One range as it is, several as their number: what fits a node's box. */
function slotsText({ slots, slotCount }: ClusterStatus["nodes"][number]): string {
  return slots.length <= 1 ? `slots ${formatRanges(slots)}` : `${slotCount} slots in ${slots.length} ranges`;
}

/** GET and SET of a known size. */
function startLoad({ declaration: { nodes, password } }: DeclaredCluster): Promise<Load> {
  return Load.start({ seeds: nodes.map(({ host, port }) => `${host}:${port}`), password, ...LOAD });
}

/** The first look that shows slots on their way, else the last that shows the run. */
async function frameDuring(running: Promise<unknown>, look: () => Promise<string>): Promise<string> {
  let isOver = false;
  void running.then(() => {
    isOver = true;
  });
  let best = "";
  while (!isOver) {
    const frame = await look();
    if (frame.includes("run of")) best = frame;
    if (frame.includes("on the way") || frame.includes("next: move")) return frame;
  }
  if (best === "") throw new Error("the run was over before watch saw it");
  return best;
}

/** What a command prints on an 80-column terminal; its exit code does not matter here. */
async function kit(folder: string, name: string, args: readonly string[]): Promise<string> {
  const argv = [join(ROOT, "bin/redis-cluster-kit"), name, "--declaration", DECLARATION, ...args];
  const env = { ...process.env, COLUMNS: "80", NO_COLOR: "1" };
  const failed = (error: Error & { stdout?: string }) => {
    if (error.stdout === undefined || error.stdout === "") throw error;
    return { stdout: error.stdout };
  };
  const { stdout } = await run(process.execPath, argv, { cwd: folder, env, timeout: 120_000 }).catch(failed);
  // This machine's name is nobody's business.
  return stdout.replaceAll(/pid-\d+@[^:\s]+(:[\w-]+)?/g, "pid-4711@laptop");
}

function picture(name: string, svg: string): void {
  writeFileSync(join(FOLDER, `${name}.svg`), svg);
  console.log(`docs/pictures/${name}.svg`);
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
