/** SIGKILL at random moments: no backup that looks whole is broken, and whatever was killed works the second time. */
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openFolder } from "../../backup/folder-place";
import { MARKER_KEY } from "../../backup/marker";
import type { NodeClient } from "../../cluster/client";
import { ioredisConnector } from "../../cluster/connection";
import { type DeclaredCluster, startDeclaredCluster } from "../support/declared-cluster";
import { endAfter, kit, spawnKit } from "./support/command";
import { type Digests, differences, digestAll, targetOf, writeDataset } from "./support/dataset";

/** 20 in a full run. */
const MOMENTS = Number(process.env.REDIS_CLUSTER_KIT_BACKUP_KILLS ?? 3);
const KEYS = 12_000;
const ROOM = { maxmemory: "512mb" };

let folder: string;
let place: string;
let cluster: DeclaredCluster;
let expected: Digests;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "redis-cluster-kit-backup-"));
  place = join(folder, "place");
  cluster = await startDeclaredCluster({ redis: ROOM });
  await writeDataset(targetOf(cluster), 0, KEYS);
  expected = await digestAll(targetOf(cluster));
});

afterAll(async () => {
  await cluster?.end();
  await rm(folder, { recursive: true, force: true });
});

const take = () => spawnKit("backup", "--to", place, "--declaration", cluster.file);
const restore = (id: string, into: DeclaredCluster) =>
  spawnKit("restore", "--from", join(place, id), "--declaration", into.file);

/**
 * From a command's first word to its answer, in ms, when nobody kills it. Not to its end: a process that is done and
 * not yet gone can be killed without any harm, and such kills would prove nothing.
 */
async function lengthOf(child: ReturnType<typeof spawnKit>): Promise<number> {
  let [began, answered] = [0, 0];
  child.stderr?.once("data", () => {
    began = performance.now();
  });
  child.stdout?.once("data", () => {
    answered = performance.now();
  });
  const { exitCode, err } = await endAfter(child, 120_000);
  expect(exitCode, err).toBe(0);
  return answered - began;
}

/** What a cluster holds, the marker of a restore not counted among its keys. */
async function holdingOf(clients: readonly NodeClient[]): Promise<{ keys: number; isMarked: boolean }> {
  const ask = async (client: NodeClient) => {
    const [size, marker] = await client.pipeline([["DBSIZE"], ["GET", MARKER_KEY]]);
    return { size: Number(size), isMarked: typeof marker === "string" };
  };
  const all = await Promise.all(clients.map(ask));
  const isMarked = all.some((one) => one.isMarked);
  return { keys: all.reduce((sum, { size }) => sum + size, 0) - (isMarked ? 1 : 0), isMarked };
}

/** Kills a restore as soon as the cluster holds so many keys: by the clock, hardly a kill would meet the short time of writing. */
async function killedAtKeys(clients: readonly NodeClient[], id: string, into: DeclaredCluster, keys: number) {
  const child = restore(id, into);
  let isOver = false;
  const ended = endAfter(child, 120_000).finally(() => {
    isOver = true;
  });
  while (!isOver && (await holdingOf(clients)).keys < keys) await sleep(1);
  child.kill("SIGKILL");
  return { ...(await ended), ...(await holdingOf(clients)) };
}

async function verifyAll(): Promise<string[]> {
  const ids = await openFolder(place).ids();
  for (const id of ids) {
    const verified = await kit(folder, "backup", "verify", id, "--in", place);
    expect(verified.exitCode, verified.err).toBe(0);
  }
  return ids;
}

async function flush(into: DeclaredCluster): Promise<void> {
  for (const node of into.target.spec.nodes) {
    const client = await ioredisConnector().connect(node, [into.target.spec.password]);
    await client.call("FLUSHALL");
    client.close();
  }
}

describe(`${MOMENTS} random moments`, () => {
  it("of taking a backup", async () => {
    const lengthMs = await lengthOf(take());
    const whole = async () => (await openFolder(place).ids()).length;
    let midway = 0;
    let late = 0;
    // Only kills before the backup was visible count.
    for (let tries = 0; midway < MOMENTS && tries < 4 * MOMENTS; tries++) {
      const before = await whole();
      const { killed } = await endAfter(take(), lengthMs * Math.random());
      if (killed && (await whole()) === before) midway++;
      else late++;
      await verifyAll();
    }
    console.log(`taking: ${midway} killed midway within ${Math.round(lengthMs)} ms, ${late} came too late`);
    expect(midway).toBe(MOMENTS);
    const last = await endAfter(take(), 120_000);
    expect(last.exitCode, last.err).toBe(0);
    expect((await verifyAll()).length).toBeGreaterThan(1);
    // What the killed ones left is not deleted while it could be of a run that still writes, and is afterwards.
    const leftovers = async () => (await readdir(place)).filter((name) => name.startsWith(".")).length;
    expect(await leftovers()).toBeGreaterThan(0);
    await openFolder(place).sweep("drilled", 0);
    expect(await leftovers()).toBe(0);
  });

  it("of restoring one, while it writes, into a cluster with other slots", async () => {
    const into = await startDeclaredCluster({ redis: ROOM, shards: 4, replicasPerShard: 0 });
    const { nodes, password } = into.target.spec;
    const clients = await Promise.all(nodes.map((node) => ioredisConnector().connect(node, [password])));
    try {
      const id = (await openFolder(place).ids()).at(-1) ?? "";
      const expectSecondTry = async (): Promise<string> => {
        const again = await endAfter(restore(id, into), 120_000);
        expect(again.exitCode, again.err).toBe(0);
        expect(differences(expected, await digestAll(targetOf(into)))).toEqual([]);
        return again.err;
      };
      const writing: number[] = [];
      let [late, comparing] = [0, 0];
      for (let tries = 0; writing.length < MOMENTS && tries < 4 * MOMENTS; tries++) {
        await flush(into);
        const at = 1 + Math.floor(Math.random() * (expected.size - 1));
        const { killed, keys, isMarked } = await killedAtKeys(clients, id, into, at);
        const isMidway = killed && isMarked && keys > 0 && keys < expected.size;
        if (isMidway) writing.push(keys);
        else if (killed && isMarked) comparing++;
        else late++;
        const said = await expectSecondTry();
        if (isMidway) expect(said).toContain("continuing the restore");
      }
      console.log(
        `restoring: ${writing.length} killed while writing, at ${writing.join(", ")} of ${expected.size} keys; ${comparing} while comparing, ${late} too late`,
      );
      expect(writing).toHaveLength(MOMENTS);
    } finally {
      for (const client of clients) client.close();
      await into.end();
    }
  });

  it("leave a half-restored cluster recognizable: no backup of it, no other restore into it, no foreign key touched", async () => {
    const into = await startDeclaredCluster({ redis: ROOM, replicasPerShard: 0 });
    try {
      const [first = "", second = ""] = await openFolder(place).ids();
      for (let tries = 0; tries < 10; tries++) {
        const child = restore(first, into);
        // Between its first and its last word there are keys, and not all.
        child.stderr?.on("data", (chunk) => {
          if (String(chunk).includes("verifying")) setTimeout(() => child.kill("SIGKILL"), 150 + 50 * tries);
        });
        if (
          (await endAfter(child, 120_000)).killed &&
          (await digestAll(targetOf(into), ["redis-cluster-kit"])).size > 0
        )
          break;
        await flush(into);
      }
      const half = await kit(folder, "backup", "--to", join(folder, "half"), "--declaration", into.file);
      expect(half.err).toContain(`holds a restore of ${first} that has not finished`);
      const other = await kit(folder, "restore", "--from", join(place, second), "--declaration", into.file);
      expect(other.err).toContain(`holds a restore of ${first} that has not finished`);

      const [node] = into.target.spec.nodes;
      if (!node) throw new Error("no node");
      const client = await ioredisConnector().connect(node, [into.target.spec.password]);
      await client.call("SET", "{bar}foreign", "precious");
      const third = await kit(folder, "restore", "--from", join(place, first), "--declaration", into.file);
      expect(third.err).toContain("the restored cluster is not what the backup holds");
      expect(third.err).toMatch(/slot \d+ has \d+ keys, the backup has \d+/);
      expect(await client.call("GET", "{bar}foreign")).toBe("precious");
      await client.call("DEL", "{bar}foreign");
      client.close();
      const last = await kit(folder, "restore", "--from", join(place, first), "--declaration", into.file);
      expect(last.exitCode, last.err).toBe(0);
      expect(differences(expected, await digestAll(targetOf(into)))).toEqual([]);
    } finally {
      await into.end();
    }
  });
});
