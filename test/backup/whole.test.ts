/** The whole way: keys of all types under a writing client, a backup, everything destroyed, restored elsewhere, every key compared. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { openFolder } from "../../backup/folder-place";
import { type Manifest, readManifest } from "../../backup/manifest";
import { startDeclaredCluster } from "../support/declared-cluster";
import { kit } from "./support/command";
import { type Digests, digestAll, targetOf, writeDataset } from "./support/dataset";
import { keysOr, limitFor } from "./support/size";
import { lost, whileWritten } from "./support/writer";

const KEYS = keysOr(60_000);
vi.setConfig({ testTimeout: limitFor(KEYS), hookTimeout: limitFor(KEYS) });
const ROOM = { maxmemory: "1gb" };

describe(`${KEYS} keys of all types`, () => {
  let folder: string;
  let place: string;
  let before: Digests;
  let acknowledged = 0;
  let backup: Manifest;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "redis-cluster-kit-backup-"));
    place = join(folder, "place");
    const cluster = await startDeclaredCluster({ redis: ROOM });
    try {
      await writeDataset(targetOf(cluster), 0, KEYS);
      before = await digestAll(targetOf(cluster));
      acknowledged = await whileWritten(targetOf(cluster), async () => {
        const taken = await kit(folder, "backup", "--to", place, "--declaration", cluster.file);
        expect(taken.err + taken.out).toContain("saving on");
        expect(taken.exitCode).toBe(0);
      });
    } finally {
      // Processes, files, folder: nothing but the backup is left of it.
      await cluster.end();
    }
    const [id = ""] = await openFolder(place).ids();
    backup = readManifest(await openFolder(place).manifest(id), place);
  });

  afterAll(() => rm(folder, { recursive: true, force: true }));

  it("are told by the manifest, shard by shard, and taken from replicas", () => {
    expect(backup.keys).toBeGreaterThanOrEqual(before.size + acknowledged);
    expect(backup.shards.map(({ role }) => role)).toEqual(["replica", "replica", "replica"]);
    for (const { keys, keysPerSlot, replicationOffset, nodeId } of backup.shards) {
      expect(keysPerSlot?.reduce((sum, count) => sum + count, 0)).toBe(keys);
      expect(replicationOffset).toBeGreaterThan(0);
      expect(nodeId).toMatch(/^[0-9a-f]{40}$/);
    }
    const saved = backup.shards.map(({ savedAt }) => new Date(savedAt).getTime());
    expect(Math.max(...saved) - Math.min(...saved)).toBeLessThanOrEqual(3_000);
    expect(backup.nodes.every(({ redisConf }) => redisConf?.includes("cluster-enabled yes"))).toBe(true);
    expect(JSON.stringify(backup)).not.toMatch(/secret-\d+-password/);
  });

  it.each([
    { into: "3 shards of 5.0", options: { redis: ROOM } },
    { into: "4 shards of 7.0", options: { redis: ROOM, shards: 4, line: "7.0" as const } },
  ])("come back in $into, every one with its value and time to live", async ({ options }) => {
    const cluster = await startDeclaredCluster(options);
    try {
      const from = join(place, backup.id);
      const restored = await kit(folder, "restore", "--from", from, "--declaration", cluster.file);
      expect(restored.err).not.toContain("not what the backup holds");
      expect(restored.exitCode).toBe(0);
      console.log(restored.out);
      expect(await lost(targetOf(cluster), before, acknowledged)).toEqual([]);
      const again = await kit(folder, "restore", "--from", from, "--declaration", cluster.file);
      // As after a restore that was killed between its last act and its last word.
      expect(again.out).toContain(`holds ${backup.id} already`);
      expect(again.exitCode).toBe(0);
    } finally {
      await cluster.end();
    }
  });
});
