/** Files of a node: who may read them, when they are written, and that the password is in redis.conf alone. */
import { chmodSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import type { NodeSpec } from "../../cluster/spec";
import { sha256Hex } from "../../hosts/local/files";
import { type LocalNodes, type LocalNodesOptions, withLocalNodes } from "../support/local-nodes";

const SECRET = "correct-horse-battery";

function withOne<T>(
  body: (cluster: LocalNodes, node: NodeSpec) => Promise<T>,
  options: LocalNodesOptions = {},
): Promise<T> {
  return withLocalNodes({ shards: 1, password: SECRET, ...options }, (cluster) => {
    const [node] = cluster.nodes;
    if (!node) throw new Error("no node");
    return body(cluster, node);
  });
}

test("the password is in no argument, no environment, no log and no file but redis.conf", async () => {
  vi.stubEnv("PULUMI_CONFIG_PASSPHRASE", SECRET);
  await withOne(
    async (cluster, node) => {
      // Redis overwrites its arguments and environment with its title, so a wrapper writes down what it was given.
      const folder = cluster.host.folderOf(node);
      const server = join(cluster.dataDirectory, "wrapper");
      const script = `#!/bin/sh\nenv > given-env\nprintf '%s\\n' "$@" > given-args\nexec "${cluster.binaries.server}" "$@"\n`;
      writeFileSync(server, script, { mode: 0o700 });
      const resolveServer = async () => ({ ...cluster.binaries, server });
      await (await cluster.hostWith("5.0", { resolveServer })).start(node);
      expect(await cluster.cli(node, "ping")).toBe("PONG");

      expect(readFileSync(join(folder, "given-args"), "utf8")).toBe(
        `${join(folder, "redis.conf")}\n--daemonize\nno\n`,
      );
      const names = readFileSync(join(folder, "given-env"), "utf8").match(/^\w+(?==)/gm) ?? [];
      expect(names).toEqual(expect.arrayContaining(["LC_ALL", "PATH"]));
      // OLDPWD, PWD, SHLVL and _ are the shell's own.
      const allowed = ["LC_ALL", "OLDPWD", "PATH", "PWD", "SHLVL", "TZ", "_"];
      expect(names.filter((name) => !allowed.includes(name))).toEqual([]);
      const holders = readdirSync(folder).filter((name) => readFileSync(join(folder, name)).includes(SECRET));
      expect(holders).toEqual(["redis.conf"]);
    },
    { start: false },
  );
  vi.unstubAllEnvs();
});

test.each(["5.0", "7.0"] as const)(
  "Redis %s quotes a bad line in its log: the error does not show the password in it",
  (line) =>
    withOne(
      async (cluster, node) => {
        cluster.setRedisConf(
          node.name,
          `${cluster.redisConfOf(node.name)}requirepass ${SECRET} other-words\n`,
        );
        const error: unknown = await cluster.host.start(node).catch((reason: unknown) => reason);
        expect(String(error)).toContain("requirepass (not shown)");
        expect(String(error)).not.toMatch(/correct-horse|other-words/);
        expect(await cluster.host.logTail(node, 20)).not.toMatch(/correct-horse|other-words/);
        const log = readFileSync(join(cluster.host.folderOf(node), "redis.log"), "utf8");
        expect(log).toContain("requirepass (not shown)");
        expect(log).not.toMatch(/correct-horse|other-words/);
      },
      { line, start: false },
    ),
);

test("prepare writes only what differs, and never touches the process", () =>
  withOne(async (cluster, node) => {
    const file = join(cluster.host.folderOf(node), "redis.conf");
    const before = statSync(file);
    const { pid, configSha256 } = await cluster.host.inspect(node);
    expect(configSha256).toBe(sha256Hex(cluster.redisConfOf(node.name)));
    expect(await cluster.host.prepare(node)).toBe(false);
    expect(statSync(file).mtimeMs).toBe(before.mtimeMs);

    cluster.setRedisConf(node.name, `${cluster.redisConfOf(node.name)}timeout 7\n`);
    expect(await cluster.host.prepare(node)).toBe(true);
    const after = await cluster.host.inspect(node);
    expect(after.pid).toBe(pid);
    expect(after.configSha256).toBe(sha256Hex(cluster.redisConfOf(node.name)));
    expect(await cluster.cli(node, "config", "get", "timeout")).toBe("timeout\n0");

    chmodSync(file, 0o644);
    expect(await cluster.host.prepare(node)).toBe(true);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readdirSync(cluster.host.folderOf(node)).filter((name) => name.endsWith(".tmp"))).toEqual([]);
  }));

test("node.json keeps the fields of the declaration, for a later one that no longer has the node", () =>
  withOne(async ({ host }, node) => {
    expect(host.knownNodes()).toEqual([node]);
    expect(await host.prepare({ ...node, zone: "z" } as NodeSpec)).toBe(true);
    expect(host.knownNodes()).toEqual([{ ...node, zone: "z" }]);
  }));

test("a log above its bound is kept once, at the next start", () =>
  withOne(
    async ({ host }, node) => {
      const log = join(host.folderOf(node), "redis.log");
      await host.stop(node);
      expect(existsSync(`${log}.1`)).toBe(false);
      await host.start(node);
      expect(statSync(`${log}.1`).mode & 0o777).toBe(0o600);
      expect(readFileSync(`${log}.1`, "utf8")).toContain("ready to exit");
      expect(readFileSync(log, "utf8")).not.toContain("ready to exit");
    },
    { host: { maxLogBytes: 100 } },
  ));

test("Redis is looked for once, and an inspection does not build it", async () => {
  let resolved = 0;
  const lines: string[] = [];
  await withOne(
    async ({ host, nodes, hostWith, binaries }) => {
      const counted = await hostWith("5.0", {
        resolveServer: async () => ({ ...binaries, note: `chosen ${++resolved}` }),
        peekServer: async () => ({ version: "5.0.14" }),
        report: (line) => lines.push(line),
      });
      for (const node of nodes)
        expect(await counted.inspect(node)).toMatchObject({ installedVersion: "5.0.14" });
      expect(resolved).toBe(0);
      await Promise.all(nodes.map((node) => counted.start(node)));
      expect(lines).toEqual(["chosen 1"]);
      const broken = await hostWith("5.0", {
        resolveServer: async () => Promise.reject(new Error("no compiler")),
      });
      const [node] = nodes;
      if (!node) throw new Error("no node");
      expect(await broken.inspect(node)).toMatchObject({ process: "running", detail: "no compiler" });
      expect((await host.inspect(node)).detail).toBeUndefined();
    },
    { shards: 3, start: false },
  );
});

test("probe tells whether the bus port accepts", () =>
  withOne(async ({ host }, node) => {
    expect(await host.probe(node, node.host, node.busPort, 2_000)).toBe("open");
    await host.stop(node);
    expect(await host.probe(node, node.host, node.busPort, 2_000)).toBe("refused");
  }));
