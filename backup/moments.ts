/** Of which moments the shards' snapshots are: none before the backup was begun, and how far apart. Pure. */
import type { ShardBackup } from "./manifest";

/** Saves begin together; one that begins so much later had to wait. */
const APART_S = 60;

/** One line where the moments are more than a minute apart. */
export function apartWarning(shards: readonly Pick<ShardBackup, "shard" | "node" | "savedAt">[]): string[] {
  const inOrder = [...shards].sort((one, other) => one.savedAt.localeCompare(other.savedAt));
  const [first, last] = [inOrder[0], inOrder.at(-1)];
  if (!first || !last) return [];
  const seconds = Math.round((new Date(last.savedAt).getTime() - new Date(first.savedAt).getTime()) / 1000);
  if (seconds <= APART_S) return [];
  return [
    `shard ${last.shard} was saved ${seconds} s after shard ${first.shard}: ${last.node} had to end another save, rewrite or load first, or its clock is wrong. ` +
      "Keys of the two that belong together may not fit; take another backup if that matters",
  ];
}

/** What a replica was to have when it was chosen, and what its snapshot says that it holds. */
export interface Position {
  readonly role: "primary" | "replica";
  /** The primary's replication offset when the backup was begun. */
  readonly wanted: number;
  /** Of the snapshot; undefined where it names none. */
  readonly saved: number | undefined;
}

/**
 * Why the snapshot is not what was chosen: a node that lost its primary in between and began anew from an older state.
 * A primary that never had a replica counts no offset, and its snapshot names none.
 */
export function olderThanChosen({ role, wanted, saved }: Position): string | undefined {
  if (saved === undefined)
    return role === "primary" ? undefined : "it does not say how far it followed its primary";
  if (saved >= wanted) return undefined;
  return `it ends at replication offset ${saved}, and the shard's primary was at ${wanted} when the backup was begun`;
}
