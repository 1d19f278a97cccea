/** Where a value of a snapshot ends, by its type (src/rdb.c of Redis 7.2, rdbLoadObject). Values are carried over as they are. */
import type { Cursor } from "./cursor";
import { RdbFormatError } from "./errors";

const STREAM_ID_BYTES = 16;
const TIME_BYTES = 8;

type Skip = (cursor: Cursor) => void;

const one: Skip = (cursor) => cursor.skipString();
const many: Skip = (cursor) => cursor.skipStrings(cursor.length());

const SKIPS = new Map<number, Skip>([
  [0, one], // string
  [1, many], // list
  [2, many], // set
  [3, skipOldSortedSet], // scores as text
  [4, (cursor) => cursor.skipStrings(2 * cursor.length())], // hash
  [5, skipSortedSet], // binary scores
  [9, one], // hash as zipmap
  [10, one], // list as ziplist
  [11, one], // set as intset
  [12, one], // sorted set as ziplist
  [13, one], // hash as ziplist
  [14, many], // list as quicklist
  [15, (cursor) => skipStream(cursor, 1)],
  [16, one], // hash as listpack
  [17, one], // sorted set as listpack
  [18, skipQuicklist], // of listpacks
  [19, (cursor) => skipStream(cursor, 2)],
  [20, one], // set as listpack
  [21, (cursor) => skipStream(cursor, 3)],
]);

const MODULE_TYPES: readonly number[] = [6, 7];

/** @throws RdbFormatError for a type that cannot be carried over: modules, and what is newer than Redis 7.2. */
export function skipValue(cursor: Cursor, type: number): void {
  const skip = SKIPS.get(type);
  if (skip) skip(cursor);
  else if (MODULE_TYPES.includes(type))
    throw new RdbFormatError("a value of a Redis module, which cannot be restored into a cluster without it");
  else throw new RdbFormatError(`a value of type ${type}, which this version of the kit does not know`);
}

function skipOldSortedSet(cursor: Cursor): void {
  for (let left = cursor.length(); left > 0; left--) {
    cursor.skipString();
    const bytes = cursor.byte();
    // 253 to 255 stand for not-a-number and the infinities.
    if (bytes < 253) cursor.skip(bytes);
  }
}

function skipSortedSet(cursor: Cursor): void {
  for (let left = cursor.length(); left > 0; left--) {
    cursor.skipString();
    cursor.skip(8);
  }
}

function skipQuicklist(cursor: Cursor): void {
  for (let left = cursor.length(); left > 0; left--) {
    cursor.length();
    cursor.skipString();
  }
}

/** `version` 2 came with 7.0 (first id, entries added, entries read of groups), 3 with 7.2 (active time of consumers). */
function skipStream(cursor: Cursor, version: 1 | 2 | 3): void {
  cursor.skipStrings(2 * cursor.length());
  skipLengths(cursor, version >= 2 ? 8 : 3);
  for (let groups = cursor.length(); groups > 0; groups--) {
    cursor.skipString();
    skipLengths(cursor, version >= 2 ? 3 : 2);
    for (let pending = cursor.length(); pending > 0; pending--) {
      cursor.skip(STREAM_ID_BYTES + TIME_BYTES);
      cursor.length();
    }
    for (let consumers = cursor.length(); consumers > 0; consumers--) {
      cursor.skipString();
      cursor.skip(version >= 3 ? 2 * TIME_BYTES : TIME_BYTES);
      cursor.skip(STREAM_ID_BYTES * cursor.length());
    }
  }
}

function skipLengths(cursor: Cursor, count: number): void {
  for (let left = count; left > 0; left--) cursor.length();
}
