import calculateSlot from "cluster-key-slot";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Ack } from "../../../cluster/drill";
import { electionMemoryMs } from "../../../cluster/drill/election";
import { PROBE_PREFIX, probeKey, tagsWithin } from "../../../cluster/drill/keys";
import { countPerBucket, longestGap, settledMs } from "../../../cluster/drill/measure";

function acksAt(...times: number[]): Ack[] {
  return times.map((atMs) => ({ atMs, tookMs: 1, node: "a" }));
}

describe("the longest gap between acknowledged writes", () => {
  it.each([
    ["inside", acksAt(-10, 0, 5, 90, 95), 0, 100, { fromMs: 5, toMs: 90 }],
    ["that began before", acksAt(-10, 80, 90), 0, 100, { fromMs: -10, toMs: 80 }],
    ["that ends after", acksAt(-10, 0, 300), 0, 100, { fromMs: 0, toMs: 300 }],
    ["not one that was over", acksAt(-500, -10, 5, 8), 0, 100, { fromMs: -10, toMs: 5 }],
    ["not one that begins later", acksAt(0, 5, 100, 900), 0, 100, { fromMs: 5, toMs: 100 }],
    ["of one write", acksAt(5), 0, 100, { fromMs: 0, toMs: 0 }],
    ["of none", [], 0, 100, { fromMs: 0, toMs: 0 }],
  ])("%s", (_, acks, fromMs, toMs, gap) => {
    expect(longestGap(acks, fromMs, toMs)).toEqual(gap);
  });
  it("the failover is over when putting back begins", () => {
    const events = [
      { kind: "agreed", atMs: 700, text: "" },
      { kind: "restarting", atMs: 2200, text: "" },
      { kind: "in-sync", atMs: 3000, text: "" },
    ] as const;
    expect(settledMs(events)).toBe(2200);
    expect(settledMs([])).toBe(Number.POSITIVE_INFINITY);
  });
});

describe("buckets", () => {
  it("count every write in the range once", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: -50, max: 150 })),
        fc.integer({ min: 1, max: 40 }),
        (times, bucketMs) => {
          const counts = countPerBucket(acksAt(...times), 0, 100, bucketMs);
          const within = times.filter((atMs) => atMs >= 0 && atMs < counts.length * bucketMs);
          expect(counts.reduce((sum, count) => sum + count, 0)).toBe(within.length);
        },
      ),
    );
  });
});

describe("the probe's keys", () => {
  const slot = fc.integer({ min: 0, max: 16_383 });
  it("are in slots of the shard, each slot once", () => {
    fc.assert(
      fc.property(slot, fc.integer({ min: 200, max: 6000 }), (start, length) => {
        const ranges = [{ start, end: Math.min(16_383, start + length) }];
        const slots = tagsWithin(ranges).map((tag) => calculateSlot(probeKey("run", tag, 7)));
        expect(new Set(slots).size).toBe(slots.length);
        expect(slots.every((one) => one >= start && one <= start + length)).toBe(true);
        expect(slots.length).toBe(Math.min(16, (ranges[0]?.end ?? 0) - start + 1));
      }),
      { numRuns: 30 },
    );
  });
  it("find a shard of a single slot", () => {
    expect(tagsWithin([{ start: 12_345, end: 12_345 }]).map((tag) => calculateSlot(tag))).toEqual([12_345]);
  });
  it("are in the reserved prefix", () => {
    expect(probeKey("run", "x", 1)).toBe(`${PROBE_PREFIX}run:{x}:1`);
  });
});

it("Redis remembers an election for four node timeouts, and four seconds at least", () => {
  expect(electionMemoryMs(5000)).toBe(21_000);
  expect(electionMemoryMs(100)).toBe(5000);
});
