import { describe, expect, it } from "vitest";
import { impactLimits, type MigrationImpact } from "../../../cluster/mover/impact";
import { Pace } from "../../../cluster/mover/pace";

/** A pace whose time passes by sleeping and by calls alone. */
function paced(impact: MigrationImpact) {
  let now = 0;
  const sleep = async (ms: number) => {
    now += ms;
  };
  const limits = impactLimits(impact);
  const pace = new Pace(limits, { now: () => now, sleep });
  /** One call of this length over a way of this length, there and back. */
  const call = async (tookMs: number, wayMs: number) => {
    await pace.turn(undefined);
    const start = now;
    now += tookMs + wayMs;
    pace.learnCall({ keys: 10, bytes: 1000, tookMs }, start);
  };
  return { pace, limits, call, elapsedMs: () => now };
}

describe("calls in turn", () => {
  it.each(["low", "normal", 35] as const)("take their share of the source's time at %s", async (impact) => {
    const { limits, call, elapsedMs } = paced(impact);
    for (let count = 0; count < 500; count++) await call(limits.batchMs, 0);
    expect((500 * limits.batchMs) / elapsedMs()).toBeCloseTo(limits.share, 1);
  });

  it("leave clients more after a long one", async () => {
    const { limits, call, elapsedMs } = paced("normal");
    await call(30, 0);
    const before = elapsedMs();
    await call(limits.batchMs, 0);
    expect(elapsedMs() - before).toBeCloseTo(30 * (1 / limits.share - 1) + limits.batchMs, 0);
  });

  it("do not wait where the way already took the clients' share, nor at full impact", async () => {
    for (const [impact, wayMs] of [["normal", 5] as const, ["high", 0] as const]) {
      const { limits, call, elapsedMs } = paced(impact);
      for (let count = 0; count < 100; count++) await call(limits.batchMs, wayMs);
      expect(elapsedMs()).toBeCloseTo(100 * (limits.batchMs + wayMs), 5);
    }
  });
});

describe("calls under way at once", () => {
  it("are one nearby, two at full impact, and more the longer the way, at most eight", async () => {
    const after = async (impact: MigrationImpact, wayMs: number) => {
      const { pace, limits, call } = paced(impact);
      await call(limits.batchMs, wayMs);
      return pace.callsUnderWay();
    };
    expect(await after("normal", 0.3)).toBe(1);
    expect(await after("high", 0.3)).toBe(2);
    expect(await after("normal", 3.4)).toBe(3);
    expect(await after("normal", 200)).toBe(8);
  });
});
