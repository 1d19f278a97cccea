import { describe, expect, it } from "vitest";
import { estimateMoves } from "../../../cluster/plan/estimate";
import type { MoveEstimate, SlotMove } from "../../../cluster/plan/types";
import type { ClusterSpec } from "../../../cluster/spec";
import { survey } from "../../../cluster/survey";
import { healthyNodes, specFor, view } from "../../support/views";

const KEYS = 400_000;
const fromThree: readonly SlotMove[] = [
  { source: "s0-m0", target: "s3-m0", slots: [{ start: 0, end: 1365 }] },
  { source: "s1-m0", target: "s3-m0", slots: [{ start: 5461, end: 6826 }] },
  { source: "s2-m0", target: "s3-m0", slots: [{ start: 10_923, end: 12_288 }] },
];
const fromOne: readonly SlotMove[] = [
  { source: "s0-m0", target: "s1-m0", slots: [{ start: 0, end: 2047 }] },
  { source: "s0-m0", target: "s2-m0", slots: [{ start: 2048, end: 4095 }] },
];

function estimated(
  moves: readonly SlotMove[],
  impact?: ClusterSpec["maxMigrationImpact"],
  datasetBytes = 0,
): MoveEstimate {
  const base = specFor(3, 0);
  const spec = impact === undefined ? base : { ...base, maxMigrationImpact: impact };
  const nodes = healthyNodes(spec, KEYS).map((node) => ({ ...node, datasetBytes }));
  return estimateMoves(survey(spec, view(...nodes)), moves);
}

describe("the estimate of a move", () => {
  it("takes a source's keys as spread evenly over its slots", () => {
    expect(estimated(fromThree).keys / (3 * KEYS * (1366 / 5461))).toBeCloseTo(1, 3);
  });

  it("is longer the less of a server the move may take, and normal is the default", () => {
    const [low, some, normal, more, high] = (["low", 40, "normal", 80, "high"] as const).map(
      (impact) => estimated(fromThree, impact).durationMs,
    );
    expect(low).toBeGreaterThan(some ?? 0);
    expect(some).toBeGreaterThan(normal ?? 0);
    expect(normal).toBeGreaterThan(more ?? 0);
    expect(more).toBeGreaterThan(high ?? 0);
    expect(estimated(fromThree).durationMs).toBe(normal);
  });

  it("takes a number that a preset stands for like the preset", () => {
    for (const [percent, preset] of [
      [20, "low"],
      [60, "normal"],
      [100, "high"],
    ] as const)
      expect(estimated(fromOne, percent)).toEqual(estimated(fromOne, preset));
  });

  it("is finite at the smallest setting", () => {
    expect(estimated(fromOne, 1).durationMs).toBeGreaterThan(estimated(fromOne, "low").durationMs);
    expect(estimated(fromOne, 1).durationMs).toBeLessThan(Number.POSITIVE_INFINITY);
  });

  it("is longer where one source has all the keys", () => {
    const [three, one] = [estimated(fromThree, "low"), estimated(fromOne, "low")];
    expect(one.durationMs / one.keys).toBeGreaterThan(2 * (three.durationMs / three.keys));
  });

  it("counts bytes beside keys", () => {
    const large = estimated(fromThree, "normal", KEYS * 16_384);
    expect(large.durationMs).toBeGreaterThan(5 * estimated(fromThree, "normal").durationMs);
  });

  it("has slots without keys take a moment", () => {
    const base = specFor(3, 0);
    const { durationMs } = estimateMoves(survey(base, view(...healthyNodes(base, 0))), fromThree);
    expect(durationMs).toBeGreaterThan(0);
    expect(durationMs).toBeLessThan(1000);
  });
});
