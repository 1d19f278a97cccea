/**
 * Reads a snapshot of Redis (RDB) as a stream, without a server and without decoding values: a value in the file is, byte
 * for byte, what DUMP gives and RESTORE takes. So keys can be counted by slot, and restored into any cluster, from the file alone.
 */
import calculateSlot from "cluster-key-slot";
import { sealWithCrc64 } from "./crc64";
import { Cursor, NEED_MORE } from "./cursor";
import { RdbFormatError } from "./errors";
import { skipValue } from "./values";

export { RdbFormatError } from "./errors";

/** One key. `value` points into the read window and is valid for good: windows are never written again. */
export interface RdbKey {
  readonly key: Buffer;
  readonly slot: number;
  readonly type: number;
  readonly value: Buffer;
  /** Unix time in ms; undefined: does not expire. */
  readonly expiresAtMs: number | undefined;
}

/** What a file says besides its keys. Complete once reading has ended. */
export interface RdbFacts {
  /** 9: Redis 5.0 to 6.2, 10: 7.0, 11: 7.2. */
  version: number;
  /** Aux fields, e.g. redis-ver, ctime, used-mem, repl-id, repl-offset. */
  readonly aux: Map<string, string>;
  /** Code of the function libraries (7.0 and later). */
  readonly functions: Buffer[];
}

/** Redis 7.2. Newer files may say things that would be passed over silently. */
const NEWEST_VERSION = 11;
const HEADER_BYTES = 9;
const CHECKSUM_BYTES = 8;
/** Bytes that are collected before anything is parsed: smaller windows mean more copying. */
const WINDOW_BYTES = 1024 * 1024;

const END = 0xff;

/** Reads keys, as many at a time as a window holds. */
export class RdbReader {
  readonly facts: RdbFacts = { version: 0, aux: new Map(), functions: [] };
  private cursor = new Cursor(Buffer.alloc(0));
  private expiresAtMs: number | undefined;
  private ended = false;

  /** @throws RdbFormatError for anything that is not a whole snapshot. */
  async *keys(stream: AsyncIterable<Buffer>): AsyncGenerator<RdbKey[]> {
    let waiting: Buffer[] = [];
    let bytes = 0;
    let wanted = WINDOW_BYTES;
    for await (const chunk of stream) {
      waiting.push(chunk);
      bytes += chunk.length;
      if (bytes < wanted) continue;
      const found = this.parse(waiting);
      if (found.length > 0) yield found;
      waiting = [];
      bytes = 0;
      // A value larger than the window: twice as much each time, so that what is read again stays within bounds.
      wanted = Math.max(WINDOW_BYTES, this.cursor.bytes.length - this.cursor.at);
    }
    const found = this.parse(waiting);
    if (found.length > 0) yield found;
    const left = this.cursor.bytes.length - this.cursor.at;
    if (!this.ended) throw new RdbFormatError("the file ends in the middle");
    if (left !== (this.facts.version >= 5 ? CHECKSUM_BYTES : 0))
      throw new RdbFormatError(`${left} bytes after the end of the snapshot`);
  }

  private parse(chunks: readonly Buffer[]): RdbKey[] {
    const rest = this.cursor.bytes.subarray(this.cursor.at);
    this.cursor = new Cursor(Buffer.concat([rest, ...chunks]));
    const found: RdbKey[] = [];
    let good = 0;
    try {
      while (!this.ended) {
        good = this.cursor.at;
        const key = this.next();
        if (key) found.push(key);
      }
    } catch (error) {
      if (error !== NEED_MORE) throw error;
      this.cursor.at = good;
    }
    return found;
  }

  /** One entry: nothing of it is kept before all of it has been read. */
  private next(): RdbKey | undefined {
    const { cursor } = this;
    if (this.facts.version === 0) return this.header();
    const type = cursor.byte();
    if (type >= 0xf4) return this.opcode(type);
    const key = cursor.string();
    const from = cursor.at;
    skipNamed(cursor, type, key);
    const value = cursor.bytes.subarray(from, cursor.at);
    const { expiresAtMs } = this;
    this.expiresAtMs = undefined;
    return { key, slot: calculateSlot(key), type, value, expiresAtMs };
  }

  private header(): undefined {
    const header = this.cursor.take(HEADER_BYTES).toString("latin1");
    const version = /^REDIS(\d{4})$/.exec(header)?.[1];
    if (version === undefined) throw new RdbFormatError("it does not begin as a snapshot of Redis");
    if (Number(version) > NEWEST_VERSION)
      throw new RdbFormatError(
        `it has format ${Number(version)}, this version of the kit reads up to ${NEWEST_VERSION}`,
      );
    this.facts.version = Number(version);
  }

  private opcode(code: number): undefined {
    const { cursor, facts } = this;
    switch (code) {
      case END:
        this.ended = true;
        return;
      case 0xfe:
        if (cursor.length() !== 0)
          throw new RdbFormatError("it has keys in another database than 0, which a cluster has not");
        return;
      case 0xfd:
        this.expiresAtMs = cursor.take(4).readUInt32LE() * 1000;
        return;
      case 0xfc:
        this.expiresAtMs = Number(cursor.take(8).readBigInt64LE());
        return;
      case 0xfb: // sizes of the tables
        cursor.length();
        cursor.length();
        return;
      case 0xfa: {
        const name = cursor.string().toString("latin1");
        const value = cursor.string().toString("latin1");
        facts.aux.set(name, value);
        return;
      }
      case 0xf9: // LFU frequency of the next key
        cursor.skip(1);
        return;
      case 0xf8: // LRU idle time of the next key
        cursor.length();
        return;
      case 0xf5:
        facts.functions.push(Buffer.from(cursor.string()));
        return;
      default:
        throw new RdbFormatError(
          code === 0xf7
            ? "it has data of a Redis module"
            : `it has an entry 0x${code.toString(16)}, which this version of the kit does not know`,
        );
    }
  }
}

function skipNamed(cursor: Cursor, type: number, key: Buffer): void {
  try {
    skipValue(cursor, type);
  } catch (error) {
    if (error instanceof RdbFormatError)
      throw new RdbFormatError(
        `key ${JSON.stringify(key.toString("latin1").slice(0, 100))}: ${error.message}`,
      );
    throw error;
  }
}

/** What RESTORE takes as the value: type, value, format version, checksum (src/cluster.c, createDumpPayload). */
export function restorePayload({ type, value }: Pick<RdbKey, "type" | "value">, version: number): Buffer {
  const payload = Buffer.allocUnsafe(1 + value.length + 2 + CHECKSUM_BYTES);
  payload[0] = type;
  value.copy(payload, 1);
  payload.writeUInt16LE(version, 1 + value.length);
  sealWithCrc64(payload, 1 + value.length + 2);
  return payload;
}
