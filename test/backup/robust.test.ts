/** What happens to backups in real life: failovers, damaged files, keys that are there already, moves of slots, full disks. */
import { execFileSync } from "node:child_process";
import { chmod, mkdir, mkdtemp, open, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openFolder } from "../../backup/folder-place";
import { type Manifest, readManifest } from "../../backup/manifest";
import { systemClock } from "../../cluster/clock";
import { ioredisConnector } from "../../cluster/connection";
import type { NodeSpec } from "../../cluster/spec";
import { waitUntil } from "../../cluster/wait";
import { type DeclaredCluster, startDeclaredCluster } from "../support/declared-cluster";
import { endAfter, kit, kitAt, spawnKit } from "./support/command";
import { type Digests, differences, digestAll, targetOf, writeDataset } from "./support/dataset";
import { failOverMidway } from "./support/failover";
import { withStrays } from "./support/stray";

const KEYS = 3_000;
/** For a restore that takes long enough to be met midway. */
const KEYS_TO_LOAD = 40_000;
const ROOM = { maxmemory: "512mb" };

let folder: string;
let place: string;
let source: DeclaredCluster;
let other: DeclaredCluster;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "redis-cluster-kit-backup-"));
  place = join(folder, "place");
  source = await startDeclaredCluster({ redis: ROOM });
  other = await startDeclaredCluster({ redis: ROOM, line: "7.0", replicasPerShard: 0 });
  await writeDataset(targetOf(source), 0, KEYS);
});

afterAll(async () => {
  await source?.end();
  await other?.end();
  await rm(folder, { recursive: true, force: true });
});

const backup = (to = place) => kit(folder, "backup", "--to", to, "--declaration", source.file);
const restore = (from: string, into = other) =>
  kit(folder, "restore", "--from", from, "--declaration", into.file);

async function expectTaken(to = place, of = source): Promise<void> {
  const taken = await kit(folder, "backup", "--to", to, "--declaration", of.file);
  expect(taken.exitCode, taken.err).toBe(0);
}

async function newest(): Promise<Manifest> {
  const id = (await openFolder(place).ids()).at(-1) ?? "";
  return readManifest(await openFolder(place).manifest(id), place);
}

async function call(node: NodeSpec, ...command: [string, ...(string | number)[]]): Promise<string> {
  const client = await ioredisConnector().connect(node, [
    source.target.spec.password,
    other.target.spec.password,
  ]);
  try {
    return String(await client.call(...command));
  } finally {
    client.close();
  }
}

async function emptyOther(): Promise<void> {
  for (const node of other.target.spec.nodes) await call(node, "FLUSHALL");
}

/** Restores and compares; the cluster is empty again afterwards. */
async function expectRestored(id: string, expected: Digests): Promise<void> {
  const restored = await restore(join(place, id));
  expect(restored.err).toContain("comparing");
  expect(restored.exitCode).toBe(0);
  expect(differences(expected, await digestAll(targetOf(other)))).toEqual([]);
  await emptyOther();
}

/** The shard's primary after whatever failovers there were. */
async function flushed(name: string): Promise<void> {
  for (const candidate of [name, name.replace(/-a$/, "-b")]) {
    const node = nodeNamed(candidate);
    if ((await call(node, "ROLE")).startsWith("master")) await call(node, "FLUSHALL");
  }
}

function nodeNamed(name: string): NodeSpec {
  const node = source.target.spec.nodes.find((candidate) => candidate.name === name);
  if (!node) throw new Error(`no node ${name}`);
  return node;
}

describe("a failover between two backups", () => {
  it("leaves both right, each with the nodes that had the shards then", async () => {
    const before = await digestAll(targetOf(source));
    await expectTaken();
    const first = await newest();

    // By its role, not by its name: a second try of this test finds them swapped.
    const { primary, replica } = await pairOf(1);
    await call(replica, "CLUSTER", "FAILOVER");
    const healthy = async () =>
      (await kit(folder, "status", "--declaration", source.file)).exitCode === 0 || "not healthy";
    const isPrimary = async () => (await call(replica, "ROLE")).startsWith("master") || "still a replica";
    await waitUntil(isPrimary, { clock: systemClock, timeoutMs: 20_000, what: "the failover" });
    await waitUntil(healthy, { clock: systemClock, timeoutMs: 30_000, what: "the cluster to be healthy" });
    await writeDataset(targetOf(source), KEYS, KEYS + 600);

    const after = await digestAll(targetOf(source));
    await expectTaken();
    const second = await newest();
    expect(first.shards.map(({ node, role }) => `${node} ${role}`)).toContain(`${replica.name} replica`);
    expect(second.shards.map(({ node, role }) => `${node} ${role}`)).toContain(`${primary.name} replica`);
    expect(first.id).not.toBe(second.id);
    await expectRestored(first.id, before);
    await expectRestored(second.id, after);
  });
});

it("verify --restore brings it back into a throwaway cluster and compares every key with what Redis itself loads", async () => {
  const { id, keys } = await newest();
  const verified = await kit(folder, "backup", "verify", "--in", place, "--restore", "--json");
  expect(verified.exitCode, verified.err).toBe(0);
  expect(JSON.parse(verified.out)).toMatchObject({
    id,
    good: true,
    report: { keys, restored: keys },
    proof: { same: keys, expired: 0, differences: [] },
  });
});

describe("one flipped byte", () => {
  it.each(["shard-1.rdb", "shard-2.rdb", "shard-3.rdb", "manifest.json"])(
    "in %s is found by verify and by restore, which name the file and write nothing",
    async (file) => {
      const { id } = await newest();
      const path = join(place, id, file);
      const at = Math.floor((await stat(path)).size * 0.6);
      const flip = async () => {
        const handle = await open(path, "r+");
        const byte = Buffer.alloc(1);
        await handle.read(byte, 0, 1, at);
        await handle.write(Buffer.from([(byte[0] ?? 0) ^ 4]), 0, 1, at);
        await handle.close();
      };
      await flip();
      try {
        const verified = await kit(folder, "backup", "verify", id, "--in", place);
        expect(verified.err).toContain(`${file} is damaged`);
        expect(verified.exitCode).toBe(1);
        const restored = await restore(join(place, id));
        expect(restored.err).toContain(`${file} is damaged`);
        expect(restored.exitCode).toBe(1);
        expect((await digestAll(targetOf(other))).size).toBe(0);
      } finally {
        await flip();
      }
      expect((await kit(folder, "backup", "verify", id, "--in", place)).exitCode).toBe(0);
    },
  );
});

describe("keys of slots that their shard does not own", () => {
  it("are a warning; verify accepts the file, a restore leaves them out", async () => {
    const expected = await digestAll(targetOf(source));
    await withStrays(targetOf(source), 3, () => expectTaken());
    const { id, keys, shards, warnings } = await newest();
    expect(keys).toBe(expected.size);
    expect(shards.map(({ strays = 0 }) => strays).sort()).toEqual([0, 0, 3]);
    expect(warnings.join()).toMatch(/holds 3 keys of slots that it does not own/);
    const verified = await kit(folder, "backup", "verify", id, "--in", place, "--restore", "--json");
    expect(verified.exitCode, verified.err).toBe(0);
    expect(JSON.parse(verified.out)).toMatchObject({ report: { strays: 3 }, proof: { same: keys } });
    await expectRestored(id, expected);
  });
});

describe("a backup is refused", () => {
  it("while slots move", async () => {
    const [from, to] = [nodeNamed("shard-2-a"), nodeNamed("shard-3-a")];
    const target = await call(to, "CLUSTER", "MYID");
    const slot = 6000;
    await call(from, "CLUSTER", "SETSLOT", slot, "MIGRATING", target);
    try {
      const refused = await backup();
      expect(refused.err).toContain("slots move: shard-2-a has open slots 6000");
      expect(refused.exitCode).toBe(1);
    } finally {
      await call(from, "CLUSTER", "SETSLOT", slot, "STABLE");
    }
  });

  it("without space, and leaves nothing", async (context) => {
    const small = join(folder, "small");
    await mkdir(small);
    try {
      execFileSync("mount", ["-t", "tmpfs", "-o", "size=256k", "tmpfs", small], { stdio: "pipe" });
    } catch (error) {
      return context.skip(`a small file system cannot be mounted here: ${String(error)}`);
    }
    try {
      const refused = await backup(small);
      expect(refused.err).toMatch(/no space/);
      expect(refused.exitCode).toBe(1);
      expect(await openFolder(small).ids()).toEqual([]);
    } finally {
      execFileSync("umount", [small]);
    }
  });

  it("where it may not write, and where the file system is read-only", async (context) => {
    const theirs = join(folder, "theirs");
    await mkdir(theirs, { mode: 0o755, recursive: true });
    if (process.getuid?.() !== 0) return context.skip("only root can be somebody else");
    await chmod(folder, 0o755);
    expect(draftAsNobody(theirs)).toBe(
      `${theirs}: permission denied. Give this user the right to it, or choose another place (EACCES).\n`,
    );
    try {
      execFileSync("mount", ["-t", "tmpfs", "-o", "ro", "tmpfs", theirs], { stdio: "pipe" });
    } catch (error) {
      return context.skip(`a file system cannot be mounted here: ${String(error)}`);
    }
    try {
      const refused = await backup(theirs);
      expect(refused.err).toContain(`${theirs}: that file system is read-only. Choose another place (EROFS)`);
      expect(refused.exitCode).toBe(1);
    } finally {
      execFileSync("umount", [theirs]);
    }
  });

  it("where the place is no folder", async () => {
    const refused = await backup(join(source.file, "below-a-file"));
    expect(refused.err).toContain("part of that path is a file, not a folder");
    expect(refused.exitCode).toBe(1);
  });
});

describe("a restore is refused", () => {
  it("into a cluster that has keys, which stay", async () => {
    await call(other.target.spec.nodes[0] as NodeSpec, "SET", "{bar}foreign", "precious");
    const { id } = await newest();
    const refused = await restore(join(place, id));
    expect(refused.err).toContain("drilled has keys (1 on shard-1-a)");
    expect(refused.exitCode).toBe(1);
    expect(await call(other.target.spec.nodes[0] as NodeSpec, "GET", "{bar}foreign")).toBe("precious");
    await emptyOther();
  });

  it("of a newer Redis into an older one", async () => {
    const theirs = join(folder, "of-7.0");
    await writeDataset(targetOf(other), 0, 30);
    await expectTaken(theirs, other);
    await emptyOther();
    for (const { name, member } of source.target.spec.nodes) if (member === 0) await flushed(name);
    const refused = await restore(theirs, source);
    expect(refused.err).toMatch(/runs Redis 5\.0\.\d+, the backup is of 7\.0\.\d+, which it cannot read/);
    expect(refused.exitCode).toBe(1);
  });
});

describe("a restore is right", () => {
  it("on a machine whose clock is days ahead: keys expire by the cluster's", async () => {
    await emptyOther();
    const { id } = await newest();
    const expected = await restoredDigests(id);
    const later = () => new Date(Date.now() + 3 * 86_400_000);
    const restored = await kitAt(
      later,
      folder,
      "restore",
      "--from",
      join(place, id),
      "--declaration",
      other.file,
    );
    expect(restored.exitCode, restored.err).toBe(0);
    expect(restored.err).toMatch(/this machine's clock is 259\d{3} s ahead of the cluster's, which counts/);
    expect(differences(expected, await digestAll(targetOf(other)))).toEqual([]);
    expect([...expected.values()].filter(({ untilMs }) => untilMs !== undefined).length).toBeGreaterThan(100);
    await emptyOther();
  });

  it("with values above the servers' limit for one argument, which is as before afterwards", async () => {
    const name = "proto-max-bulk-len";
    const { id } = await newest();
    const expected = await restoredDigests(id);
    const { nodes } = other.target.spec;
    for (const node of nodes) await call(node, "CONFIG", "SET", name, 2 * 1024 * 1024);
    try {
      const restored = await restore(join(place, id));
      expect(restored.exitCode, restored.err).toBe(0);
      expect(differences(expected, await digestAll(targetOf(other)))).toEqual([]);
      for (const node of nodes)
        expect(await call(node, "CONFIG", "GET", name)).toBe(`${name},${2 * 1024 * 1024}`);
    } finally {
      for (const node of nodes) await call(node, "CONFIG", "SET", name, 512 * 1024 * 1024);
      await emptyOther();
    }
  });
});

/** What a restore of it brings; the cluster is empty again afterwards. */
async function restoredDigests(id: string): Promise<Digests> {
  const restored = await restore(join(place, id));
  expect(restored.exitCode, restored.err).toBe(0);
  const digests = await digestAll(targetOf(other));
  await emptyOther();
  return digests;
}

describe("failovers while a restore writes keys", () => {
  it("are outlasted, and every key is there", async () => {
    await writeDataset(targetOf(source), 0, KEYS_TO_LOAD);
    const expected = await digestAll(targetOf(source));
    await expectTaken();
    const { id } = await newest();
    for (const { name, member } of source.target.spec.nodes) if (member === 0) await flushed(name);
    const shards = await Promise.all([2, 3].map(pairOf));

    const child = spawnKit("restore", "--from", join(place, id), "--declaration", source.file);
    const running = endAfter(child, 120_000);
    const { password } = source.target.spec;
    const failovers = await Promise.all(
      shards.map(({ primary, replica }) => failOverMidway(primary, replica, password)),
    );
    const ended = await running;
    // Where a primary could not pass its last writes on, the comparison says so, and the second run fills them in.
    if (ended.exitCode !== 0) expect((await restore(join(place, id), source)).exitCode, ended.err).toBe(0);
    for (const { node, keys } of failovers) {
      const all = Number(await call(node, "DBSIZE"));
      console.log(`${node.name} took over with ${keys} of ${all} keys`);
      // The first key was written, and the last one was not.
      expect(keys).toBeGreaterThan(0);
      expect(keys).toBeLessThan(all);
    }
    expect(differences(expected, await digestAll(targetOf(source)))).toEqual([]);
  });
});

/** What a user without rights is told who wants to write a backup there. They may not even reach Node or this checkout. */
function draftAsNobody(to: string): string {
  const script = `const { openFolder } = require("./backup/folder-place");
    process.setgid(65534);
    process.setuid(65534);
    openFolder(process.argv[1]).draft("c-20260101T000000Z").catch((error) => console.log(error.message));`;
  return execFileSync(process.execPath, ["--require", "./scripts/ts.cjs", "-e", script, to], {
    cwd: join(__dirname, "..", ".."),
    encoding: "utf8",
  });
}

async function replicaOf(shard: number): Promise<NodeSpec | undefined> {
  for (const member of ["a", "b"]) {
    const node = nodeNamed(`shard-${shard}-${member}`);
    if ((await call(node, "ROLE")).startsWith("slave,")) return node;
  }
  return undefined;
}

/** By their roles, whatever failovers there were. */
async function pairOf(shard: number) {
  const replica = await replicaOf(shard);
  if (!replica) throw new Error(`shard ${shard} has no replica`);
  const primary = nodeNamed(`shard-${shard}-${replica.name.endsWith("a") ? "b" : "a"}`);
  return { primary, replica };
}

describe("pruning", () => {
  it("keeps the last good backup, whatever the policy says, and leaves damaged ones alone", async () => {
    const before = await openFolder(place).ids();
    expect(before.length).toBeGreaterThan(1);
    const last = before.at(-1) ?? "";
    const dry = await kit(folder, "backup", "prune", "--in", place, "--keep", "daily=0", "--dry-run");
    expect(dry.out).toContain(`last good one: ${last}`);
    expect(await openFolder(place).ids()).toEqual(before);
    const pruned = await kit(folder, "backup", "prune", "--in", place, "--keep", "daily=0");
    expect(pruned.exitCode).toBe(0);
    expect(await openFolder(place).ids()).toEqual([last]);
  });
});
