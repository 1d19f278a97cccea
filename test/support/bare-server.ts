/** One redis-server with exactly the given redis.conf, for tests of what such a file means to Redis. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { NodeClient } from "../../cluster/client";
import { ioredisConnector } from "../../cluster/connection";
import type { RedisConfNode } from "../../templates/render";
import { freePorts } from "./ports";
import { type RedisLine, redisBinaries } from "./redis-binaries";

const START_TIMEOUT_MS = 15_000;

export interface BareServer {
  readonly node: RedisConfNode;
  readonly client: NodeClient;
  /** A further connection; rejects where the password is refused. */
  connect(password: string): Promise<NodeClient>;
}

/** Runs `body` with a server of `line` that was started with `redisConf(node)`. It is ended whatever happens. */
export async function withBareServer<T>(
  line: RedisLine,
  redisConf: (node: RedisConfNode) => string,
  password: string,
  body: (server: BareServer) => Promise<T>,
): Promise<T> {
  const { server } = await redisBinaries(line);
  const dir = await mkdtemp(join(tmpdir(), "redis-cluster-kit-bare-"));
  const [port = 0] = await freePorts(1);
  const node = { name: `bare-${port}`, host: "127.0.0.1", port, dir };
  const file = join(dir, "redis.conf");
  await writeFile(file, redisConf(node), { mode: 0o600 });
  const child = spawn(server, [file], { stdio: ["ignore", "pipe", "pipe"] });
  const clients: NodeClient[] = [];
  const connect = async (secret: string) => {
    const client = await ioredisConnector().connect(node, [secret]);
    clients.push(client);
    return client;
  };
  try {
    const client = await firstConnection(child, () => connect(password));
    return await body({ node, client, connect });
  } finally {
    for (const client of clients) client.close();
    await endProcess(child);
    await rm(dir, { recursive: true, force: true });
  }
}

/** Tries until the server accepts, has ended, or the bound is over; the error has what the server printed. */
async function firstConnection(child: ChildProcess, connect: () => Promise<NodeClient>): Promise<NodeClient> {
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream?.on("data", (chunk) => (output += chunk));
  const deadline = performance.now() + START_TIMEOUT_MS;
  while (true) {
    try {
      return await connect();
    } catch (error) {
      const over = child.exitCode !== null || performance.now() > deadline;
      if (over) throw new Error(`redis-server does not serve: ${output.slice(-2000)}`, { cause: error });
      await sleep(20);
    }
  }
}

async function endProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGKILL");
  await ended;
}
