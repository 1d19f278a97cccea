/** What a server's timer runs: the same backups as the command line's, by sh and redis-cli alone. */
import { execFileSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openFolder } from "../../backup/folder-place";
import { backupId, type Manifest, readManifest } from "../../backup/manifest";
import { MARKER_KEY } from "../../backup/marker";
import { keptBy } from "../../backup/prune";
import { ioredisConnector } from "../../cluster/connection";
import { apply } from "../../cluster/engine";
import { lockName } from "../../cluster/lock";
import type { NodeSpec } from "../../cluster/spec";
import { type DeclaredCluster, startDeclaredCluster } from "../support/declared-cluster";
import { redisBinaries } from "../support/redis-binaries";
import { kit } from "./support/command";
import { differences, digestAll, targetOf, writeDataset } from "./support/dataset";
import { withStrays } from "./support/stray";
import { runTimer, startTimer, stateOf, type TimerOptions } from "./support/timer";

const KEYS = 3_000;
const ROOM = { maxmemory: "512mb" };

let folder: string;
let place: string;
let source: DeclaredCluster;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "redis-cluster-kit-backup-"));
  place = join(folder, "place");
  await mkdir(place);
  source = await startDeclaredCluster({ redis: ROOM });
  await writeDataset(targetOf(source), 0, KEYS);
});

afterAll(async () => {
  await source?.end();
  await rm(folder, { recursive: true, force: true });
});

describe("the timer of a server", () => {
  it("takes a backup that verify accepts and that restores to the last key", async () => {
    const before = await digestAll(targetOf(source));
    const ended = await runTimer({ cluster: source, place, folder });
    expect(ended.err).toBe("");
    expect(ended.exitCode, ended.out).toBe(0);
    console.log(ended.out);
    const manifest = await newestIn(place);
    const { id } = manifest;
    expect(manifest.keys).toBe(before.size);
    expect(manifest.shards.map(({ role }) => role)).toEqual(["replica", "replica", "replica"]);
    expect(manifest.warnings).toEqual([]);
    expect(manifest.nodes[0]?.redisConf).toContain("# requirepass: not kept in backups");
    expect(JSON.stringify(manifest)).not.toContain(source.target.spec.password);
    expect((await stat(join(place, id))).mode & 0o777).toBe(0o700);
    expect((await stat(join(place, id, "shard-1.rdb"))).mode & 0o777).toBe(0o600);

    const verified = await kit(folder, "backup", "verify", "--in", place);
    expect(verified.exitCode, verified.err).toBe(0);
    const metrics = await readFile(join(stateOf(folder), "redis-cluster-kit-backup-drilled.prom"), "utf8");
    expect(metrics).toContain(`redis_cluster_kit_backup_last_success_keys{cluster="drilled"} ${before.size}`);

    const into = await startDeclaredCluster({ redis: ROOM, line: "7.0", shards: 4 });
    try {
      const restored = await kit(folder, "restore", "--from", join(place, id), "--declaration", into.file);
      expect(restored.exitCode, restored.err).toBe(0);
      expect(differences(before, await digestAll(targetOf(into)))).toEqual([]);
      const newer = await runTimer({ cluster: into, place: join(folder, "place"), folder, line: "7.0" });
      expect(newer.exitCode, newer.err).toBe(0);
      const again = await kit(folder, "backup", "verify", "--in", place);
      expect(again.exitCode, again.err).toBe(0);
    } finally {
      await into.end();
    }
  });

  it("warns of keys of slots that their shard does not own, and what it takes restores", async () => {
    const own = join(folder, "strays");
    await mkdir(own);
    const before = await digestAll(targetOf(source));
    await withStrays(targetOf(source), 3, async () => {
      const taken = await runTimer({ cluster: source, place: own, folder });
      expect(taken.exitCode, taken.err).toBe(0);
      expect(taken.out).toMatch(/warning: shard \d: \S+ holds 3 keys of slots that it does not own/);
    });
    const { keys, shards, warnings } = await newestIn(own);
    expect(keys).toBe(before.size);
    expect(shards.map(({ strays = 0 }) => strays).sort()).toEqual([0, 0, 3]);
    expect(warnings).toHaveLength(1);
    const verified = await kit(folder, "backup", "verify", "--in", own, "--restore", "--json");
    expect(verified.exitCode, verified.err).toBe(0);
    expect(JSON.parse(verified.out)).toMatchObject({ report: { strays: 3 }, proof: { same: keys } });
  });

  it("leaves it to the first server whose Redis serves, and takes over from one that is gone", async () => {
    const [first, second] = source.target.spec.nodes;
    if (!first || !second) throw new Error("no nodes");
    const own = join(folder, "turns");
    await mkdir(own);
    const options = { cluster: source, place: own, folder, node: second.name, more: { SETTLE_TRIES: "30" } };
    const idle = await runTimer(options);
    expect(idle).toMatchObject({ exitCode: 0, err: "" });
    expect(idle.out).toContain(`no backup from here: ${first.name} takes it`);
    await source.target.hosts(first).stop(first, { kill: true });
    try {
      const taken = await runTimer(options);
      expect(taken.exitCode, taken.err).toBe(0);
      const manifest = await newestIn(own);
      expect(manifest.warnings.join()).toContain(`${first.name} does not answer`);
      expect(manifest.warnings.join()).toContain("has no replica that keeps up");
      expect((await kit(folder, "backup", "verify", "--in", own)).exitCode).toBe(0);
    } finally {
      await apply(source.target.spec, { hosts: source.target.hosts });
    }
  });

  it.each([
    ["while its Redis loads", "ping", "LOADING Redis is loading the dataset in memory"],
    ["while the cluster is down", "cluster info", "cluster_state:fail"],
  ])("waits %s", async (_, command, answer) => {
    const own = await mkdtemp(join(folder, "waiting-"));
    const PROGRAMS = await answering(own, command, answer, 2);
    const ended = await runTimer({ cluster: source, place: own, folder, more: { PROGRAMS } });
    expect(ended.exitCode, ended.err).toBe(0);
    expect(await readFile(join(own, "answers"), "utf8")).toBe("answered\nanswered\n");
    expect(await openFolder(own).ids()).toHaveLength(1);
  });

  it("keeps what the policy keeps, as `backup prune` does, and the new one", async () => {
    const own = join(folder, "kept");
    const retention = { daily: 3, weekly: 3, monthly: 4 };
    const days = [0, 1, 1.1, 2, 5, 8, 9, 20, 33, 40, 41, 100, 170, 300, 500];
    const old = days.map((day) => backupId("drilled", new Date(Date.now() - 3_600_000 - day * 86_400_000)));
    const nodeId = await call(source.target.spec.nodes[0] as NodeSpec, "CLUSTER", "MYID");
    for (const id of old) await leave(own, id, nodeId);
    // Another cluster's of the same name: however many there are, they are not this one's to remove.
    const theirs = [6, 7, 50].map((hours) => backupId("drilled", new Date(Date.now() - hours * 3_600_000)));
    for (const id of theirs) await leave(own, id, "f".repeat(40));
    await mkdir(join(own, "drilled-other-20200101T000000Z"));
    const killed = ["drilled", "drilled-other"].map((name) =>
      join(own, `.taking-${name}-20200101T000000Z.${randomUUID()}`),
    );
    for (const path of killed) {
      await mkdir(path);
      await utimes(path, 0, 0);
    }
    const ended = await runTimer({ cluster: source, place: own, folder, retention });
    expect(ended.exitCode, ended.err).toBe(0);
    // What a killed run of this cluster left is swept; another cluster's is another's.
    expect(ended.out).toContain(`deleted what a killed backup left: ${killed[0]}`);
    expect((await readdir(own)).filter((name) => name.startsWith("."))).toEqual([basename(killed[1] ?? "")]);
    const there = await openFolder(own).ids();
    expect(there).toEqual(expect.arrayContaining(theirs));
    const left = there.filter((id) => !theirs.includes(id));
    const timed = [...old, left.at(-2) ?? ""].map((id) => ({ id, startedAt: id.slice(-16) }));
    const kept = keptBy(
      retention,
      timed.map(({ id, startedAt }) => ({ id, startedAt: isoOf(startedAt) })),
    );
    expect(left).toEqual([...kept, "drilled-other-20200101T000000Z"].sort());
    expect(left.length).toBeLessThan(old.length);
  });
});

describe("a server's timer warns", () => {
  it("of the newest backup where it is another cluster's of the same name", async () => {
    const own = await mkdtemp(join(folder, "namesake-"));
    const theirs = backupId("drilled", new Date(Date.now() - 3_600_000));
    await leave(own, theirs, "f".repeat(40));
    const first = await runTimer({ cluster: source, place: own, folder });
    expect(first.out).toContain(`warning: the newest backup of the name drilled in ${own} is of other nodes`);
    expect((await newestIn(own)).warnings.join()).toContain(theirs);
    const second = await runTimer({ cluster: source, place: own, folder });
    expect(second.exitCode, second.err).toBe(0);
    expect(second.out).not.toContain("warning:");
  });

  it("where a shard was saved long after the others", async () => {
    const own = await mkdtemp(join(folder, "apart-"));
    const ended = await runTimer({
      cluster: source,
      place: own,
      folder,
      more: { PROGRAMS: await dating(own, 95) },
    });
    expect(ended.exitCode, ended.err).toBe(0);
    const [warning = ""] = (await newestIn(own)).warnings;
    expect(warning).toMatch(
      /^shard 2 was saved (9[0-9]) s after shard [13]: its node had to end another save/,
    );
    expect(ended.out).toContain(`warning: ${warning}`);
  });
});

describe("nothing is left that looks like a backup, and the reason is told", () => {
  /** A run that must fail; its words. Monitoring hears of it. */
  async function failing(options: Partial<TimerOptions> = {}): Promise<string> {
    const own = await mkdtemp(join(folder, "failing-"));
    const to = options.place ?? join(own, "place");
    await mkdir(to, { recursive: true });
    const ended = await runTimer({ cluster: source, folder: own, ...options, place: to });
    expect(ended.exitCode, ended.out).toBe(1);
    expect(ended.err).toMatch(/^problem: [\s\S]*\n {2}cure: \S/);
    expect(ended.err).not.toContain(source.target.spec.password);
    expect(await readdir(to)).toEqual([]);
    const metrics = await readFile(join(stateOf(own), "redis-cluster-kit-backup-drilled.prom"), "utf8");
    expect(metrics).toMatch(/last_failure_timestamp_seconds\{cluster="drilled"\} \d{10}\n/);
    return ended.err;
  }

  it("while slots move", async () => {
    const [from, to] = [nodeNamed("shard-2-a"), nodeNamed("shard-3-a")];
    const mover = (await call(from, "ROLE")).startsWith("master") ? from : nodeNamed("shard-2-b");
    await call(mover, "CLUSTER", "SETSLOT", 6000, "MIGRATING", await call(to, "CLUSTER", "MYID"));
    try {
      expect(await failing()).toContain(`slots move: ${mover.name} has open slots`);
    } finally {
      await call(mover, "CLUSTER", "SETSLOT", 6000, "STABLE");
    }
  });

  it("while another run of the kit is at work", async () => {
    const node = nodeNamed("shard-3-b");
    const client = await ioredisConnector().connect(node, [source.target.spec.password]);
    await client.call("CLIENT", "SETNAME", lockName("pid-1", "test"));
    try {
      expect(await failing()).toContain("another run of the kit is at work on the cluster: pid-1:test");
    } finally {
      client.close();
    }
  });

  it("while the cluster stays down", async () => {
    const own = await mkdtemp(join(folder, "down-"));
    const PROGRAMS = await answering(own, "cluster info", "cluster_state:fail", 1_000);
    expect(await failing({ more: { PROGRAMS } })).toContain("shard-1-a says that the cluster is down");
  });

  it("where a node's snapshot is older than what it had when it was chosen", async () => {
    const own = await mkdtemp(join(folder, "older-"));
    const offset = 1_000_000_000_000;
    const offsets = ["master_repl_offset", "slave_repl_offset"].map((field) => `${field}:${offset}`);
    const info = ["master_link_status:up", ...offsets].join("\n");
    const PROGRAMS = await answering(own, "info replication", info, 1_000);
    expect(await failing({ more: { PROGRAMS } })).toMatch(
      /snapshot is older than this backup: it ends at replication offset \d+, and shard-\d-\w was at 1000000000000[\s\S]*in sync/,
    );
  });

  it("while a restore has not finished", async () => {
    for (const node of source.target.spec.nodes)
      await call(node, "SET", MARKER_KEY, "{}").catch(() => undefined);
    try {
      expect(await failing()).toContain("holds a restore that has not finished");
    } finally {
      for (const node of source.target.spec.nodes) await call(node, "DEL", MARKER_KEY).catch(() => undefined);
    }
  });

  it("with a password that Redis does not take", async () => {
    const file = join(folder, "wrong-password");
    await writeFile(file, "not the password");
    expect(await failing({ more: { PASSWORD_FILE: file } })).toContain("does not take the password");
  });

  it("without space, and without the right to write", async (context) => {
    const small = join(folder, "small");
    await mkdir(small);
    try {
      execFileSync("mount", ["-t", "tmpfs", "-o", "size=256k", "tmpfs", small], { stdio: "pipe" });
    } catch (error) {
      return context.skip(`a small file system cannot be mounted here: ${String(error)}`);
    }
    try {
      expect(await failing({ place: small })).toMatch(/No space left on device[\s\S]*look for space/);
      execFileSync("mount", ["-o", "remount,ro", small]);
      expect(await failing({ place: small })).toMatch(/Read-only file system[\s\S]*backup\.to/);
    } finally {
      execFileSync("umount", [small]);
    }
  });

  it("killed at any moment", async () => {
    const own = join(folder, "killed");
    await mkdir(own);
    for (let turn = 0; turn < 4; turn++) {
      const child = await startTimer({ cluster: source, place: own, folder, wrapped: ["setsid"] });
      const exit = once(child, "exit");
      child.stdout?.resume();
      await sleep(300 + turn * 500);
      // As systemd ends a service: all of its processes.
      if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, "SIGKILL");
      await exit;
    }
    const last = await runTimer({ cluster: source, place: own, folder });
    expect(last.exitCode, last.err).toBe(0);
    for (const id of await openFolder(own).ids())
      expect((await kit(folder, "backup", "verify", id, "--in", own)).exitCode).toBe(0);
  });
});

/** A folder of Redis's programs whose redis-cli answers one command by itself, so many times. */
async function answering(own: string, command: string, answer: string, times: number): Promise<string> {
  const { server } = await redisBinaries("5.0");
  const programs = join(own, ".programs");
  await mkdir(programs);
  await symlink(server, join(programs, "redis-server"));
  const script = `#!/bin/sh
case "$*" in
*"${command}"*)
    touch '${own}/answers'
    if [ "$(wc -l <'${own}/answers')" -lt ${times} ]; then
        echo answered >>'${own}/answers'
        echo '${answer}'
        exit 0
    fi
    ;;
esac
exec '${join(dirname(server), "redis-cli")}' "$@"
`;
  await writeFile(join(programs, "redis-cli"), script, { mode: 0o755 });
  return programs;
}

/** A folder of Redis's programs by whose judgement shard 2 was saved so much later. */
async function dating(own: string, seconds: number): Promise<string> {
  const { server } = await redisBinaries("5.0");
  const programs = join(own, ".programs");
  await mkdir(programs);
  await symlink(join(dirname(server), "redis-cli"), join(programs, "redis-cli"));
  // By this name it checks files.
  await symlink(server, join(programs, "redis-check-rdb"));
  const script = `#!/bin/sh
'${programs}/redis-check-rdb' "$@" | case $1 in
*/shard-2.rdb) awk -F "'" -v "q='" '/ctime/ { $0 = $1 q ($2 + ${seconds}) q } { print }' ;;
*) cat ;;
esac
`;
  await writeFile(join(programs, "redis-server"), script, { mode: 0o755 });
  return programs;
}

/** As much of a backup as the retention looks at. */
async function leave(place: string, id: string, nodeId: string): Promise<void> {
  await mkdir(join(place, id), { recursive: true });
  await writeFile(join(place, id, "manifest.json"), JSON.stringify({ shards: [{ nodeId }] }));
}

const isoOf = (stamp: string) =>
  stamp.replace(/(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z/, "$1-$2-$3T$4:$5:$6.000Z");

async function newestIn(from: string): Promise<Manifest> {
  const id = (await openFolder(from).ids()).at(-1) ?? "";
  return readManifest(await openFolder(from).manifest(id), from);
}

function nodeNamed(name: string): NodeSpec {
  const node = source.target.spec.nodes.find((candidate) => candidate.name === name);
  if (!node) throw new Error(`no node ${name}`);
  return node;
}

async function call(node: NodeSpec, ...command: [string, ...(string | number)[]]): Promise<string> {
  const client = await ioredisConnector().connect(node, [source.target.spec.password]);
  try {
    return String(await client.call(...command));
  } finally {
    client.close();
  }
}
