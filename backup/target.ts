/** Whether a backup may go into a cluster. Pure. */
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
  const full = shards
    .filter(({ primary }) => primary.up.keys > 0)
    .map(({ primary }) => `${primary.up.keys} on ${primary.up.name}`);
  if (full.length > 0)
    throw new BackupRefusedError(
      `${name} has keys (${full.join(", ")}), and a restore never mixes with them or deletes them. ` +
        "Restore into a new cluster, or empty this one yourself (FLUSHALL on every primary) if its keys are not wanted.",
    );
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
