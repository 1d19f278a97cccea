/** The single server that a cluster is compared with: of its version, with its persistence, on this machine, gone afterwards. */
import type { ChildProcess } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ended, spawnBound } from "../../backup/scratch";
import type { NodeClient } from "../../cluster/client";
import { systemClock } from "../../cluster/clock";
import { ioredisConnector } from "../../cluster/connection";
import type { ClusterSpec, NodeSpec } from "../../cluster/spec";
import { waitUntil } from "../../cluster/wait";
import { LoadFailedError } from "../errors";
import type { RedisTools } from "../redis-tools";
import type { BenchmarkLogin, Loaded } from "./types";
import { userRules } from "./visitor";

const HOST = "127.0.0.1";
const START_MS = 15_000;
/** What decides how fast a node is, taken from the cluster's. */
const ALIKE = ["appendonly", "appendfsync", "save", "io-threads", "io-threads-do-reads", "hz"];

export interface Single extends Loaded {
  end(): Promise<void>;
}

/** `password` may be empty where the cluster has none, too. The caller must call `end`. */
export async function startSingle(
  tools: RedisTools,
  cluster: ClusterSpec,
  { password, login, prefix }: { password: string; login: BenchmarkLogin; prefix: string },
): Promise<Single> {
  const folder = await mkdtemp(join(tmpdir(), "redis-cluster-kit-single-"));
  const node = { ...place(await freePort()), directives: alike(cluster.nodes[0]) };
  const file = join(folder, "redis.conf");
  const lines = configOf(node, { folder, password, login, prefix });
  // Not in its arguments: everybody can read them.
  await writeFile(file, `${lines.join("\n")}\n`, { mode: 0o600 });
  const child = spawnBound(folder, tools.server, [file]);
  const connector = ioredisConnector();
  const spec: ClusterSpec = {
    ...cluster,
    name: "one server",
    nodes: [node],
    shards: [{ weight: 1 }],
    replicasPerShard: 0,
    leaving: [],
    password,
    previousPasswords: [],
  };
  const end = async () => {
    await ended(child);
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await started(child, () => connector.connect(node, [password]));
  } catch (error) {
    await end();
    throw error;
  }
  const hosts = () => {
    throw new Error("the single server has no host");
  };
  return {
    label: "one server",
    isCluster: false,
    spec,
    entrance: node,
    reach: { hosts, connector },
    login,
    end,
  };
}

async function started(child: ChildProcess, connect: () => Promise<NodeClient>): Promise<void> {
  const look = async (): Promise<true | string> => {
    if (child.exitCode !== null)
      throw new LoadFailedError(`the single server ended at its start (exit code ${child.exitCode})`);
    try {
      (await connect()).close();
      return true;
    } catch (error) {
      return String(error);
    }
  };
  await waitUntil(look, { clock: systemClock, timeoutMs: START_MS, what: "a single server to start" });
}

function place(port: number): NodeSpec {
  const directives = {};
  return {
    name: "one server",
    host: HOST,
    port,
    busPort: port,
    shard: 0,
    member: 0,
    zone: "here",
    directives,
  };
}

function alike(node: NodeSpec | undefined): Record<string, string> {
  const all = Object.entries(node?.directives ?? {});
  return Object.fromEntries(all.filter(([name]) => ALIKE.includes(name)));
}

function configOf(
  { port, directives }: NodeSpec,
  given: { folder: string; password: string; login: BenchmarkLogin; prefix: string },
): string[] {
  const { folder, password, login, prefix } = given;
  const { save = "", ...others } = directives;
  // CONFIG GET's form has all pairs in one line, which redis.conf takes from 7.0 on only.
  const saves = save.match(/\d+ \d+/g) ?? ['""'];
  return [
    `port ${port}`,
    `bind ${HOST}`,
    `dir ${folder}`,
    ...(password === "" ? [] : [`requirepass ${password}`]),
    ...(login.kind === "user"
      ? [`user ${login.name} ${userRules(prefix, login.password).slice(1).join(" ")}`]
      : []),
    ...saves.map((pair) => `save ${pair}`),
    ...Object.entries(others).map(([name, value]) => `${name} ${value}`),
  ];
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host: HOST, port: 0 }, resolve);
  });
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("no free port");
  return address.port;
}
