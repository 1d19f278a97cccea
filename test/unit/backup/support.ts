/** A manifest as a backup of three shards has it, and a place that is only a table. */
import { DamagedBackupError } from "../../../backup/errors";
import { type Manifest, writeManifest } from "../../../backup/manifest";
import type { Place } from "../../../backup/place";

const RANGES = [
  { start: 0, end: 5460 },
  { start: 5461, end: 10922 },
  { start: 10923, end: 16383 },
];

export function manifestOf(id: string, startedAt: string, overrides: Partial<Manifest> = {}): Manifest {
  return {
    format: 1,
    id,
    cluster: "cache",
    kitVersion: "0.1.0",
    redisVersion: "5.0.14",
    startedAt,
    finishedAt: new Date(new Date(startedAt).getTime() + 2_000).toISOString(),
    keys: 3,
    bytes: 300,
    shards: RANGES.map((range, index) => ({
      shard: index + 1,
      node: `shard-${index + 1}-b`,
      nodeId: String(index).repeat(40),
      address: `127.0.0.1:${7003 + index}`,
      role: "replica" as const,
      slots: [range],
      replicationOffset: 1000 + index,
      replicationId: "r".repeat(40),
      savedAt: startedAt,
      keys: 1,
      expiring: 0,
      keysPerSlot: Array.from({ length: range.end - range.start + 1 }, (_, at) => (at === 5 ? 1 : 0)),
      usedMemoryBytes: 1_000_000,
      file: `shard-${index + 1}.rdb`,
      bytes: 100,
      sha256: "a".repeat(64),
    })),
    nodes: [],
    warnings: [],
    ...overrides,
  };
}

/** Of that day in November, of a cluster with these nodes: a hexadecimal digit each, which its id is made of. */
export function ofNodes(day: string, nodes: string): Manifest {
  const base = manifestOf(`cache-202611${day}T031500Z`, `2026-11-${day}T03:15:00.000Z`);
  const shards = base.shards.map((shard, index) => ({
    ...shard,
    nodeId: nodes.charAt(index % nodes.length).repeat(40),
  }));
  return { ...base, shards };
}

/** Manifests only; every file is damaged. */
export function placeOf(manifests: readonly Manifest[]): Place & { readonly removed: string[] } {
  const removed: string[] = [];
  return {
    url: "/backups",
    removed,
    ids: async () => manifests.map(({ id }) => id).sort(),
    manifest: async (id) => writeManifest(manifests.find((one) => one.id === id) ?? manifestOf(id, "")),
    fetch: async (id, file) => {
      throw new DamagedBackupError(`/backups/${id}/${file} is missing.`);
    },
    draft: async () => {
      throw new Error("nothing is written here");
    },
    remove: async (id) => {
      removed.push(id);
    },
    sweep: async () => [],
    free: async () => undefined,
  };
}
