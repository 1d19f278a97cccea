import { describe, expect, it } from "vitest";
import { impactLimits, type MigrationImpact, pauseAfter } from "../../../cluster/mover/impact";

describe("maxMigrationImpact", () => {
  it("is normal unless said otherwise", () => expect(impactLimits()).toEqual(impactLimits("normal")));

  it.each<[MigrationImpact, number]>([
    ["low", 0.2],
    ["high", 1],
    [35, 0.35],
    [1, 0.01],
    [100, 1],
  ])("%s is a share of %s", (impact, share) => expect(impactLimits(impact).share).toBeCloseTo(share));

  it("lets batches block for longer the more it may take", () => {
    const blocks = Array.from({ length: 100 }, (_, index) => impactLimits(index + 1).batchMs);
    expect(blocks).toEqual([...blocks].sort((a, b) => a - b));
    expect([blocks[0], blocks[99]]).toEqual([0.2, 2]);
  });

  it("sends few keys at once where it may block for a short time only", () => {
    const keys = (["low", 40, "normal", "high"] as const).map((impact) => impactLimits(impact).keysAtOnce);
    expect(keys).toEqual([20, 60, 100, 100]);
  });

  it.each([0, -1, 101, Number.NaN])("refuses %s with what is allowed", (impact) =>
    expect(() => impactLimits(impact)).toThrow(/from 1 to 100/),
  );

  it("lets sources take turns at a target below normal, and queue up there at high only", () => {
    const widths = [1, "low", 59, "normal", 99, "high"] as const;
    expect(widths.map((impact) => impactLimits(impact).groupsAtTarget)).toEqual([1, 1, 1, 3, 3, Infinity]);
  });

  it("pauses so long that batches take their share of the time and no more", () => {
    for (const impact of ["low", "normal", "high", 10] as const) {
      const limits = impactLimits(impact);
      expect(8 / (8 + pauseAfter(8, limits))).toBeCloseTo(limits.share);
    }
  });
});
