/** What the local host refuses, and whether its errors name the thing, its holder and the cure. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import type { NodeSpec } from "../../cluster/spec";
import type { HostNode } from "../../hosts/host";
import { createLocalHost, type LocalHostOptions } from "../../hosts/local";
import { type LocalNodes, type LocalNodesOptions, withLocalNodes } from "../support/local-nodes";
import { freePorts } from "../support/ports";
import { redisBinaries } from "../support/redis-binaries";

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

function listen(port: number): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"));
    server.once("error", reject);
    server.listen(port, "127.0.0.1", () => resolve(server));
    cleanups.push(() => new Promise((closed) => server.close(closed)));
  });
}

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), "redis-cluster-kit-test-"));
  cleanups.push(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

async function hostAt(dataDirectory: string, more: Partial<LocalHostOptions> = {}) {
  const binaries = await redisBinaries("5.0");
  const [port = 0] = await freePorts(1);
  const node: HostNode = { name: "n0", host: "127.0.0.1", port, busPort: port + 10_000 };
  const host = createLocalHost({
    clusterName: "test",
    dataDirectory,
    files: () => ({ redisConf: `port ${port}\nbind 127.0.0.1\ncluster-enabled yes\nmaxclients 100\n` }),
    resolveServer: async () => binaries,
    ...more,
  });
  return { host, node };
}

async function messageOf(work: Promise<unknown>): Promise<string> {
  const error: unknown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof Error)) throw new Error("nothing was refused");
  expect(error.name).toBe("UserError");
  return error.message;
}

function unstarted<T>(
  body: (cluster: LocalNodes, nodes: readonly NodeSpec[]) => Promise<T>,
  options: LocalNodesOptions = {},
): Promise<T> {
  return withLocalNodes({ start: false, shards: 2, ...options }, (cluster) => body(cluster, cluster.nodes));
}

test("ports taken by other programs: one error names every port, which it is, node, holder and cure", () =>
  unstarted(async ({ host }, nodes) => {
    const [first, second] = nodes;
    if (!first || !second) throw new Error("two nodes expected");
    await listen(first.port);
    await listen(second.busPort);
    const message = await messageOf(host.preflight(nodes));
    expect(message).toContain("2 problems; nothing was started");
    expect(message).toContain(`node "s0-m0": data port 127.0.0.1:${first.port} is taken by node`);
    expect(message).toContain(`node "s1-m0": cluster bus port 127.0.0.1:${second.busPort} is taken by node`);
    expect(message.match(new RegExp(`pid ${process.pid}\\)`, "g"))).toHaveLength(2);
    expect(message).toContain("pulumi config set basePort");
    expect(await host.inspect(first)).toMatchObject({
      process: "stopped",
      portHolder: { port: first.port, description: expect.stringContaining(`pid ${process.pid}`) },
    });
    // A start does not believe the foreign program's answer to be the node's either.
    expect(await messageOf(host.start(first))).toContain(`${first.port} is taken by node`);
    expect(await messageOf(host.start(second))).toContain(`${second.busPort} is taken by node`);
    expect((await host.inspect(second)).process).toBe("stopped");
  }));

test("ports held by another checkout's cluster: its name and folder are told; own running nodes are no problem", () =>
  withLocalNodes({ shards: 1 }, async (other) => {
    await other.host.preflight(other.nodes);
    const [holder] = other.nodes;
    if (!holder) throw new Error("one node expected");
    const { host } = await hostAt(folder());
    const message = await messageOf(host.preflight([{ ...holder, name: "mine" }]));
    expect(message).toContain(`redis-server 127.0.0.1:${holder.port} [cluster] (pid`);
    expect(message).toContain(`node "s0-m0" of the cluster "test" in ${other.dataDirectory}`);
  }));

test("an address that this machine does not have", async () => {
  const { host, node } = await hostAt(folder());
  const message = await messageOf(host.preflight([{ ...node, host: "192.0.2.1" }]));
  expect(message).toContain("this machine has no address 192.0.2.1");
});

test("a bad directive: Redis's own words, the node and the cure; nothing stays", () =>
  unstarted(async (cluster, [node]) => {
    if (!node) throw new Error("one node expected");
    cluster.setRedisConf(node.name, `${cluster.redisConfOf(node.name)}maxmemory-polizy noeviction\n`);
    const message = await messageOf(cluster.host.start(node));
    expect(message).toContain(
      `node "s0-m0" (127.0.0.1:${node.port}): redis-server ended at its start (exit code 1)`,
    );
    expect(message).toContain(">>> 'maxmemory-polizy noeviction'");
    expect(message).toContain("Bad directive or wrong number of arguments");
    expect(message).toContain("Correct that directive");
    expect((await cluster.host.inspect(node)).process).toBe("stopped");
  }));

test("a damaged append-only file: the error names redis-check-aof and does not advise to cut blindly", () =>
  unstarted(
    async ({ host }, [node]) => {
      if (!node) throw new Error("one node expected");
      writeFileSync(
        join(host.folderOf(node), "appendonly.aof"),
        "*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\nnonsense\r\n",
      );
      const message = await messageOf(host.start(node));
      expect(message).toContain("Bad file format reading the append only file");
      expect(message).toMatch(/redis-check-aof FILE` in .*s0-m0/);
      expect(message).toContain("copy it first");
    },
    { directives: { appendonly: "yes" } },
  ));

test("a file in the way of the data directory", async () => {
  const base = folder();
  writeFileSync(join(base, "file"), "");
  const { host, node } = await hostAt(join(base, "file", "data"));
  const message = await messageOf(host.preflight([node]));
  expect(message).toContain(`${join(base, "file")} is not a folder`);
  expect(message).toContain("pulumi config set dataDirectory");
  expect(await messageOf(host.prepare(node))).toContain("cannot be created (ENOTDIR");
});

test("a file in the way of one node's folder", async () => {
  const base = folder();
  writeFileSync(join(base, "n0"), "");
  const { host, node } = await hostAt(base);
  expect(await messageOf(host.preflight([node]))).toContain(`${join(base, "n0")} is not a folder`);
});

test("a directory of another cluster", async () => {
  const base = folder();
  const { host, node } = await hostAt(base);
  await host.prepare(node);
  const { host: other } = await hostAt(base, { clusterName: "staging" });
  for (const act of [() => other.preflight([node]), () => other.prepare(node), () => other.start(node)]) {
    const message = await messageOf(act());
    expect(message).toContain(`${base} belongs to the cluster "test", this is "staging"`);
    expect(message).toContain("pulumi config set dataDirectory");
  }
});

test("too long a path, and too little space", async () => {
  const base = folder();
  const long = join(base, ...Array.from({ length: 10 }, () => "x".repeat(100)));
  const { host, node } = await hostAt(long);
  expect(await messageOf(host.preflight([node]))).toMatch(/\d+ bytes long, Redis takes 900/);
  const { host: full } = await hostAt(base, { minFreeBytes: 2 ** 60 });
  expect(await messageOf(full.preflight([node]))).toMatch(
    /\d+ MiB free on its disk, 1099511627776 MiB needed/,
  );
});

test("more clients than open files are allowed", async () => {
  const files = () => ({ redisConf: "maxclients 2000000000\n" });
  const { host, node } = await hostAt(folder(), { files });
  const message = await messageOf(host.preflight([node]));
  expect(message).toMatch(/maxclients 2000000000 needs 2000000032 open files, the hard limit here is \d+/);
  expect(message).toContain("Lower maxclients");
});

test("preflight changes nothing", async () => {
  const base = join(folder(), "data");
  const { host, node } = await hostAt(base);
  await host.preflight([node]);
  expect(statSync(base, { throwIfNoEntry: false })).toBeUndefined();
});

test("purge refuses a running node, then deletes a stopped one, and is content when there is none", () =>
  withLocalNodes(
    { shards: 1, spares: 1 },
    async ({ host, nodes: [node], spares: [spare], dataDirectory }) => {
      if (!node || !spare) throw new Error("two nodes expected");
      expect(host.knownNodes().map(({ name }) => name)).toEqual(["s0-m0", "s1-m0"]);
      expect(await messageOf(host.purge(node))).toMatch(
        /"s0-m0": its process \(pid \d+\) runs, so its data is not deleted/,
      );
      expect(readFileSync(join(host.folderOf(node), `nodes-${node.port}.conf`), "utf8")).toContain("myself");
      await host.stop(node);
      await host.purge(node);
      await host.purge(node);
      expect(statSync(host.folderOf(node), { throwIfNoEntry: false })).toBeUndefined();
      expect(await host.inspect(node)).toMatchObject({ process: "stopped", data: "empty" });
      expect(host.knownNodes()).toEqual([spare]);
      await host.purge(spare);
      // Nobody's any more: another cluster may use the directory.
      const { host: other, node: fresh } = await hostAt(dataDirectory, { clusterName: "another" });
      await other.prepare(fresh);
    },
  ));

test("a node name that would leave the data directory", async () => {
  const { host, node } = await hostAt(folder());
  for (const name of ["../x", "", ".", "a/b", "a\nb", "-rf"]) {
    expect(await messageOf(host.prepare({ ...node, name }))).toContain("it becomes a folder name");
  }
});

test("a node that is not declared keeps the file in place; without one it is refused", async () => {
  const base = folder();
  const { host, node } = await hostAt(base);
  await host.prepare(node);
  const { host: later } = await hostAt(base, { files: () => undefined });
  expect(await later.prepare(node)).toBe(false);
  expect(later.knownNodes()).toEqual([node]);
  mkdirSync(join(base, "n1"));
  expect(await messageOf(later.prepare({ ...node, name: "n1" }))).toContain(
    '"n1" is not declared and has no redis.conf',
  );
});

test("refuses to start an older Redis on the data of a newer one, and starts it again with the newer", async () => {
  await withLocalNodes({ line: "7.0", shards: 1 }, async (cluster) => {
    const [node] = cluster.nodes;
    if (!node) throw new Error("no node");
    expect(await cluster.host.inspect(node)).toMatchObject({ dataVersion: cluster.binaries.version });
    await cluster.host.stop(node);
    const older = await cluster.hostWith("5.0");
    await expect(older.start(node)).rejects.toThrow(
      /written by Redis 7\.0\.\d+, which 5\.0\.\d+ cannot read/,
    );
    expect(await cluster.host.inspect(node)).toMatchObject({ process: "stopped" });
    await cluster.host.start(node);
  });
});
