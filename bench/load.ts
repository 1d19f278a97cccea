/**
 * Throughput: a cluster of three shards against one single server, in one run on this machine, through real clients:
 * redis-benchmark (7.0's, with --cluster) and ioredis. Servers have no password here: redis-benchmark takes one only where
 * everybody can read it, in its arguments.
 * Usage: npm run bench load -- [--seconds 5] [--clients 50] [--pipeline 1] [--line 7.0]
 */
import { execFile } from "node:child_process";
import { parseArgs, promisify } from "node:util";
import Table from "cli-table3";
import { apply } from "../cluster/engine";
import { type Counters, pulseOf, readCounters } from "../cluster/pulse";
import { ioredisLoad } from "../test/support/ioredis-load";
import { type LocalNodes, type LocalNodesOptions, startLocalNodes } from "../test/support/local-nodes";
import { type RedisLine, redisBinaries } from "../test/support/redis-binaries";
import { specOf } from "../test/support/specs";
import { machine } from "./support/servers";

const run = promisify(execFile);
const KEYS = 100_000;

interface Settings {
  readonly seconds: number;
  readonly clients: number;
  readonly pipeline: number;
  readonly benchmark: string;
}

interface Row {
  readonly client: string;
  readonly servers: string;
  readonly requestsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** "s0-m0 41,000/s 63%" of every node that served. */
  readonly nodes: readonly string[];
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      seconds: { type: "string", default: "5" },
      clients: { type: "string", default: "50" },
      pipeline: { type: "string", default: "1" },
      line: { type: "string", default: "7.0" },
    },
  });
  const benchmark = await findBenchmark();
  const settings = {
    seconds: Math.min(Number(values.seconds), 60),
    clients: Number(values.clients),
    pipeline: Number(values.pipeline),
    benchmark,
  };
  const line = values.line as RedisLine;
  const single = { shards: 1, directives: { "cluster-enabled": "no" } };
  console.log(
    `${settings.seconds} s each, ${settings.clients} clients, pipeline ${settings.pipeline}; ${machine()}`,
  );
  const rows = [
    ...(await measured("one server", { line, ...single }, settings)),
    ...(await measured("3 shards + 3 replicas", { line, shards: 3, replicas: 1 }, settings)),
  ];
  console.log(table(rows));
  console.log(gains(rows));
  console.log(
    `now ${machine()}. Clients and all servers share these cores; where every primary has a core of its own, the bound is 3 times.`,
  );
}

async function findBenchmark(): Promise<string> {
  const { cli } = await redisBinaries("7.0");
  return cli.replace(/redis-cli$/, "redis-benchmark");
}

async function measured(servers: string, options: LocalNodesOptions, settings: Settings): Promise<Row[]> {
  const local = await startLocalNodes({ ...options, password: "" });
  try {
    const isCluster = local.nodes.length > 1;
    if (isCluster) await apply(specOf(local), { hosts: () => local.host });
    const rows: Row[] = [];
    for (const command of ["set", "get"] as const) {
      const client = `redis-benchmark ${command.toUpperCase()}`;
      rows.push(
        await watched(local, { client, servers }, () => redisBenchmark(local, isCluster, command, settings)),
      );
    }
    const load = async () => {
      const { seconds, clients: concurrency } = settings;
      const nodes = local.nodes.slice(0, 3);
      const result = await ioredisLoad({ nodes, isCluster, seconds, concurrency, keys: KEYS });
      if (result.failed > 0) throw new Error(`${result.failed} operations failed`);
      return { ...result, requestsPerSecond: (result.operations * 1000) / result.elapsedMs };
    };
    rows.push(await watched(local, { client: "ioredis GET+SET", servers }, load));
    return rows;
  } finally {
    await local.end();
  }
}

type Measured = Pick<Row, "requestsPerSecond" | "p50Ms" | "p99Ms">;

/** Counts on every server what `work` causes there. */
async function watched(
  local: LocalNodes,
  title: Pick<Row, "client" | "servers">,
  work: () => Promise<Measured>,
): Promise<Row> {
  const counters = async (): Promise<Counters[]> =>
    Promise.all(
      local.nodes.map(async (node) => readCounters(await local.cli(node, "info"), performance.now())),
    );
  const before = await counters();
  const { requestsPerSecond, p50Ms, p99Ms } = await work();
  const after = await counters();
  const nodes = local.nodes.flatMap(({ name }, index) => {
    const [earlier, later] = [before[index], after[index]];
    const pulse = earlier && later ? pulseOf(earlier, later) : undefined;
    return pulse === undefined
      ? []
      : [`${name} ${rate(pulse.requestsPerSecond)} ${Math.round(100 * pulse.cpu)}%`];
  });
  return { ...title, requestsPerSecond, p50Ms, p99Ms, nodes };
}

/** redis-benchmark ends after a number of requests: a short run tells how many take as long as wanted. */
async function redisBenchmark(
  local: LocalNodes,
  isCluster: boolean,
  command: "get" | "set",
  settings: Settings,
): Promise<Measured> {
  const [node] = local.nodes;
  if (!node) throw new Error("no node");
  const { clients, pipeline, seconds, benchmark } = settings;
  const ask = async (requests: number): Promise<Measured> => {
    const where = ["-h", node.host, "-p", String(node.port), ...(isCluster ? ["--cluster"] : [])];
    const what = ["-t", command, "-n", String(requests), "-c", String(clients), "-P", String(pipeline)];
    const how = ["-d", "100", "-r", String(KEYS), "--threads", "2", "--csv"];
    const { stdout } = await run(benchmark, [...where, ...what, ...how], {
      timeout: 20_000 + 10_000 * seconds,
    });
    return readCsv(stdout);
  };
  const tried = await ask(20_000);
  return ask(Math.round(tried.requestsPerSecond * seconds));
}

/** "test","rps","avg_latency_ms","min_latency_ms","p50_latency_ms","p95_latency_ms","p99_latency_ms","max_latency_ms" */
function readCsv(text: string): Measured {
  const line = text.split("\n").find((each) => /^"(GET|SET)"/.test(each)) ?? "";
  const fields = line.split(",").map((field) => Number(field.replaceAll('"', "")));
  const [, requestsPerSecond = Number.NaN, , , p50Ms = Number.NaN, , p99Ms = Number.NaN] = fields;
  if (!Number.isFinite(requestsPerSecond)) throw new Error(`redis-benchmark said: ${text.slice(0, 500)}`);
  return { requestsPerSecond, p50Ms, p99Ms };
}

function rate(perSecond: number): string {
  return `${Math.round(perSecond).toLocaleString("en-US")}/s`;
}

function table(rows: readonly Row[]): string {
  const shown = new Table({
    head: ["client", "servers", "requests", "p50 ms", "p99 ms", "by node, with CPU"],
    style: { head: [], border: [] },
  });
  for (const { client, servers, requestsPerSecond, p50Ms, p99Ms, nodes } of rows)
    shown.push([
      client,
      servers,
      rate(requestsPerSecond),
      p50Ms.toFixed(2),
      p99Ms.toFixed(2),
      nodes.join("\n"),
    ]);
  return shown.toString();
}

/** What the cluster gains, client by client. */
function gains(rows: readonly Row[]): string {
  const clients = [...new Set(rows.map(({ client }) => client))];
  const lines = clients.flatMap((client) => {
    const [single, cluster] = rows.filter((row) => row.client === client);
    if (!single || !cluster) return [];
    return [
      `${client}: ${(cluster.requestsPerSecond / single.requestsPerSecond).toFixed(2)} times one server's requests`,
    ];
  });
  return lines.join("\n");
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
