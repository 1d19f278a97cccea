/** Whether a backup may go into a cluster. Pure. */
import { expandRanges } from "../cluster/slots";
import { BackupRefusedError } from "./errors";
import type { LiveShard } from "./fit";
import type { Manifest } from "./manifest";
import type { Marker } from "./marker";

export interface TargetQuestion {
  readonly name: string;
  readonly shards: readonly LiveShard[];
  readonly manifest: Manifest;
  /** The marker in the cluster, and the one that this restore would write. */
  readonly found: Marker | undefined;
  readonly marker: Marker;
}

/** @throws BackupRefusedError */
export function refuseTarget(question: TargetQuestion): void {
  refuseForeignKeys(question);
  refuseOlderRedis(question);
  refuseTooSmall(question);
}

function refuseForeignKeys({ name, shards, found, marker }: TargetQuestion): void {
  if (found !== undefined) {
    if (found.id === marker.id && found.sha256 === marker.sha256) return;
    throw new BackupRefusedError(
      `${name} holds a restore of ${found.id} that has not finished. Finish that one, or empty the cluster (FLUSHALL on every primary) first.`,
    );
  }
  if (hasKeys(shards)) throw foreignKeys(name, shards);
}

export function hasKeys(shards: readonly LiveShard[]): boolean {
  return shards.some(({ primary }) => primary.up.keys > 0);
}

export function foreignKeys(name: string, shards: readonly LiveShard[]): BackupRefusedError {
  const full = shards
    .filter(({ primary }) => primary.up.keys > 0)
    .map(({ primary }) => `${primary.up.keys} on ${primary.up.name}`);
  return new BackupRefusedError(
    `${name} has keys (${full.join(", ")}), and a restore never mixes with them or deletes them. ` +
      "Restore into a new cluster, or empty this one yourself (FLUSHALL on every primary) if its keys are not wanted.",
  );
}

/**
 * Whether the keys that are there could be exactly those of the backup, by their number in each slot: the restore may have
 * been killed between its last act and its last word. Only then the files are read to find out.
 */
export function couldBe(manifest: Manifest, counts: Uint32Array): boolean {
  let sum = 0;
  for (const { slots, keysPerSlot } of manifest.shards)
    for (const [at, slot] of expandRanges(slots).entries()) {
      const count = counts[slot] ?? 0;
      if (keysPerSlot !== undefined && count > (keysPerSlot[at] ?? 0)) return false;
      sum += count;
    }
  const expiring = manifest.shards.reduce((total, shard) => total + shard.expiring, 0);
  return sum <= manifest.keys && sum >= manifest.keys - expiring;
}

function refuseOlderRedis({ shards, manifest }: TargetQuestion): void {
  for (const { primary, replicas } of shards)
    for (const { up } of [primary, ...replicas])
      if (lineOf(up.version) < lineOf(manifest.redisVersion))
        throw new BackupRefusedError(
          `${up.name} runs Redis ${up.version}, the backup is of ${manifest.redisVersion}, which it cannot read. ` +
            `Declare redisVersion ${manifest.redisVersion} or newer.`,
        );
}

/** Where keys would be evicted or refused before all are there, nothing is begun. */
function refuseTooSmall({ name, shards, manifest }: TargetQuestion): void {
  if (shards.some(({ primary }) => primary.up.maxmemoryBytes === 0)) return;
  const room = shards.reduce((sum, { primary }) => sum + primary.up.maxmemoryBytes, 0);
  const needed = manifest.shards.reduce((sum, { usedMemoryBytes }) => sum + usedMemoryBytes, 0);
  if (needed > room)
    throw new BackupRefusedError(
      `${name} is too small: the backup's nodes used ${mebibytes(needed)} MiB, maxmemory of all primaries is ${mebibytes(room)} MiB together. ` +
        "Raise redis.maxmemory or shards first.",
    );
}

function lineOf(version: string): number {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  return major * 1000 + minor;
}

function mebibytes(bytes: number): number {
  return Math.round(bytes / 1024 ** 2);
}
