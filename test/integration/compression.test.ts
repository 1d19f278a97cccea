/** Compression of payloads is off while values move that it does not make smaller, and only then. */
import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import calculateSlot from "cluster-key-slot";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Command } from "../../cluster/client";
import { type MoveContext, moveSlots } from "../../cluster/mover";
import { parsePairs } from "../../cluster/parse";
import type { SlotMove } from "../../cluster/plan/types";
import { BareCluster, contextOf } from "../support/bare-cluster";
import { redisBinaries } from "../support/redis-binaries";

const PASSWORD = "compression-password";
const LAST_SLOT = 2000;
const THERE: readonly SlotMove[] = [{ source: "a0", target: "d0", slots: [{ start: 0, end: LAST_SLOT }] }];
const BACK: readonly SlotMove[] = [{ source: "d0", target: "a0", slots: [{ start: 0, end: LAST_SLOT }] }];
/** A primary of 5.0 that loses its last slot may become a replica: this one stays. */
const KEPT: readonly SlotMove[] = [{ source: "c0", target: "d0", slots: [{ start: 16383, end: 16383 }] }];
/** 24 MB: sources with less than 16 MB are left alone. */
const [KEYS, VALUE_BYTES] = [1500, 16 * 1024];

let cluster: BareCluster;

beforeAll(async () => {
  const { server } = await redisBinaries("5.0");
  cluster = await BareCluster.form({ server, shards: 3, spares: 1, password: PASSWORD });
  await moveSlots({ moves: KEPT }, context());
});
afterAll(() => cluster.stop());
beforeEach(async () => {
  const client = await cluster.client("a0");
  await client.call("FLUSHALL");
  await client.call("CONFIG", "SET", "rdbcompression", "yes");
});

function context(over: Partial<MoveContext> = {}): MoveContext {
  return { ...contextOf(cluster), maxMigrationImpact: "high", progress: () => undefined, ...over };
}

async function fill(keys: number, value: (index: number) => Buffer): Promise<string[]> {
  const names: string[] = [];
  for (let index = 0; names.length < keys; index++)
    if (calculateSlot(`key:${index}`) <= LAST_SLOT) names.push(`key:${index}`);
  const client = await cluster.client("a0");
  await client.pipeline(names.map((name, index): Command => ["SET", name, value(index)]));
  return names;
}

async function compressionOf(node: string): Promise<string | undefined> {
  const reply = await (await cluster.client(node)).call("CONFIG", "GET", "rdbcompression");
  return parsePairs(reply).get("rdbcompression");
}

/** What the source was set to while the slots moved. */
async function seenWhile(work: () => Promise<unknown>): Promise<Set<string | undefined>> {
  const seen = new Set<string | undefined>();
  let isOver = false;
  const watch = async () => {
    while (!isOver) {
      seen.add(await compressionOf("a0"));
      await sleep(1);
    }
  };
  const watching = watch();
  try {
    await work();
  } finally {
    isOver = true;
    await watching;
  }
  return seen;
}

const move = () => moveSlots({ moves: THERE }, context());
const moveBack = () => moveSlots({ moves: BACK }, context());

describe("rdbcompression of a source", () => {
  it("is off while values move that do not compress, and on again after; they arrive as they were", async () => {
    const values = Array.from({ length: KEYS }, () => randomBytes(VALUE_BYTES));
    const names = await fill(KEYS, (index) => values[index] ?? Buffer.alloc(0));
    expect(await seenWhile(move)).toContain("no");
    expect(await compressionOf("a0")).toBe("yes");
    const target = await cluster.client("d0");
    const arrived = await target.pipelineBinary(names.map((name): Command => ["GET", name]));
    const wrong = names.filter((_, index) => {
      const reply = arrived[index];
      return !(Buffer.isBuffer(reply) && values[index]?.equals(reply));
    });
    expect(wrong).toEqual([]);
    await moveBack();
  });

  it("is on again after a move that was stopped", async () => {
    await fill(KEYS, () => randomBytes(VALUE_BYTES));
    const stop = new AbortController();
    const stopped = moveSlots(
      { moves: THERE },
      context({ signal: stop.signal, progress: () => stop.abort(new Error("enough")) }),
    );
    await expect(stopped).rejects.toThrow("enough");
    expect(await compressionOf("a0")).toBe("yes");
    await move();
    await moveBack();
  });

  it.each<[string, number, () => Buffer]>([
    ["values that compress", KEYS, () => Buffer.alloc(VALUE_BYTES, "redis ")],
    ["a source with little in it", 100, () => randomBytes(VALUE_BYTES)],
  ])("is left alone with %s", async (_, keys, value) => {
    await fill(keys, value);
    expect(await seenWhile(move)).toEqual(new Set(["yes"]));
    await moveBack();
  });

  it("stays off where it was off", async () => {
    await fill(KEYS, () => randomBytes(VALUE_BYTES));
    await (await cluster.client("a0")).call("CONFIG", "SET", "rdbcompression", "no");
    expect(await seenWhile(move)).toEqual(new Set(["no"]));
    expect(await compressionOf("a0")).toBe("no");
    await moveBack();
  });
});
