/** Reads the primitives of a snapshot from a window of bytes: lengths, strings, numbers (src/rdb.c, rdbLoadLen and rdbLoadString). */
import { constants } from "node:buffer";
import { RdbFormatError } from "./errors";
import { decompressLzf } from "./lzf";

/** The window ends within what is being read: more bytes are needed, then the reading begins again. Thrown, never shown. */
export const NEED_MORE: unique symbol = Symbol("need more");

/** What one buffer can hold: no value that the kit can carry over is larger. */
const MOST_BYTES = constants.MAX_LENGTH;
const INT_BYTES = [1, 2, 4] as const;
const LZF = 3;

export class Cursor {
  constructor(
    public bytes: Buffer,
    public at = 0,
  ) {}

  skip(count: number): void {
    if (count > MOST_BYTES) throw new RdbFormatError(`something claims to have ${count} bytes`);
    if (this.at + count > this.bytes.length) throw NEED_MORE;
    this.at += count;
  }

  byte(): number {
    if (this.at >= this.bytes.length) throw NEED_MORE;
    return this.bytes[this.at++] as number;
  }

  take(count: number): Buffer {
    const from = this.at;
    this.skip(count);
    return this.bytes.subarray(from, from + count);
  }

  /** A length; `encoding` instead where the first byte names a special string encoding. */
  lengthOrEncoding(): { readonly length: number } | { readonly encoding: number } {
    const first = this.byte();
    switch (first >> 6) {
      case 0:
        return { length: first & 0x3f };
      case 1:
        return { length: ((first & 0x3f) << 8) | this.byte() };
      case 2:
        if (first === 0x80) return { length: this.take(4).readUInt32BE() };
        if (first === 0x81) return { length: Number(this.take(8).readBigUInt64BE()) };
        throw new RdbFormatError(`a length begins with 0x${first.toString(16)}`);
      default:
        return { encoding: first & 0x3f };
    }
  }

  length(): number {
    const first = this.bytes[this.at];
    // Most lengths are one byte.
    if (first !== undefined && first < 0x40) {
      this.at++;
      return first;
    }
    const read = this.lengthOrEncoding();
    if ("length" in read) return read.length;
    throw new RdbFormatError(`string encoding ${read.encoding} where a length was expected`);
  }

  skipString(): void {
    this.skip(this.stringBytes());
  }

  /** Bytes of a string after its head. */
  private stringBytes(): number {
    const read = this.lengthOrEncoding();
    if ("length" in read) return read.length;
    const bytes = INT_BYTES[read.encoding];
    if (bytes !== undefined) return bytes;
    if (read.encoding !== LZF) throw new RdbFormatError(`unknown string encoding ${read.encoding}`);
    const compressed = this.length();
    this.length();
    return compressed;
  }

  skipStrings(count: number): void {
    for (let left = count; left > 0; left--) this.skipString();
  }

  string(): Buffer {
    const read = this.lengthOrEncoding();
    if ("length" in read) return this.take(read.length);
    switch (read.encoding) {
      case 0:
        return Buffer.from(String(this.take(1).readInt8()));
      case 1:
        return Buffer.from(String(this.take(2).readInt16LE()));
      case 2:
        return Buffer.from(String(this.take(4).readInt32LE()));
      case LZF: {
        const compressed = this.length();
        const length = this.length();
        return decompressLzf(this.take(compressed), length);
      }
      default:
        throw new RdbFormatError(`unknown string encoding ${read.encoding}`);
    }
  }
}
