import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { assignSlots } from "../../../topology";

describe("slots by weight", () => {
  test("three shards get the ranges that redis-cli gives", () => {
    expect(assignSlots(3)).toEqual([
      [{ start: 0, end: 5460 }],
      [{ start: 5461, end: 10_922 }],
      [{ start: 10_923, end: 16_383 }],
    ]);
  });

  test("a shard of twice the weight gets twice the slots", () => {
    expect(assignSlots([2, 1, 1])).toEqual([
      [{ start: 0, end: 8191 }],
      [{ start: 8192, end: 12_287 }],
      [{ start: 12_288, end: 16_383 }],
    ]);
  });

  test("a share below half a slot is none", () => {
    expect(assignSlots([1, 1_000_000])).toEqual([[], [{ start: 0, end: 16_383 }]]);
  });

  test("every slot has one owner, and every shard its share to within one slot", () => {
    const weights = fc.array(fc.double({ min: 0.001, max: 1000, noNaN: true }), {
      minLength: 1,
      maxLength: 200,
    });
    fc.assert(
      fc.property(weights, (shares) => {
        const assigned = assignSlots(shares);
        const total = shares.reduce((sum, share) => sum + share, 0);
        let next = 0;
        for (const [index, ranges] of assigned.entries()) {
          const slots = ranges.reduce((sum, { start, end }) => sum + end - start + 1, 0);
          expect(Math.abs(slots - ((shares[index] ?? 0) / total) * 16_384)).toBeLessThanOrEqual(1 + 1e-6);
          for (const { start, end } of ranges) {
            expect(start).toBe(next);
            next = end + 1;
          }
        }
        expect(next).toBe(16_384);
      }),
    );
  });

  test("equal shards differ by one slot at most, whatever their number", () => {
    for (let shards = 1; shards <= 1000; shards++) {
      const sizes = assignSlots(shards).map(([range]) => (range ? range.end - range.start + 1 : 0));
      expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
    }
  });
});
