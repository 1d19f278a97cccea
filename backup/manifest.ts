/** What a backup says of itself: written last, so that a backup that has one is whole. */
import { createHash } from "node:crypto";
import { z } from "zod";
import { DamagedBackupError } from "./errors";

export const MANIFEST_FILE = "manifest.json";

const count = z.int().min(0);
const range = z.object({ start: z.int().min(0).max(16383), end: z.int().min(0).max(16383) });

const shardSchema = z.object({
  /** From 1, as in the names of nodes. */
  shard: z.int().min(1),
  /** The node that it was taken from: name, Redis node id, address, and its role at that time. */
  node: z.string(),
  nodeId: z.string(),
  address: z.string(),
  role: z.enum(["primary", "replica"]),
  slots: z.array(range).min(1),
  /** Position in the replication stream of the shard that the file holds, and the id of that stream. */
  replicationOffset: count,
  replicationId: z.string(),
  /** When the snapshot was begun, by the node's clock. */
  savedAt: z.iso.datetime(),
  /** Of the shard's own slots. */
  keys: count,
  /** Of these, those with a time to live. */
  expiring: count,
  /** Further keys in the file, of slots that the shard did not own: left behind by a move, no part of the backup. Absent: none known. */
  strays: count.optional(),
  /** Keys of each slot, in the order of `slots`. Absent where a server's timer took it: that counts them all, not by slot. */
  keysPerSlot: z.array(count).optional(),
  /** Memory of the node when it was saved; a restore checks that there is room. */
  usedMemoryBytes: count,
  file: z.string().regex(/^shard-\d+\.rdb$/),
  bytes: count,
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
});

const nodeSchema = z.object({
  name: z.string(),
  /** CLUSTER NODES as this node tells it: what its nodes.conf holds. Empty where it did not answer. */
  nodesConf: z.string(),
  /** Its redis.conf without secrets; absent where the file could not be read. */
  redisConf: z.string().optional(),
});

const manifestSchema = z.object({
  format: z.literal(1),
  /** Name of the folder. */
  id: z.string().min(1),
  cluster: z.string().min(1),
  kitVersion: z.string(),
  /** The newest that a node of the cluster ran. A restore needs this line or a newer one. */
  redisVersion: z.string().regex(/^\d+\.\d+\.\d+$/),
  startedAt: z.iso.datetime(),
  finishedAt: z.iso.datetime(),
  keys: count,
  bytes: count,
  shards: z.array(shardSchema).min(1),
  nodes: z.array(nodeSchema),
  /** What was not as it should be, e.g. a shard without a replica in sync. */
  warnings: z.array(z.string()),
});

/** What a warning says of them. */
export function strayWarning({
  shard,
  node,
  strays = 0,
}: Pick<ShardBackup, "shard" | "node" | "strays">): string[] {
  if (strays === 0) return [];
  return [
    `shard ${shard}: ${node} holds ${strays} keys of slots that it does not own: they are in its file and are not restored. pulumi up brings such keys to their owners; then take another backup`,
  ];
}

export type Manifest = z.output<typeof manifestSchema>;
export type ShardBackup = z.output<typeof shardSchema>;
export type NodeRecord = z.output<typeof nodeSchema>;

/** The text of the file. Its own checksum comes first. */
export function writeManifest(manifest: Manifest): string {
  return `${JSON.stringify({ sha256: checksum(manifest), ...manifest }, null, 1)}\n`;
}

/** @throws DamagedBackupError naming the file, where it is not exactly what was written. */
export function readManifest(text: string, where: string): Manifest {
  const file = `${where}/${MANIFEST_FILE}`;
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new DamagedBackupError(`${file} is damaged: it is not JSON. Use another backup.`);
  }
  const { sha256, ...rest } = (typeof json === "object" && json !== null ? json : {}) as Record<
    string,
    unknown
  >;
  if ("format" in rest && rest.format !== 1)
    throw new DamagedBackupError(
      `${file} was written by another version of the kit (format ${String(rest.format)}).`,
    );
  const parsed = manifestSchema.safeParse(rest);
  if (!parsed.success || sha256 !== checksum(rest))
    throw new DamagedBackupError(`${file} is damaged: its checksum does not fit. Use another backup.`);
  return parsed.data;
}

function checksum(content: unknown): string {
  return createHash("sha256").update(JSON.stringify(content)).digest("hex");
}

/** `cache-20261122T181046Z`: sorts by time within a cluster. */
export function backupId(cluster: string, at: Date): string {
  return `${cluster}-${at.toISOString().replace(/[-:]|\.\d+/g, "")}`;
}

/** Whether a folder of this name is, or was meant to be, a backup of the cluster. */
export function isIdOf(cluster: string, id: string): boolean {
  return id.startsWith(`${cluster}-`) && /^\d{8}T\d{6}Z$/.test(id.slice(cluster.length + 1));
}

export function isBackupId(id: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9._-]*-\d{8}T\d{6}Z$/.test(id);
}
