/** A node's life as a process of this machine, with real redis-server. */
import { execFile, spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import type { NodeSpec } from "../../cluster/spec";
import { linuxProcesses } from "../../hosts/local/processes-linux";
import { portableProcesses } from "../../hosts/local/processes-portable";
import { systemProcesses } from "../../hosts/local/system";
import { type LocalNodes, type LocalNodesOptions, withLocalNodes } from "../support/local-nodes";
import { REDIS_LINES } from "../support/redis-binaries";
import type { StartRequest } from "../support/start-node";

const ONE: LocalNodesOptions = { shards: 1, directives: { appendonly: "yes" } };
const processes = systemProcesses();

function withOne<T>(
  body: (cluster: LocalNodes, node: NodeSpec) => Promise<T>,
  options: LocalNodesOptions = {},
): Promise<T> {
  return withLocalNodes({ ...ONE, ...options }, (cluster) => {
    const [node] = cluster.nodes;
    if (!node) throw new Error("no node");
    return body(cluster, node);
  });
}

async function pidOf({ host }: LocalNodes, node: NodeSpec): Promise<number> {
  const { process: state, pid } = await host.inspect(node);
  if (state !== "running" || pid === undefined) throw new Error(`${node.name} is ${state}`);
  return pid;
}

/** Pids of every redis-server that runs in the node's folder: never more than one. */
async function serversOf({ host }: LocalNodes, node: NodeSpec): Promise<number[]> {
  const pids = (await processes.list()).map(({ pid }) => pid);
  const folders = await processes.workingDirectories(pids);
  return pids.filter((pid) => folders.get(pid) === host.folderOf(node));
}

async function until(what: string, ready: () => Promise<boolean>, timeoutMs = 10_000): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await ready())) {
    if (performance.now() > deadline) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    await sleep(10);
  }
}

const processFile = ({ host }: LocalNodes, node: NodeSpec) => join(host.folderOf(node), "process.json");

describe.each(REDIS_LINES)("Redis %s", (line) => {
  test("a node starts, serves, stops in order and comes back with its data", () =>
    withOne(
      async (cluster, node) => {
        await cluster.cli(node, "config", "set", "cluster-require-full-coverage", "no");
        await cluster.cli(node, "cluster", "addslots", "5061"); // the slot of "bar"
        await until("slot served", async () => (await cluster.cli(node, "set", "bar", "1")) === "OK");
        expect(await cluster.host.inspect(node)).toMatchObject({
          process: "running",
          data: "present",
          installedVersion: cluster.binaries.version,
        });
        await cluster.host.stop(node);
        expect(await cluster.host.inspect(node)).toMatchObject({ process: "stopped", data: "present" });
        expect(await cluster.host.logTail(node, 1)).toContain("Redis is now ready to exit");
        await cluster.host.start(node);
        expect(await cluster.cli(node, "dbsize")).toBe("1");
      },
      { line },
    ));

  test("files that Redis writes anew are readable by their owner only", () =>
    withOne(
      async (cluster, node) => {
        await cluster.cli(node, "config", "rewrite");
        await cluster.cli(node, "save");
        const names = ["redis.conf", "redis.log", "process.json", "node.json", "dump.rdb"];
        for (const name of [...names, `nodes-${node.port}.conf`]) {
          const { mode } = statSync(join(cluster.host.folderOf(node), name));
          expect(`${name} ${(mode & 0o777).toString(8)}`).toBe(`${name} 600`);
        }
        expect(statSync(cluster.host.folderOf(node)).mode & 0o777).toBe(0o700);
      },
      { line },
    ));
});

test("kill ends the process at once, and a suspended one as well", () =>
  withOne(async (cluster, node) => {
    await cluster.host.stop(node, { kill: true });
    expect((await cluster.host.inspect(node)).process).toBe("stopped");
    await cluster.host.start(node);
    process.kill(await pidOf(cluster, node), "SIGSTOP");
    await cluster.host.stop(node, { kill: true, timeoutMs: 2_000 });
    expect((await cluster.host.inspect(node)).process).toBe("stopped");
    expect(await serversOf(cluster, node)).toEqual([]);
  }));

test("a suspended node counts as running, is not started again, and still stops in order", () =>
  withOne(async (cluster, node) => {
    const pid = await pidOf(cluster, node);
    process.kill(pid, "SIGSTOP");
    await until("suspended", async () => (await processes.status(pid))?.suspended === true);
    expect(await cluster.host.inspect(node)).toMatchObject({
      process: "running",
      detail: expect.stringContaining(`kill -CONT ${pid}`),
    });
    await expect(cluster.host.start(node)).rejects.toThrow(`(pid ${pid}) is suspended`);
    await cluster.host.stop(node);
    expect(await cluster.host.logTail(node, 1)).toContain("Redis is now ready to exit");
  }));

test("a pid file of a dead process does not stand in the way of a start", () =>
  withOne(async (cluster, node) => {
    const pid = await pidOf(cluster, node);
    process.kill(pid, "SIGKILL");
    await until("ended", async () => (await processes.status(pid)) === undefined);
    expect(readFileSync(processFile(cluster, node), "utf8")).toContain(String(pid));
    expect((await cluster.host.inspect(node)).process).toBe("stopped");
    await cluster.host.start(node);
    expect(await pidOf(cluster, node)).not.toBe(pid);
  }));

test("a reused pid is neither taken for the node nor ended in its place", () =>
  withOne(async (cluster, node) => {
    await cluster.host.stop(node);
    writeFileSync(
      processFile(cluster, node),
      JSON.stringify({ pid: process.pid, started: "earlier boot:1" }),
    );
    expect((await cluster.host.inspect(node)).process).toBe("stopped");
    await cluster.host.stop(node, { kill: true }); // would end this test's own process
    await cluster.host.start(node);
    expect(await cluster.cli(node, "ping")).toBe("PONG");
  }));

test.each([
  ["lost", (file: string) => rmSync(file)],
  ["damaged", (file: string) => writeFileSync(file, '{"pid": 12')],
])("with its pid file %s the node is found by its folder, not started twice, and stopped", (_, harm) =>
  withOne(async (cluster, node) => {
    const pid = await pidOf(cluster, node);
    harm(processFile(cluster, node));
    expect(await cluster.host.inspect(node)).toMatchObject({ process: "running", pid });
    await cluster.host.start(node);
    expect(await serversOf(cluster, node)).toEqual([pid]);
    expect(readFileSync(processFile(cluster, node), "utf8")).toContain(String(pid));
    harm(processFile(cluster, node));
    await cluster.host.stop(node);
    expect(await serversOf(cluster, node)).toEqual([]);
  }),
);

test("runs that start a node at once start it once, and it outlives them all", () =>
  withOne(
    async (cluster, node) => {
      const runs = [1, 2, 3].map(() => runStart(requestFor(cluster, node)));
      await Promise.all([...runs, cluster.host.start(node), cluster.host.start(node)]);
      expect(await serversOf(cluster, node)).toHaveLength(1);
      expect(await cluster.cli(node, "ping")).toBe("PONG");
      expect(
        readFileSync(join(cluster.host.folderOf(node), "redis.log"), "utf8").match(/Redis is starting/g),
      ).toHaveLength(1);
    },
    { start: false },
  ));

test("a run that is killed at any moment of a start leaves nothing that the next one cannot finish", () =>
  withOne(
    async (cluster, node) => {
      let started = 0;
      for (let delayMs = 0; delayMs < 400; delayMs += 50) {
        await runStart(requestFor(cluster, node), delayMs);
        started += (await serversOf(cluster, node)).length;
        await cluster.host.start(node);
        expect(await serversOf(cluster, node)).toHaveLength(1);
        await cluster.host.stop(node, { kill: true });
        expect(await serversOf(cluster, node)).toEqual([]);
      }
      console.log(`killed runs that had already started the node: ${started} of 8`);
    },
    { start: false },
  ));

function requestFor({ dataDirectory, binaries, redisConfOf }: LocalNodes, node: NodeSpec): StartRequest {
  return { dataDirectory, node, redisConf: redisConfOf(node.name), binaries };
}

/** `killAfterMs`: SIGKILL that long after it began its work, whatever it is doing then. */
function runStart(request: StartRequest, killAfterMs?: number): Promise<void> {
  const script = join(__dirname, "..", "support", "start-node.ts");
  return new Promise((resolve, reject) => {
    const child = execFile(process.execPath, ["--import", "tsx", script], (error, _, stderr) =>
      error && killAfterMs === undefined ? reject(new Error(stderr)) : resolve(),
    );
    if (killAfterMs !== undefined) {
      child.stdout?.once("data", () => setTimeout(() => child.kill("SIGKILL"), killAfterMs));
    }
    child.stdin?.end(JSON.stringify(request));
  });
}

test("a saving child of a killed server, which holds the lock of nodes.conf, is ended by the next start", () =>
  withOne(async (cluster, node) => {
    const pid = await pidOf(cluster, node);
    expect(await cluster.cli(node, "debug", "populate", "1500000")).toBe("OK");
    await cluster.cli(node, "bgsave");
    let child: number | undefined;
    await until("saving child", async () => {
      child = (await processes.list()).find(({ parentPid }) => parentPid === pid)?.pid;
      return child !== undefined;
    });
    if (child === undefined) throw new Error("no child");
    process.kill(child, "SIGSTOP");
    await until("its title", async () => (await processes.command(child ?? 0)).join(" ").includes("bgsave"));
    process.kill(pid, "SIGKILL");
    await until("ended", async () => (await processes.status(pid)) === undefined);
    expect((await cluster.host.inspect(node)).process).toBe("stopped");
    await cluster.host.start(node);
    expect(await processes.status(child)).toBeUndefined();
    expect(await cluster.cli(node, "ping")).toBe("PONG");
  }));

test("a start waits while the data set loads; past its bound it says so and leaves the node loading", () =>
  withOne(
    async (cluster, node) => {
      expect(await cluster.cli(node, "debug", "populate", "3000")).toBe("OK");
      await cluster.cli(node, "save");
      await cluster.host.stop(node);
      // Debugging aid of Redis 6.2 and later: microseconds for each key that is loaded.
      cluster.setRedisConf(
        node.name,
        `${cluster.redisConfOf(node.name)}key-load-delay 1000\nloading-process-events-interval-bytes 1024\n`,
      );
      const begin = performance.now();
      await expect(cluster.host.start(node)).rejects.toThrow(
        /still loading its data after 1 s\. It keeps running/,
      );
      const pid = await pidOf(cluster, node);
      await expect(cluster.host.start(node)).rejects.toThrow(/still loading/);
      await cluster.hostWith("7.0", { loadTimeoutMs: 60_000 }).then((patient) => patient.start(node));
      expect(performance.now() - begin).toBeGreaterThan(2_500);
      expect(await pidOf(cluster, node)).toBe(pid);
      expect(await cluster.cli(node, "dbsize")).toBe("3000");
    },
    { line: "7.0", host: { loadTimeoutMs: 1_000 }, directives: { "enable-debug-command": "yes" } },
  ));

test("a stop that Redis refuses ends in a bounded time with Redis's reason", () =>
  withOne(
    async (cluster, node) => {
      expect(await cluster.cli(node, "debug", "populate", "10")).toBe("OK");
      // A folder in the place of dump.rdb: the save at shutdown fails, and Redis stays.
      await cluster.cli(node, "config", "set", "dbfilename", ".locks");
      mkdirSync(join(cluster.host.folderOf(node), ".locks", "x"), { recursive: true });
      await expect(cluster.host.stop(node, { timeoutMs: 1_500 })).rejects.toThrow(
        /had not ended 1\.5 s after SIGTERM[\s\S]*kill: true[\s\S]*rror/,
      );
      expect((await cluster.host.inspect(node)).process).toBe("running");
    },
    { directives: { save: "900 1" } },
  ));

const missing = whichIsMissing(["ps", "lsof"]);
if (missing.length > 0) console.warn(`not tried here, as ${missing.join(" and ")} is missing: ps and lsof`);
test.skipIf(missing.length > 0)(
  `without /proc, by ps and lsof${missing.length > 0 ? " (missing here)" : ""}: found without a pid file, not started twice, stopped`,
  () =>
    withOne(
      async (cluster, node) => {
        const pid = await pidOf(cluster, node);
        expect(await portableProcesses.listener(node.host, node.port)).toBe(pid);
        if (process.platform === "linux") {
          const [mine, linux] = [await portableProcesses.status(pid), await linuxProcesses.status(pid)];
          expect({ ...mine, mark: "" }).toEqual({ ...linux, mark: "" });
        }
        rmSync(processFile(cluster, node));
        await cluster.host.start(node);
        expect(await serversOf(cluster, node)).toEqual([pid]);
        rmSync(processFile(cluster, node));
        await cluster.host.stop(node);
        expect((await cluster.host.inspect(node)).process).toBe("stopped");
      },
      { processes: portableProcesses },
    ),
);

function whichIsMissing(programs: readonly string[]): string[] {
  return programs.filter((program) => {
    const { error } = spawnSync(program, ["-v"], { timeout: 10_000 });
    return error !== undefined && "code" in error && error.code === "ENOENT";
  });
}
