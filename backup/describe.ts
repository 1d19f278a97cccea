/** What the manifest says of one shard's file, once Redis itself and the kit agree about what is in it. */
import { basename } from "node:path";
import { expandRanges } from "../cluster/slots";
import { addressOf } from "../cluster/spec";
import { checkRdb, type RedisTools } from "./check-rdb";
import type { Contents } from "./copy";
import { BackupFailedError, textOf } from "./errors";
import type { LiveShard, Member } from "./fit";
import type { ShardBackup } from "./manifest";
import { olderThanChosen } from "./moments";
import type { Saved } from "./save";

/** The node that a shard is saved on. */
export interface Source extends Member {
  readonly shard: LiveShard;
  readonly warning?: string;
}

export interface Copied {
  readonly saved: Saved;
  /** The copy, on this machine. */
  readonly path: string;
  readonly contents: Contents;
}

/** @throws BackupFailedError where the file is not what was saved. */
export async function describeShard(
  tools: RedisTools,
  source: Source,
  { saved, path, contents }: Copied,
): Promise<ShardBackup> {
  const { spec, up, shard } = source;
  const { facts, expiring, perSlot, bytes, sha256 } = contents;
  const counted = await checkRdb(tools, path).catch((error: unknown) => {
    throw new BackupFailedError(`${spec.name}'s snapshot: ${textOf(error)}`);
  });
  if (counted !== contents.keys)
    throw new BackupFailedError(
      `${spec.name}'s snapshot: redis-check-rdb counts ${counted} keys, the kit ${contents.keys}. Report this.`,
    );
  const savedAt = Number(facts.aux.get("ctime") ?? 0);
  if (savedAt < saved.notBefore)
    throw new BackupFailedError(
      `${spec.name}: ${saved.path} is older than its save. Is another program writing there?`,
    );
  const offset = offsetIn(facts.aux);
  refuseOlder(source, offset);
  const keysPerSlot = expandRanges(shard.slots).map((slot) => perSlot[slot] ?? 0);
  const keys = keysPerSlot.reduce((sum, count) => sum + count, 0);
  const strays = contents.keys - keys;
  return {
    shard: shard.number,
    node: spec.name,
    nodeId: up.id,
    address: addressOf(spec),
    role: up.role,
    slots: [...shard.slots],
    replicationOffset: offset ?? up.offset,
    replicationId: facts.aux.get("repl-id") ?? "",
    savedAt: new Date(savedAt * 1000).toISOString(),
    keys,
    expiring: Math.min(expiring, keys),
    ...(strays === 0 ? {} : { strays }),
    keysPerSlot,
    usedMemoryBytes: Number(facts.aux.get("used-mem") ?? up.usedMemoryBytes),
    file: basename(path),
    bytes,
    sha256,
  };
}

/** Where it stood in the replication stream; undefined where it says nothing of that. */
function offsetIn(aux: ReadonlyMap<string, string>): number | undefined {
  const text = aux.get("repl-offset");
  return text === undefined ? undefined : Number(text);
}

function refuseOlder({ spec, up, shard }: Source, saved: number | undefined): void {
  const why = olderThanChosen({ role: up.role, wanted: shard.primary.up.offset, saved });
  if (why === undefined) return;
  throw new BackupFailedError(
    `${spec.name}'s snapshot is older than this backup: ${why}. Its link to its primary broke, or it was started again. ` +
      "Nothing was kept. Take the backup again when the replica is in sync (`status`).",
  );
}
