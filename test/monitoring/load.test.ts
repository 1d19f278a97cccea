/** `bench load`: figures of every client on both kinds of servers, where the requests went, and nothing left behind. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ioredisDriver } from "../../cli/load/ioredis";
import { removeKeys } from "../../cli/load/visitor";
import { run } from "../../cli/main";
import type { LoadReport } from "../../cli/print/load";
import type { NodeClient } from "../../cluster/client";
import { ioredisConnector } from "../../cluster/connection";
import { openSessions } from "../../cluster/engine";
import { infoNumber, parseInfo } from "../../cluster/parse";
import { watchCommandLines } from "../program/support/secrets";
import { type DeclaredCluster, startDeclaredCluster } from "../support/declared-cluster";
import { recordedIo } from "../unit/cli/support";

const ROOT = join(__dirname, "../..");
const CLIENTS = ["redis-benchmark SET", "redis-benchmark GET", "ioredis GET+SET"];

/** What every row must be, whatever the machine. */
function expectFigures({ rows, settings }: Pick<LoadReport, "rows" | "settings">, servers: string[]): void {
  expect(settings.seconds).toBe(1);
  expect(rows.map((row) => `${row.client}: ${row.servers}`)).toEqual(
    CLIENTS.flatMap((client) => servers.map((each) => `${client}: ${each}`)),
  );
  for (const { requestsPerSecond, p50Ms, p99Ms, nodes } of rows) {
    expect(requestsPerSecond).toBeGreaterThan(100);
    expect(p50Ms).toBeGreaterThan(0);
    expect(p99Ms).toBeGreaterThanOrEqual(p50Ms);
    for (const { cpu } of nodes) expect(cpu).toBeGreaterThanOrEqual(0);
  }
}

/** Keys are spread: every primary serves about a third. */
function expectSpread({ rows }: Pick<LoadReport, "rows">, primaries: readonly string[]): void {
  for (const { nodes, servers, client } of rows.filter(({ nodes }) => nodes.length > 1)) {
    const shares = nodes.filter(({ node }) => primaries.includes(node)).map((node) => node.requestsPerSecond);
    expect(shares, `${client} on ${servers}`).toHaveLength(3);
    // Two cores give busy servers unequal shares; a primary that no client was sent to would have none.
    expect(Math.min(...shares), `${client}: ${shares.join(", ")}`).toBeGreaterThan(
      0.25 * Math.max(...shares),
    );
  }
}

/** Reads of every node since its start, by whether they found their key. */
function lookups(clients: readonly NodeClient[]): Promise<{ hits: number; misses: number }[]> {
  const of = async (client: NodeClient) => {
    const info = parseInfo(String(await client.call("INFO", "stats")));
    return { hits: infoNumber(info, "keyspace_hits"), misses: infoNumber(info, "keyspace_misses") };
  };
  return Promise.all(clients.map(of));
}

describe("a live cluster of Redis 7.0 with a password", () => {
  let cluster: DeclaredCluster;
  let clients: NodeClient[] = [];
  const primaries = ["shard-1-a", "shard-2-a", "shard-3-a"];

  beforeAll(async () => {
    cluster = await startDeclaredCluster({ line: "7.0" });
    const { spec } = cluster.target;
    const nodes = spec.nodes.filter(({ member }) => member === 0);
    clients = await Promise.all(nodes.map((node) => ioredisConnector().connect(node, [spec.password])));
    for (const [at, client] of clients.entries()) await client.call("SET", `{${TAGS[at]}}`, "the user's");
  }, 120_000);
  afterAll(async () => {
    for (const client of clients) client.close();
    await cluster?.end();
  });
  /** Of slots 866, 7365 and 12182: one a shard. */
  const TAGS = ["hello", "c", "foo"];

  const load = (...args: string[]) => ["bench", "load", "--declaration", cluster.file, ...args];
  const leftovers = async () => {
    const keys = await Promise.all(clients.map((client) => client.call("DBSIZE")));
    const users = await Promise.all(clients.map((client) => client.call("ACL", "USERS")));
    return { keys, users };
  };
  const CLEAN = { keys: [1, 1, 1], users: [["default"], ["default"], ["default"]] };

  test("is measured through both clients; the password is in no argument, the user's keys are untouched", async () => {
    const lines = watchCommandLines(cluster.declaration.password);
    const { io, out, err } = recordedIo();
    const code = await run(load("--seconds", "1", "--json"), io);
    expect(lines.stop()).toEqual([]);
    expect(lines.samples()).toBeGreaterThan(10);
    expect(code, err()).toBe(0);
    const report = JSON.parse(out()) as LoadReport;
    expectFigures(report, ["one server", "drilled"]);
    expectSpread(report, primaries);
    expect(Number(/^[\d,]+/.exec(report.cleaning)?.[0].replaceAll(",", ""))).toBeGreaterThan(1000);
    expect(report.cleaning).toContain("no other was touched");
    expect(report.limits.join(" ")).toMatch(/\d+ cores .* load/);
    expect(await leftovers()).toEqual(CLEAN);
  }, 120_000);

  test("ioredis finds every key that it asks for, on every primary", async () => {
    const { spec, hosts } = cluster.target;
    const prefix = "redis-cluster-kit:load:hits:";
    const nodes = spec.nodes.filter(({ member }) => member === 0);
    const before = await lookups(clients);
    const [entrance] = nodes;
    if (entrance === undefined) throw new Error("no node");
    const loaded = { label: spec.name, isCluster: true, spec, entrance, reach: { hosts } };
    const settings = { seconds: 1, clients: 50, pipeline: 1 };
    const signal = new AbortController().signal;
    const ready = await ioredisDriver(prefix).ready({ ...loaded, login: { kind: "open" } }, settings, signal);
    await ready.drive().finally(ready.close);
    const sessions = openSessions(spec, { hosts }, "redis-cluster-kit:load", 10_000);
    await removeKeys(nodes, sessions, prefix).finally(() => sessions.close());
    const after = await lookups(clients);
    for (const [at, { hits, misses }] of after.entries()) {
      expect(hits - (before[at]?.hits ?? 0), primaries[at]).toBeGreaterThan(100);
      expect(misses - (before[at]?.misses ?? 0), primaries[at]).toBe(0);
    }
    expect(await leftovers()).toEqual(CLEAN);
  }, 60_000);

  test("interrupted, is left as it was", async () => {
    const controller = new AbortController();
    const { io, err } = recordedIo({ interruption: () => controller.signal });
    const running = run(load("--seconds", "4"), io);
    await expect.poll(() => err(), { timeout: 60_000 }).toContain("redis-benchmark SET on drilled");
    await expect.poll(() => clients[0]?.call("DBSIZE"), { timeout: 30_000 }).not.toBe(1);
    controller.abort();
    expect(await running).toBe(1);
    expect(err()).toContain("of this run");
    expect(await leftovers()).toEqual(CLEAN);
  }, 120_000);

  test("is not loaded where it has no room or is not healthy", async () => {
    const [client] = clients;
    await client?.call("CONFIG", "SET", "maxmemory", "12mb");
    const full = recordedIo();
    expect(await run(load("--seconds", "1"), full.io)).toBe(2);
    expect(full.err()).toMatch(/shard-1-a has .* left below its maxmemory/);
    await client?.call("CONFIG", "SET", "maxmemory", "64mb");
    const [, replica] = cluster.target.spec.nodes.filter(({ shard }) => shard === 0);
    if (replica === undefined) throw new Error("no replica");
    await cluster.target.hosts(replica).stop(replica);
    const ill = recordedIo();
    expect(await run(load("--seconds", "1"), ill.io)).toBe(2);
    expect(ill.err()).toContain("is not healthy and is not loaded");
    expect(await leftovers()).toEqual(CLEAN);
  }, 60_000);
});

test("`npm run bench load` does the same on servers of its own, of a Redis without users", async () => {
  const args = ["--require", join(ROOT, "scripts/ts.cjs"), join(ROOT, "bench/load.ts"), "--seconds", "1"];
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: ROOT, timeout: 110_000 });
  const rows = CLIENTS.flatMap(
    (client) => stdout.match(new RegExp(`^${client.replace("+", "\\+")} .*$`, "gm")) ?? [],
  );
  expect(rows).toHaveLength(6);
  for (const client of CLIENTS)
    expect(stdout).toMatch(
      new RegExp(`^${client.replace("+", "\\+")}: [\\d.]+ times one server's requests$`, "m"),
    );
  expect(stdout).toMatch(/^s0-m1 +[\d,]+\/s \d+%/m);
}, 120_000);
