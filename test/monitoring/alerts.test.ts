/** Exporters, Prometheus and the kit's rules on a live cluster: quiet while it is healthy, and right when it is not. */
import { mkdir, readdir, readFile, rm, stat } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { apply } from "../../cluster/engine";
import { alertsOf, RECORDINGS } from "../../templates/monitoring/rules";
import { nodeOf } from "../support/live";
import { specOf } from "../support/specs";
import {
  eventually,
  type FiringAlert,
  startWatchedCluster,
  type WatchedCluster,
} from "./support/watched-cluster";

/** Found nowhere by accident. */
const PASSWORD = "monitored-kN83hQz0";
let watched: WatchedCluster;

beforeAll(async () => {
  watched = await startWatchedCluster({ password: PASSWORD });
}, 120_000);
afterAll(() => watched?.end());

const nameOf = ({ name, labels }: FiringAlert) => `${name} ${labels.node ?? labels.zone}`;
const firing = async () => [...new Set((await watched.firing()).map(nameOf))].sort();

async function quiet(): Promise<void> {
  await eventually("no alert fires", firing, (names) => names.length === 0, 90_000);
}

/** Waits until all of `expected` fire; everything that fires meanwhile must be of them or of `also`. */
async function fires(expected: readonly string[], also: readonly string[] = []): Promise<FiringAlert[]> {
  const seen = new Set<string>();
  const look = async () => {
    const now = await firing();
    for (const name of now) seen.add(name);
    return now;
  };
  await eventually(`${expected.join(", ")} fire`, look, (now) =>
    expected.every((name) => now.includes(name)),
  );
  const misleading = [...seen].filter((name) => !expected.includes(name) && !also.includes(name));
  expect(misleading).toEqual([]);
  return watched.firing();
}

describe("a healthy cluster", () => {
  test("has six exporters up, with the labels of their nodes, and the roles from metrics", async () => {
    await eventually(
      "six are up",
      () => watched.query("redis_up == 1"),
      (found) => found.length === 6,
    );
    const roles = await eventually(
      "six roles",
      () => watched.query("redis_kit:node_role"),
      (found) => found.length === 6,
    );
    const of = (name: string) => roles.find(({ metric }) => metric.node === name)?.metric;
    expect(of("s0-m0")).toMatchObject({ cluster: "test", shard: "1", zone: "a", role: "primary" });
    expect(of("s2-m1")).toMatchObject({ cluster: "test", shard: "3", zone: "a", role: "replica" });
  });

  test("has every slot in the exporters' own count", async () => {
    const [owned] = await watched.query(
      'sum(redis_script_values{key="slots_owned"} and on (node) redis_kit:node_role{role="primary"})',
    );
    expect(owned?.value).toBe(16384);
  });

  test("fires nothing, while every rule is evaluated without an error", async () => {
    await quiet();
    const answer = await (await fetch(`${watched.url}/api/v1/rules`)).text();
    expect(answer.match(/"health":"ok"/g)).toHaveLength(alertsOf().length + RECORDINGS.length);
    expect(answer).not.toContain('"lastError"');
  });

  test("is as declared to those who ensure it: nothing is started twice", async () => {
    expect(await watched.companions.ensure(watched.processes)).toEqual([]);
    const states = await watched.companions.inspect(watched.processes);
    expect(new Set(states.values())).toEqual(new Set(["as declared"]));
  });
});

test("the password is in no metric, no page, no argument, and no file that others can read", async () => {
  const pages = watched.monitored.flatMap(({ host, exporterPort }) => [
    `http://${host}:${exporterPort}/metrics`,
    `http://${host}:${exporterPort}/`,
  ]);
  const own = ["/api/v1/targets", "/api/v1/status/config", "/api/v1/rules"].map((path) => watched.url + path);
  for (const page of [...pages, ...own]) {
    const text = await (await fetch(page)).text();
    expect(text.length).toBeGreaterThan(100);
    expect(text, page).not.toContain(PASSWORD);
  }
  const folder = join(watched.local.dataDirectory, ".monitoring");
  let holders = 0;
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const { mode } = await stat(path);
    if (!entry.isFile()) continue;
    expect(mode & 0o077, path).toBe(0);
    if ((await readFile(path, "utf8")).includes(PASSWORD)) holders += 1;
    if (entry.name !== "process.json") continue;
    const { pid } = JSON.parse(await readFile(path, "utf8")) as { pid: number };
    expect(await readFile(`/proc/${pid}/cmdline`, "utf8")).not.toContain(PASSWORD);
    expect(await readFile(`/proc/${pid}/environ`, "utf8")).not.toContain(PASSWORD);
  }
  expect(holders).toBe(6);
});

describe("what goes wrong fires its own alert", () => {
  test("memory nearly full", async () => {
    const { local } = watched;
    const node = nodeOf(local, "s1-m0");
    const used = Number(/used_memory:(\d+)/.exec(await local.cli(node, "info", "memory"))?.[1]);
    await local.cli(node, "config", "set", "maxmemory", String(Math.round(used * 1.03)));
    const alerts = await fires(["RedisMemoryNearLimit s1-m0"]);
    expect(alerts[0]?.summary).toMatch(/^s1-m0 \(shard 2, zone b\) of test uses 9\d\.?\d*% of maxmemory$/);
    await local.cli(node, "config", "set", "maxmemory", "0");
    await quiet();
  });

  test("a snapshot that cannot be written", async () => {
    const { local } = watched;
    const node = nodeOf(local, "s2-m0");
    // A folder in its place: that stops root as well, whom a read-only folder does not.
    const dump = join(local.host.folderOf(node), "dump.rdb");
    await rm(dump, { force: true });
    await mkdir(join(dump, "taken"), { recursive: true });
    await local.cli(node, "bgsave");
    await fires(["RedisSnapshotFailing s2-m0"]);
    await rm(dump, { recursive: true });
    await local.cli(node, "bgsave");
    await quiet();
  });

  test("clients turned away: the node is not said to be down", async () => {
    const { local } = watched;
    const node = nodeOf(local, "s1-m0");
    await local.cli(node, "config", "set", "maxclients", "40");
    const clients = Array.from({ length: 60 }, () => idleClient(node.host, node.port));
    try {
      await fires(["RedisConnectionsRejected s1-m0"], ["RedisClientsNearLimit s1-m0"]);
      await eventually("it lasts", firing, (names) => names.includes("RedisConnectionsRejected s1-m0"));
    } finally {
      for (const client of clients) client.destroy();
    }
    await quiet();
    await local.cli(node, "config", "set", "maxclients", "1000");
  });

  test("a replica stopped", async () => {
    const { local } = watched;
    await local.host.stop(nodeOf(local, "s1-m1"));
    const alerts = await fires(["RedisNodeDown s1-m1", "RedisShardWithoutReplica s1-m0"]);
    expect(alerts.map(({ summary }) => summary)).toContain("s1-m1 (shard 2, zone c) of test is down");
    await local.host.start(nodeOf(local, "s1-m1"));
    await quiet();
  });

  test("an exporter stopped", async () => {
    const { companions, processes } = watched;
    await companions.ensure(processes.filter(({ name }) => name !== "exporter-s2-m1"));
    await fires(["RedisExporterDown s2-m1"]);
    expect(await companions.ensure(processes)).toEqual(["exporter-s2-m1"]);
    await quiet();
  });

  test("a primary killed: the node, its outage, the failover; all clear after healing", async () => {
    const { local } = watched;
    await local.host.stop(nodeOf(local, "s0-m0"), { kill: true });
    const outage = ["RedisReplicaLinkDown s0-m1", "RedisShardWithoutReplica s0-m1"];
    // Until the election, all of them see slots without a primary.
    const unserved = local.nodes.flatMap(({ name }) => [
      `RedisSlotsNotServed ${name}`,
      `RedisClusterStateNotOk ${name}`,
    ]);
    const alerts = await fires(
      ["RedisNodeDown s0-m0", "RedisFailoverHappened s0-m1"],
      [...outage, ...unserved],
    );
    const summaries = alerts.map(({ summary }) => summary);
    expect(summaries).toContain("s0-m0 (shard 1, zone a) of test is down");
    expect(summaries).toContain("s0-m1 (shard 1, zone b) of test has become primary");
    await fires(
      ["RedisZoneHoldsMajority b"],
      ["RedisNodeDown s0-m0", "RedisFailoverHappened s0-m1", ...outage],
    );
    await apply(specOf(local, { failback: true }), { hosts: () => local.host });
    await quiet();
  });
});

/** Connects and says nothing; refused or not. */
function idleClient(host: string, port: number): Socket {
  return connect({ host, port }).on("error", () => undefined);
}
