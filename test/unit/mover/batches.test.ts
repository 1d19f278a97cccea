import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Batch, CostModel, groupBatches, packBatches } from "../../../cluster/mover/batches";

const keys = fc.array(
  fc.record({
    slot: fc.integer({ min: 0, max: 5 }),
    key: fc.uint8Array({ maxLength: 4 }).map((bytes) => Buffer.from(bytes)),
    bytes: fc.integer({ min: 0, max: 500 }),
  }),
  { maxLength: 60 },
);
const limits = fc.record({
  maxKeys: fc.integer({ min: 1, max: 10 }),
  maxBytes: fc.integer({ min: 1, max: 600 }),
});

describe("packBatches", () => {
  it("keeps every key once, in order, and no two slots in one batch", () =>
    fc.assert(
      fc.property(keys, limits, (all, bounds) => {
        const batches = packBatches(all, bounds);
        expect(batches.flatMap((batch) => batch.keys)).toEqual(all);
        for (const batch of batches)
          expect(new Set(batch.keys.map((key) => key.slot))).toEqual(new Set([batch.slot]));
      }),
    ));

  it("stays within the limits, except for a key that is above them alone", () =>
    fc.assert(
      fc.property(keys, limits, (all, bounds) => {
        for (const batch of packBatches(all, bounds)) {
          expect(batch.bytes).toBe(batch.keys.reduce((sum, key) => sum + key.bytes, 0));
          if (batch.keys.length === 1) continue;
          expect(batch.keys.length).toBeLessThanOrEqual(bounds.maxKeys);
          expect(batch.bytes).toBeLessThanOrEqual(bounds.maxBytes);
        }
      }),
    ));
});

describe("groupBatches", () => {
  const batchOf = (bytes: number): Batch => ({ slot: 0, keys: [], bytes });
  const cost = (batch: Batch) => batch.bytes;

  it.each<[number[], number, number[][]]>([
    [[4, 4, 4, 20, 1], 9, [[4, 4], [4], [20], [1]]],
    [[1, 1, 1, 1, 1], 2, [[1, 1], [1, 1], [1]]],
    [[], 9, []],
  ])("cuts %j, at most %i a group, into %j", (batches, most, groups) => {
    const cut = groupBatches(batches.map(batchOf), cost, 10, most);
    expect(cut.map((group) => group.map(cost))).toEqual(groups);
  });
});

describe("CostModel", () => {
  it("comes to expect what it is shown", () => {
    const model = new CostModel();
    for (let round = 0; round < 20; round++) model.learn(100, 10_000, 30);
    expect(model.estimateMs(100, 10_000)).toBeCloseTo(30, 0);
    expect(model.estimateMs(200, 20_000)).toBeCloseTo(60, 0);
  });

  it("is not thrown off by one batch that met a busy server", () => {
    const model = new CostModel();
    for (let round = 0; round < 20; round++) model.learn(100, 10_000, 1);
    const before = model.estimateMs(100, 10_000);
    model.learn(100, 10_000, 100_000);
    expect(model.estimateMs(100, 10_000)).toBeLessThan(before + 50);
  });

  it("learns nothing from an empty batch", () => {
    const model = new CostModel();
    const before = model.estimateMs(1, 1);
    model.learn(0, 0, 50);
    expect(model.estimateMs(1, 1)).toBe(before);
  });
});
