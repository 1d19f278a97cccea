/** Exporters, Prometheus and the kit's rules on a live cluster: quiet while it is healthy, and right when it is not. */
import { randomUUID } from "node:crypto";
import { mkdir, readdir, readFile, rm, stat } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ioredisConnector } from "../../cluster/connection";
import { apply } from "../../cluster/engine";
import type { NodeSpec } from "../../cluster/spec";
import { errorText } from "../../hosts/local/files";
import { alertsOf, recordingsOf } from "../../templates/monitoring/rules";
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

const nameOf = (labels: Readonly<Record<string, string>>, name = labels.alertname) =>
  `${name} ${labels.node ?? labels.zone}`;
const firing = async () =>
  [...new Set((await watched.firing()).map(({ labels, name }) => nameOf(labels, name)))].sort();

async function quiet(): Promise<void> {
  await eventually("no alert fires", firing, (names) => names.length === 0, 90_000);
}

/** All that fired since then, also for a moment between two looks, as Prometheus has written it down. */
async function firedSince(startSeconds: number): Promise<string[]> {
  const series = await watched.range('ALERTS{alertstate="firing"}', startSeconds, Date.now() / 1000, 1);
  return [...new Set(series.map(({ metric }) => nameOf(metric)))].sort();
}

/** `expected` fire, and clear when healed; from beginning to end nothing else does but `also`, which may. */
interface Trouble {
  readonly expected: readonly string[];
  readonly also?: readonly string[];
  readonly heal: () => Promise<unknown>;
  /** While they fire. */
  readonly meanwhile?: (alerts: readonly FiringAlert[]) => unknown;
}

async function trouble(breaking: () => Promise<unknown>, { expected, also = [], heal, meanwhile }: Trouble) {
  const begunSeconds = Date.now() / 1000;
  await breaking();
  try {
    await eventually(`${expected.join(", ")} fire`, firing, (now) =>
      expected.every((name) => now.includes(name)),
    );
    await meanwhile?.(await watched.firing());
  } finally {
    await heal();
  }
  await quiet();
  const fired = await firedSince(begunSeconds);
  expect(fired.filter((name) => !also.includes(name) || expected.includes(name))).toEqual(
    [...expected].sort(),
  );
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
    const recordings = recordingsOf({ cluster: "test", nodes: watched.monitored });
    expect(answer.match(/"health":"ok"/g)).toHaveLength(alertsOf().length + recordings.length);
    expect(answer).not.toContain('"lastError"');
  });

  test("tells of no lag under writes that its replicas follow, more in a second than a replica may be behind", async () => {
    const begunSeconds = Date.now() / 1000;
    const busy = 'node="s1-m0"';
    const fast = `rate(redis_master_repl_offset{${busy}}[5s]) > ${10 * MIB}`;
    let isOver = false;
    const writing = overwrite(nodeOf(watched.local, "s1-m0"), () => isOver);
    try {
      await eventually(
        "more than 10 MiB are written in a second",
        () => watched.query(fast),
        (found) => found.length === 1,
      );
      // Longer than a lag must last, and both of its sides are there to be compared.
      await sleep(8_000);
      const online = `redis_connected_slave_offset_bytes{${busy},slave_state="online"}`;
      expect(await watched.query(online)).toHaveLength(1);
    } finally {
      isOver = true;
      await writing;
    }
    expect(await firedSince(begunSeconds)).toEqual([]);
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

describe("what goes wrong fires its own alert and no other, and clears", () => {
  test("memory filled until writes are refused", async () => {
    const { local } = watched;
    const node = nodeOf(local, "s1-m0");
    const used = Number(/used_memory:(\d+)/.exec(await local.cli(node, "info", "memory"))?.[1]);
    const fill = async () => {
      await local.cli(node, "config", "set", "maxmemory", String(used + 8 * MIB));
      expect(await write(node, { values: 120, bytes: 100_000 })).toMatch(/^OOM /);
    };
    await trouble(fill, {
      expected: ["RedisMemoryNearLimit s1-m0"],
      meanwhile: ([alert]) =>
        expect(alert?.summary).toMatch(
          /^s1-m0 \(shard 2, zone b\) of test uses (9\d|10\d)\.?\d*% of maxmemory$/,
        ),
      heal: async () => {
        await local.cli(node, "config", "set", "maxmemory", "0");
        await local.cli(node, "flushall");
      },
    });
  });

  test("a cache that is too small: evictions, not memory", async () => {
    const { local } = watched;
    const node = nodeOf(local, "s1-m0");
    const used = Number(/used_memory:(\d+)/.exec(await local.cli(node, "info", "memory"))?.[1]);
    let writing: Promise<unknown> | undefined;
    let isOver = false;
    const overfill = async () => {
      await local.cli(node, "config", "set", "maxmemory-policy", "allkeys-lru");
      await local.cli(node, "config", "set", "maxmemory", String(used + MIB));
      writing = (async () => {
        while (!isOver) await write(node, { values: 100, bytes: 10_000 }).then(() => sleep(500));
      })();
    };
    await trouble(overfill, {
      expected: ["RedisEvicting s1-m0"],
      heal: async () => {
        isOver = true;
        await writing;
        await local.cli(node, "config", "set", "maxmemory", "0");
        await local.cli(node, "config", "set", "maxmemory-policy", "noeviction");
      },
    });
  });

  test("a snapshot that cannot be written", async () => {
    const { local } = watched;
    const node = nodeOf(local, "s2-m0");
    const dump = join(local.host.folderOf(node), "dump.rdb");
    const obstruct = async () => {
      // A folder in its place: that stops root as well, whom a read-only folder does not.
      await rm(dump, { force: true });
      await mkdir(join(dump, "taken"), { recursive: true });
      await local.cli(node, "bgsave");
    };
    await trouble(obstruct, {
      expected: ["RedisSnapshotFailing s2-m0"],
      heal: async () => {
        await rm(dump, { recursive: true });
        await local.cli(node, "bgsave");
      },
    });
  });

  test("an append-only file that cannot be written anew, its folder being gone", async () => {
    const { local } = watched;
    const node = nodeOf(local, "s2-m0");
    const own = local.host.folderOf(node);
    const gone = join(own, "gone");
    const lose = async () => {
      await mkdir(gone);
      expect(await local.cli(node, "config", "set", "dir", gone)).toBe("OK");
      await rm(gone, { recursive: true });
      await local.cli(node, "bgrewriteaof");
    };
    await trouble(lose, {
      expected: ["RedisAppendOnlyFileFailing s2-m0"],
      heal: async () => {
        expect(await local.cli(node, "config", "set", "dir", own)).toBe("OK");
        await local.cli(node, "bgrewriteaof");
      },
    });
  });

  test("clients turned away: the node is not said to be down", async () => {
    const { local } = watched;
    const node = nodeOf(local, "s1-m0");
    let clients: Socket[] = [];
    const crowd = async () => {
      await local.cli(node, "config", "set", "maxclients", "40");
      clients = Array.from({ length: 60 }, () => idleClient(node.host, node.port));
    };
    await trouble(crowd, {
      expected: ["RedisConnectionsRejected s1-m0"],
      also: ["RedisClientsNearLimit s1-m0"],
      // As long as it takes to call a node down.
      meanwhile: () => sleep(5_000),
      heal: async () => {
        for (const client of clients) client.destroy();
        await eventually(
          "maxclients is put back",
          () => local.cli(node, "config", "set", "maxclients", "1000"),
          (answer) => answer === "OK",
        );
      },
    });
  });

  test("a slot that nobody serves", async () => {
    const { local } = watched;
    const node = nodeOf(local, "s0-m0");
    await trouble(() => local.cli(node, "cluster", "delslots", "0"), {
      expected: ["RedisClusterStateNotOk s0-m0", "RedisSlotsNotServed s0-m0"],
      heal: () => local.cli(node, "cluster", "addslots", "0"),
    });
  });

  test("a replica stopped", async () => {
    const { local } = watched;
    const node = nodeOf(local, "s1-m1");
    await trouble(() => local.host.stop(node), {
      expected: ["RedisNodeDown s1-m1", "RedisShardWithoutReplica s1-m0"],
      meanwhile: (alerts) =>
        expect(alerts.map(({ summary }) => summary)).toContain("s1-m1 (shard 2, zone c) of test is down"),
      heal: () => local.host.start(node),
    });
  });

  test("an exporter stopped", async () => {
    const { companions, processes } = watched;
    const others = processes.filter(({ name }) => name !== "exporter-s2-m1");
    await trouble(() => companions.ensure(others), {
      expected: ["RedisExporterDown s2-m1"],
      heal: async () => expect(await companions.ensure(processes)).toEqual(["exporter-s2-m1"]),
    });
  });

  test("a server gone, its exporter with it: missed by its shard", async () => {
    const { companions, local, processes } = watched;
    const node = nodeOf(local, "s2-m1");
    const lose = async () => {
      await companions.ensure(processes.filter(({ name }) => name !== "exporter-s2-m1"));
      await local.host.stop(node, { kill: true });
    };
    await trouble(lose, {
      expected: ["RedisExporterDown s2-m1", "RedisNodeMissing s2-m1", "RedisShardWithoutReplica s2-m0"],
      heal: async () => {
        await local.host.start(node);
        await companions.ensure(processes);
      },
    });
  });

  test("a primary killed: the node, its outage, the failover", async () => {
    const { local } = watched;
    const outage = ["RedisReplicaLinkDown s0-m1", "RedisShardWithoutReplica s0-m1"];
    // Until the election, all of them see slots without a primary.
    const unserved = local.nodes.flatMap(({ name }) => [
      `RedisSlotsNotServed ${name}`,
      `RedisClusterStateNotOk ${name}`,
    ]);
    await trouble(() => local.host.stop(nodeOf(local, "s0-m0"), { kill: true }), {
      expected: ["RedisNodeDown s0-m0", "RedisFailoverHappened s0-m1", "RedisZoneHoldsMajority b"],
      // The node that gets its shard back is made primary, too.
      also: [...outage, ...unserved, "RedisFailoverHappened s0-m0"],
      meanwhile: (alerts) => {
        const summaries = alerts.map(({ summary }) => summary);
        expect(summaries).toContain("s0-m0 (shard 1, zone a) of test is down");
        expect(summaries).toContain("s0-m1 (shard 1, zone b) of test has become primary");
      },
      heal: () => apply(specOf(local, { failback: true }), { hosts: () => local.host }),
    });
  });
});

const MIB = 1024 ** 2;

/** Writes keys of the node's own slots, one after the other: what waits in buffers would count as memory. Returns the last answer. */
async function write(node: NodeSpec, { values, bytes }: { values: number; bytes: number }): Promise<string> {
  const client = await ioredisConnector().connect(node, [PASSWORD]);
  const value = "v".repeat(bytes);
  try {
    let answer = "";
    // Slot 7365: of the second shard.
    for (let written = 0; written < values && !answer.startsWith("OOM"); written++)
      answer = await client.call("SET", `{c}:${randomUUID()}`, value, "EX", 120).then(String, errorText);
    return answer;
  } finally {
    client.close();
  }
}

/** Overwrites a key of the node's own, some 20 MiB a second, until it is over. */
async function overwrite(node: NodeSpec, isOver: () => boolean): Promise<void> {
  const client = await ioredisConnector().connect(node, [PASSWORD]);
  const value = "v".repeat(MIB);
  try {
    while (!isOver()) {
      await client.pipeline(Array.from({ length: 2 }, () => ["SET", "{c}:overwritten", value] as const));
      await sleep(40);
    }
    await client.call("DEL", "{c}:overwritten");
  } finally {
    client.close();
  }
}

/** Connects and says nothing; refused or not. */
function idleClient(host: string, port: number): Socket {
  return connect({ host, port }).on("error", () => undefined);
}
