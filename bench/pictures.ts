/**
 * The pictures of README and docs, from a real run: a cluster with exporters and a Prometheus gets load and a fourth shard,
 * and what the commands printed and Prometheus saw meanwhile is drawn into docs/pictures/.
 * Usage: npm run bench pictures. About two minutes.
 */
import { execFile, spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { formatRanges } from "../cluster/slots";
import type { ClusterStatus } from "../cluster/status";
import { createCompanions } from "../hosts/local";
import { localProcesses } from "../templates/monitoring/local";
import { filled, PANEL_ROWS } from "../templates/monitoring/panels";
import { ALERT_DEFAULTS } from "../templates/monitoring/types";
import { asking, programs } from "../test/monitoring/support/watched-cluster";
import { type DeclaredCluster, startDeclaredCluster } from "../test/support/declared-cluster";
import { freePorts } from "../test/support/ports";
import { linesSvg, type Series, terminalSvg, topologySvg } from "./support/draw";

const run = promisify(execFile);
const ROOT = join(__dirname, "..");
const FOLDER = join(ROOT, "docs", "pictures");
const CLUSTER = "cache";
const RATE_INTERVAL = "5s";

/** Panels that are drawn, and how their values are shown. */
const DRAWN: Readonly<Record<string, (value: number) => string>> = {
  "Requests by node": (value) => Math.round(value).toLocaleString("en-US"),
  "CPU by node": (value) => `${Math.round(100 * value)} %`,
  "Slots by node": (value) => Math.round(value).toLocaleString("en-US"),
};

async function main(): Promise<void> {
  mkdirSync(FOLDER, { recursive: true });
  const cluster = await startDeclaredCluster({ name: CLUSTER, redis: { maxmemory: "128mb" } });
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
  const command = (name: string, file: string, ...args: string[]) => kit(name, file, args);
  const begun = Date.now() / 1000;
  await sleep(3_000);
  const load = await startLoad(cluster);
  await sleep(20_000);
  const status = await command("status", cluster.file);
  picture("status", terminalSvg("redis-cluster-kit status", status));
  const four = join(dirname(cluster.file), "four.json");
  writeFileSync(four, JSON.stringify(cluster.redeclare({ shards: 4, maxMigrationImpact: "low" })), {
    mode: 0o600,
  });
  picture("plan", terminalSvg("redis-cluster-kit plan   # shards: 3 -> 4", await command("plan", four)));
  const applied = command("apply", four, "--yes");
  const frame = await frameDuring(applied, () => command("watch", four, "--count", "1"));
  picture("watch", terminalSvg("redis-cluster-kit watch", frame));
  await applied;
  await sleep(5_000);
  load.kill();
  await sleep(4_000);
  const told: ClusterStatus = JSON.parse(await command("status", four, "--json"));
  picture("topology", topologySvg(told.name, told.nodes, slotsText));
  await panels(prometheus, begun);
  await leave(cluster);
}

/** One range as it is, several as their number: what fits a node's box. */
function slotsText({ slots, slotCount }: ClusterStatus["nodes"][number]): string {
  return slots.length <= 1 ? formatRanges(slots) : `${slotCount} in ${slots.length} ranges`;
}

/** GET and SET of a known size; no password in an argument: ioredis, in a process of its own. */
async function startLoad(cluster: DeclaredCluster) {
  const { nodes, password } = cluster.declaration;
  const seeds = nodes.map(({ host, port }) => `${host}:${port}`).join(",");
  const args = [
    "--require",
    join(ROOT, "scripts/ts.cjs"),
    join(__dirname, "support/load.ts"),
    seeds,
    "60000",
    "200",
    "4000",
  ];
  const child = spawn(process.execPath, args, {
    stdio: ["pipe", "pipe", "inherit"],
    env: { ...process.env, LOAD_PASSWORD: password },
  });
  await new Promise((resolve) => child.stdout.once("data", resolve));
  return child;
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
  return best === "" ? look() : best;
}

/** What a command prints on an 80-column terminal; its exit code does not matter here. */
async function kit(name: string, file: string, args: readonly string[]): Promise<string> {
  const argv = [join(ROOT, "bin/redis-cluster-kit"), name, "--declaration", file, ...args];
  const env = { ...process.env, COLUMNS: "80", NO_COLOR: "1" };
  const failed = (error: Error & { stdout?: string }) => {
    if (error.stdout === undefined || error.stdout === "") throw error;
    return { stdout: error.stdout };
  };
  const { stdout } = await run(process.execPath, argv, { env, timeout: 120_000 }).catch(failed);
  // Files and process ids of this run are nobody's business.
  return stdout
    .replaceAll(/\(file\s+[^)]*\)/g, "(stack dev)")
    .replaceAll(/pid-\d+@[^:\s]+(:[\w-]+)?/g, "pid-4711@laptop");
}

async function panels(prometheus: string, begun: number): Promise<void> {
  const now = Date.now() / 1000;
  for (const panel of PANEL_ROWS.flatMap((row) => row.panels)) {
    const show = DRAWN[panel.title];
    const [query] = panel.queries;
    if (!show || !query) continue;
    const expr = filled(query.expr, { cluster: CLUSTER, rateInterval: RATE_INTERVAL });
    const range = await asking(prometheus).range(expr, begun, now, 1);
    const series: Series[] = range.map(({ metric, points }) => ({ name: metric.node ?? "", points }));
    const name = `dashboard-${panel.title.toLowerCase().replaceAll(" ", "-")}`;
    picture(
      name,
      linesSvg(
        panel.title,
        series.filter(({ points }) => points.length > 1),
        show,
      ),
    );
  }
}

/** The fourth shard is not the test cluster's own: it is stopped before that one ends. */
async function leave(cluster: DeclaredCluster): Promise<void> {
  const { hosts } = cluster.target;
  const declared = new Set(cluster.target.spec.nodes.map(({ name }) => name));
  const { nodes } = cluster.redeclare({ shards: 4 });
  for (const node of nodes.filter(({ name }) => !declared.has(name)))
    await hosts({ ...node, directives: {} }).stop(node, { kill: true });
}

function picture(name: string, svg: string): void {
  writeFileSync(join(FOLDER, `${name}.svg`), svg);
  console.log(`docs/pictures/${name}.svg`);
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
