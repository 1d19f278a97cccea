/** Independent judges: redis-cli's own check, and real clients in other languages, say whether a made cluster is one. */
import { execFile } from "node:child_process";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { systemClock } from "../../cluster/clock";
import { ioredisConnector } from "../../cluster/connection";
import { apply, look } from "../../cluster/engine";
import type { NodeStatus } from "../../cluster/status";
import { summarize } from "../../cluster/status";
import { waitUntil } from "../../cluster/wait";
import { connectSnippets } from "../../components/connect";
import { ClientScript } from "../support/client-script";
import { type DeclaredCluster, startDeclaredCluster } from "../support/declared-cluster";
import { type PythonLibrary, pythonWith } from "../support/python";
import { type Command, rawReplies } from "../support/raw-commands";
import { redisBinaries } from "../support/redis-binaries";

const run = promisify(execFile);
const ROOT = join(__dirname, "../..");

let cluster: DeclaredCluster;
let cli: string;

beforeAll(async () => {
  ({ cli } = await redisBinaries("5.0"));
  cluster = await startDeclaredCluster();
});
afterAll(() => cluster.end());

function environment(more: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  return { PATH: process.env.PATH, REDISCLI_AUTH: cluster.declaration.password, ...more };
}

async function ask(node: { host: string; port: number }, ...args: string[]): Promise<string> {
  const { stdout } = await run(cli, ["-h", node.host, "-p", String(node.port), ...args], {
    env: environment(),
    timeout: 60_000,
  });
  return stdout;
}

async function members(): Promise<readonly NodeStatus[]> {
  const { view } = await look(cluster.target.spec, { hosts: cluster.target.hosts });
  return summarize(cluster.target.spec, view).nodes;
}

async function member(shard: number, role: string): Promise<NodeStatus> {
  const found = (await members()).find((node) => node.shard === shard && node.role === role);
  if (found === undefined) throw new Error(`shard ${shard} has no ${role}`);
  return found;
}

/** Throws with redis-cli's own words when it is not content. */
async function check(node: { host: string; port: number }): Promise<string> {
  const { stdout } = await run(cli, ["--cluster", "check", `${node.host}:${node.port}`], {
    env: environment(),
    timeout: 60_000,
  });
  return stdout;
}

describe("redis-cli", () => {
  it("finds all slots covered and all nodes agreeing, whichever node it asks", async () => {
    for (const node of cluster.declaration.nodes) {
      const said = await check(node);
      expect(said).toContain("[OK] All nodes agree about slots configuration.");
      expect(said).toContain("[OK] All 16384 slots covered.");
      expect(said).toMatch(/in 3 masters/);
    }
  });

  it("finds every replica's link up", async () => {
    const replicas = (await members()).filter(({ role }) => role === "replica");
    expect(replicas).toHaveLength(3);
    for (const node of replicas)
      expect(await ask(node, "info", "replication")).toContain("master_link_status:up");
  });
});

it("every command of every node gets NOAUTH without the password", async () => {
  const [first] = cluster.declaration.nodes;
  if (first === undefined) throw new Error("no node");
  const client = await ioredisConnector().connect(first, [cluster.declaration.password]);
  const commands = commandsOf(await client.call("COMMAND"));
  client.close();
  expect(commands.length).toBeGreaterThan(190);
  expect(commands.map(({ name }) => name)).toEqual(
    expect.arrayContaining([
      "cluster",
      "config",
      "get",
      "set",
      "flushall",
      "shutdown",
      "psync",
      "eval",
      "migrate",
    ]),
  );
  for (const node of cluster.declaration.nodes) {
    const replies = await rawReplies(node, commands);
    const others = [...replies].filter(([, reply]) => reply !== "-NOAUTH Authentication required.");
    // AUTH itself is how the password is told: it gets as far as its argument.
    expect(others).toEqual([["auth", "-ERR invalid password"]]);
  }
});

/** Redis's own list of its commands, so that none is forgotten: [name, arity, ...] each. */
function commandsOf(reply: unknown): Command[] {
  return z
    .array(z.tuple([z.string(), z.number()]).rest(z.unknown()))
    .parse(reply)
    .map(([name, arity]) => ({ name, arity }));
}

describe("the code that the component prints runs as it is", () => {
  const snippets = () =>
    connectSnippets(cluster.declaration.nodes, `printf %s '${cluster.declaration.password}'`);

  it.each([
    ["rediscluster", "pythonRediscluster"],
    ["redis", "pythonRedis"],
  ] as const)("Python, %s", async (library, name) => {
    const python = await pythonWith(library);
    const { stdout } = await run(python.command, ["-c", snippets()[name]], {
      env: environment(python.env),
      timeout: 60_000,
    });
    expect(stdout.trim()).toBe("['Ada', 'London']");
  });

  it("ioredis", async () => {
    const { stdout } = await run(process.execPath, ["-e", snippets().ioredis], {
      env: environment(),
      cwd: ROOT,
      timeout: 60_000,
    });
    expect(stdout.trim()).toBe("[ 'Ada', 'London' ]");
  });

  it("redis-cli, in a shell that has been given the password as it says", async () => {
    const redisCli = snippets().redisCli;
    const script = `${snippets().auth}\n${redisCli} set key:1 one\n${redisCli} get key:1`;
    const { stdout } = await run("sh", ["-c", script], {
      env: { PATH: `${dirname(cli)}:${process.env.PATH ?? ""}` },
      timeout: 60_000,
    });
    expect(stdout).toBe("OK\none\n");
  });
});

describe.each([
  { library: "rediscluster", movedShard: 1, killedShard: 2 },
  { library: "redis", movedShard: 3, killedShard: 1 },
] as const)("a real client: Python, $library", ({ library, movedShard, killedShard }) => {
  it("writes and reads every slot, follows a failover, and gets over a killed primary", async () => {
    // It knows one node, and that is a replica.
    const client = await startJudge(library, await member(2, "replica"));
    try {
      expect(await client.next()).toEqual({ act: "slots", slots: 16384, tags: 100, redirects: 0 });
      await handOver(movedShard);
      client.go();
      const moved = await client.next();
      expect(moved).toMatchObject({ act: "moved", slots: 16384, tags: 100 });
      expect(moved.redirects).toBeGreaterThan(0);

      client.go();
      expect(await client.next()).toEqual({ act: "writing" });
      const began = performance.now();
      const victim = await member(killedShard, "primary");
      await kill(victim.name);
      const outcome = await apply(cluster.target.spec, { hosts: cluster.target.hosts });
      const healedMs = performance.now() - began;
      client.go();
      const healed = await client.next();
      expect(healed).toMatchObject({ act: "healed", slots: 16384, keys: 256 });
      expect(outcome.steps.length).toBeGreaterThan(0);
      console.log(
        `${library}: kill to healed ${healedMs.toFixed(0)} ms, the client: ${JSON.stringify(healed)}`,
      );
      expect(await check(victim)).toContain("[OK] All 16384 slots covered.");
    } finally {
      client.kill();
    }
  });
});

async function startJudge(library: PythonLibrary, entrance: NodeStatus): Promise<ClientScript> {
  const python = await pythonWith(library);
  const script = join(ROOT, "test", "python", "judge.py");
  const args = [script, library, entrance.host, String(entrance.port)];
  // No folder of compiled files beside the scripts.
  return new ClientScript(python.command, args, environment({ ...python.env, PYTHONDONTWRITEBYTECODE: "1" }));
}

/** A planned failover that nobody tells the client of; ends when all nodes know. */
async function handOver(shard: number): Promise<void> {
  const heir = await member(shard, "replica");
  await ask(heir, "cluster", "failover");
  const look = async () => {
    const nodes = await members();
    const now = nodes.find(({ name }) => name === heir.name);
    return now?.role === "primary" || `${heir.name} is ${now?.role ?? "not seen"}`;
  };
  await waitUntil(look, { clock: systemClock, timeoutMs: 20_000, what: `${heir.name} to take over` });
}

async function kill(name: string): Promise<void> {
  const node = cluster.target.spec.nodes.find((candidate) => candidate.name === name);
  if (node === undefined) throw new Error(`no node ${name}`);
  await cluster.target.hosts(node).stop(node, { kill: true });
}
