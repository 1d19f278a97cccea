/** Real nodes on this machine for tests: started through the local host, always stopped again. */
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { NodeSpec } from "../../cluster/spec";
import {
  createLocalHost,
  type LocalHost,
  type LocalHostOptions,
  type ResolvedServer,
} from "../../hosts/local";
import type { ProcessTable } from "../../hosts/local/processes";
import { freePorts } from "./ports";
import { type RedisLine, redisBinaries } from "./redis-binaries";

const run = promisify(execFile);

export interface LocalNodesOptions {
  /** Default "5.0". */
  readonly line?: RedisLine;
  /** Default 3. */
  readonly shards?: number;
  /** Replicas of each shard, placed in the zones after their primary's. Default 0. */
  readonly replicas?: number;
  /** Default "test-password". Empty: no password. */
  readonly password?: string;
  /** Further directives for every node; they win over the helper's own. Values go into redis.conf as they stand. */
  readonly directives?: Readonly<Record<string, string>>;
  /** `false`: the nodes are prepared and left for the test to start. Default true. */
  readonly start?: boolean;
  /** Further options of the hosts: bounds, report. */
  readonly host?: Partial<LocalHostOptions>;
  /** How processes are looked at. Default: this system's own way. */
  readonly processes?: ProcessTable;
  /** More nodes, prepared and not started: for tests that scale out. Each becomes a shard of its own. Default 0. */
  readonly spares?: number;
}

export interface LocalNodes {
  /** By shard, then member: s0-m0, s0-m1, s1-m0 … */
  readonly nodes: readonly NodeSpec[];
  readonly spares: readonly NodeSpec[];
  readonly host: LocalHost;
  readonly dataDirectory: string;
  readonly password: string;
  readonly binaries: ResolvedServer;
  /** What `prepare` and `start` write for a node from now on. */
  setRedisConf(nodeName: string, redisConf: string): void;
  redisConfOf(nodeName: string): string;
  /** redis-cli against one node; the password travels in its environment. Output without the last newline; error replies are text, too. */
  cli(node: NodeSpec, ...args: string[]): Promise<string>;
  /** Another host for the same nodes, whose starts use another line of Redis (version changes) or other options. */
  hostWith(line: RedisLine, host?: Partial<LocalHostOptions>): Promise<LocalHost>;
  /** Kills what runs, proves that nothing is left, deletes the folder. */
  end(): Promise<void>;
}

/** Runs `body` with nodes of its own. They are ended whatever happens in it. */
export async function withLocalNodes<T>(
  options: LocalNodesOptions,
  body: (cluster: LocalNodes) => Promise<T>,
): Promise<T> {
  const cluster = await startLocalNodes(options);
  try {
    return await body(cluster);
  } finally {
    await cluster.end();
  }
}

/** For beforeAll/afterAll; the caller must call `end`. */
export async function startLocalNodes(options: LocalNodesOptions): Promise<LocalNodes> {
  const binaries = await redisBinaries(options.line ?? "5.0");
  const password = options.password ?? "test-password";
  const dataDirectory = await mkdtemp(join(tmpdir(), "redis-cluster-kit-test-"));
  const all = await plan(options);
  const spares = all.slice(all.length - (options.spares ?? 0));
  const nodes = all.slice(0, all.length - spares.length);
  const files = new Map(all.map((node) => [node.name, minimalConf(node, dataDirectory, password, options)]));
  const hostOf = (resolved: ResolvedServer, more?: Partial<LocalHostOptions>) =>
    createLocalHost(
      {
        clusterName: "test",
        dataDirectory,
        files: (name) => {
          const redisConf = files.get(name);
          return redisConf === undefined ? undefined : { redisConf };
        },
        resolveServer: async () => resolved,
        ...options.host,
        ...more,
      },
      options.processes,
    );
  const host = hostOf(binaries);
  const end = ender(host, all, dataDirectory);
  try {
    for (const node of all) await host.prepare(node);
    if (options.start !== false) await Promise.all(nodes.map((node) => host.start(node)));
  } catch (error) {
    await end();
    throw error;
  }
  return {
    nodes,
    spares,
    host,
    dataDirectory,
    password,
    binaries,
    setRedisConf: (name, redisConf) => void files.set(name, redisConf),
    redisConfOf: (name) => files.get(name) ?? "",
    cli: (node, ...args) => redisCli(binaries, node, password, args),
    hostWith: async (line, more) => hostOf(await redisBinaries(line), more),
    end,
  };
}

async function plan({ shards = 3, replicas = 0, spares = 0 }: LocalNodesOptions): Promise<NodeSpec[]> {
  const members = replicas + 1;
  const places = [
    ...Array.from({ length: shards * members }, (_, i) => ({
      shard: Math.floor(i / members),
      member: i % members,
    })),
    ...Array.from({ length: spares }, (_, i) => ({ shard: shards + i, member: 0 })),
  ];
  const [first = 0] = await freePorts(places.length);
  return places.map(({ shard, member }, index) => ({
    name: `s${shard}-m${member}`,
    host: "127.0.0.1",
    port: first + index,
    busPort: first + index + 10_000,
    shard,
    member,
    zone: "abc".charAt((shard + member) % 3),
    directives: {},
  }));
}

/** The least that makes a cluster node; small and fast rather than typical. */
function minimalConf(
  node: NodeSpec,
  dataDirectory: string,
  password: string,
  { directives = {} }: LocalNodesOptions,
): string {
  const lines = new Map<string, string>([
    ["bind", node.host],
    ["port", String(node.port)],
    ["dir", `"${join(dataDirectory, node.name)}"`],
    ["cluster-enabled", "yes"],
    ["cluster-config-file", `nodes-${node.port}.conf`],
    ["cluster-node-timeout", "5000"],
    ["maxclients", "1000"],
    ["save", '""'],
    ["appendonly", "no"],
    ...(password === ""
      ? []
      : ([
          ["requirepass", password],
          ["masterauth", password],
        ] as const)),
    ...Object.entries(directives),
  ]);
  return [...lines].map(([name, value]) => `${name} ${value}\n`).join("");
}

async function redisCli(
  { cli }: ResolvedServer,
  node: NodeSpec,
  password: string,
  args: readonly string[],
): Promise<string> {
  const { stdout } = await run(cli, ["-h", node.host, "-p", String(node.port), ...args], {
    timeout: 60_000,
    maxBuffer: 64 * 1024 * 1024,
    env: { PATH: process.env.PATH, ...(password === "" ? {} : { REDISCLI_AUTH: password }) },
  });
  return stdout.replace(/\n$/, "");
}

/** Kills a node's recorded process without waiting: all that an exit handler can do. */
function killRecorded(folder: string): void {
  try {
    const { pid } = JSON.parse(readFileSync(join(folder, "process.json"), "utf8")) as { pid: number };
    process.kill(pid, "SIGKILL");
  } catch {
    // Not running.
  }
}

/** What is ended when this process ends without having called `end` (a test run that was interrupted). */
const unended = new Set<() => void>();
process.once("exit", () => {
  for (const kill of unended) kill();
});

function ender(host: LocalHost, nodes: readonly NodeSpec[], dataDirectory: string): () => Promise<void> {
  const killAll = () => {
    for (const node of nodes) killRecorded(host.folderOf(node));
  };
  unended.add(killAll);
  return async () => {
    await Promise.all(nodes.map((node) => host.stop(node, { kill: true })));
    const left: string[] = [];
    for (const node of nodes) {
      const facts = await host.inspect(node);
      if (facts.process !== "stopped") left.push(`${node.name}: ${facts.process} (pid ${facts.pid ?? "?"})`);
    }
    unended.delete(killAll);
    if (left.length > 0) throw new Error(`left running after the test: ${left.join(", ")}`);
    await rm(dataDirectory, { recursive: true, force: true });
  };
}
