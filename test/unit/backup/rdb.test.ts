/** The reader of snapshots on bytes made by hand; on Redis's own files it is tried in test/backup. */
import calculateSlot from "cluster-key-slot";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readContents } from "../../../backup/copy";
import { decompressLzf } from "../../../backup/rdb/lzf";
import { type RdbKey, RdbReader, restorePayload } from "../../../backup/rdb/reader";

const text = (value: string) => Buffer.concat([length(Buffer.byteLength(value)), Buffer.from(value)]);

function length(count: number): Buffer {
  if (count < 64) return Buffer.from([count]);
  if (count < 16_384) return Buffer.from([0x40 | (count >> 8), count & 0xff]);
  const bytes = Buffer.alloc(5);
  bytes[0] = 0x80;
  bytes.writeUInt32BE(count, 1);
  return bytes;
}

const bytes = (...parts: (number | Buffer)[]) =>
  Buffer.concat(parts.map((part) => (typeof part === "number" ? Buffer.from([part]) : part)));

function snapshot(...entries: Buffer[]): Buffer {
  return bytes(
    Buffer.from("REDIS0009"),
    0xfa,
    text("redis-ver"),
    text("5.0.14"),
    0xfe,
    0,
    ...entries,
    0xff,
    Buffer.alloc(8),
  );
}

async function read(file: Buffer, chunkBytes = file.length): Promise<{ keys: RdbKey[]; reader: RdbReader }> {
  const reader = new RdbReader();
  async function* chunks() {
    for (let at = 0; at < file.length; at += chunkBytes) yield file.subarray(at, at + chunkBytes);
  }
  const keys: RdbKey[] = [];
  for await (const found of reader.keys(chunks())) keys.push(...found);
  return { keys, reader };
}

const EXPIRES = Buffer.alloc(8);
EXPIRES.writeBigInt64LE(1_800_000_000_123n);
const ENTRIES = [
  bytes(0, text("plain"), text("value")),
  bytes(0xfc, EXPIRES, 0, text("expiring"), 0xc0, 42),
  bytes(4, text("hash"), length(2), text("a"), text("1"), text("b"), text("2")),
  bytes(5, text("zset"), length(1), text("m"), Buffer.alloc(8)),
  bytes(3, text("old-zset"), length(2), text("m"), 255, text("n"), 1, Buffer.from("7")),
  bytes(14, text("list"), length(1), text("ziplist")),
  bytes(18, text("list-7.0"), length(1), length(2), text("listpack")),
  bytes(0xf8, 10, 0, 0xc2, Buffer.from([57, 48, 0, 0]), text("its key is the number 12345")),
  bytes(0xf9, 3, 1, text("{tag}key"), length(0)),
];

describe("a snapshot", () => {
  it("gives its keys with slots, types, times of expiry and facts", async () => {
    const { keys, reader } = await read(snapshot(...ENTRIES));
    expect(keys.map(({ key, type }) => `${key.toString()} ${type}`)).toEqual([
      "plain 0",
      "expiring 0",
      "hash 4",
      "zset 5",
      "old-zset 3",
      "list 14",
      "list-7.0 18",
      "12345 0",
      "{tag}key 1",
    ]);
    expect(keys.map(({ expiresAtMs }) => expiresAtMs).filter(Boolean)).toEqual([1_800_000_000_123]);
    expect(keys[1]?.value).toEqual(Buffer.from([0xc0, 42]));
    for (const { key, slot } of keys) expect(slot).toBe(calculateSlot(key));
    expect(reader.facts.version).toBe(9);
    expect(reader.facts.aux.get("redis-ver")).toBe("5.0.14");
  });

  it("is read the same in whatever pieces it comes", async () => {
    const file = snapshot(...ENTRIES, bytes(0, text("big"), text("x".repeat(3_000_000))), ...ENTRIES);
    const whole = (await read(file)).keys;
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 50_000, max: 3_000_000 }), async (chunkBytes) => {
        const pieces = (await read(file, chunkBytes)).keys;
        expect(pieces.length).toBe(whole.length);
        for (const [at, key] of pieces.entries())
          expect(key.value.equals(whole[at]?.value ?? Buffer.alloc(0))).toBe(true);
      }),
      { numRuns: 10 },
    );
  });

  it.each([
    ["ends in the middle", snapshot(...ENTRIES).subarray(0, 60), "the file ends in the middle"],
    ["is something else", Buffer.from("PK zip zip zip zip zip"), "does not begin as a snapshot"],
    ["goes on after its end", bytes(snapshot(), 1), "9 bytes after the end"],
    ["has module data", snapshot(bytes(7, text("m"), 0)), 'key "m": a value of a Redis module'],
    [
      "has keys elsewhere",
      bytes(Buffer.from("REDIS0009"), 0xfe, 3, 0xff, Buffer.alloc(8)),
      "another database than 0",
    ],
    ["is of the future", Buffer.from("REDIS0099 and more"), "format 99"],
  ])("that %s is refused", async (_, file, reason) => {
    await expect(read(file)).rejects.toThrow(reason);
  });

  it("is counted by slot while it is copied", async () => {
    const file = snapshot(...ENTRIES);
    async function* whole() {
      yield file;
    }
    const { keys, expiring, perSlot, bytes: size } = await readContents(whole(), async () => undefined);
    expect({ keys, expiring, size }).toEqual({ keys: 9, expiring: 1, size: file.length });
    expect(perSlot[calculateSlot("plain")]).toBe(1);
  });
});

it("a payload is what DUMP of Redis 5.0 gives", () => {
  // SET k 10, DUMP k on 5.0.6.
  const payload = restorePayload({ type: 0, value: Buffer.from([0xc0, 0x0a]) }, 9);
  expect(payload.toString("hex")).toBe("00c00a0900be6d06895a28000a");
});

it("LZF repeats what it refers to, and refuses nonsense", () => {
  expect(decompressLzf(Buffer.from([0, 97, 0xe0, 2, 0]), 12).toString()).toBe("a".repeat(12));
  expect(() => decompressLzf(Buffer.from([0xe0, 2, 9]), 12)).toThrow("refers outside of itself");
  expect(() => decompressLzf(Buffer.from([0, 97]), 2)).toThrow("1 bytes instead of 2");
});
