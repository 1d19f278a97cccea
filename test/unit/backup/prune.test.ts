import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isoWeek, keptBy, prune } from "../../../backup/prune";
import { manifestOf, placeOf } from "./support";

const DAY_MS = 86_400_000;
const START = Date.UTC(2026, 10, 22, 3, 15);

function daily(count: number) {
  return Array.from({ length: count }, (_, day) => {
    const startedAt = new Date(START - day * DAY_MS).toISOString();
    return { id: `day-${day}`, startedAt };
  });
}

describe("the policy", () => {
  it("keeps the newest of each day, week and month", () => {
    const kept = keptBy({ daily: 3, weekly: 2, monthly: 2 }, daily(60));
    // 22 November 2026 is a Sunday: the last day of its ISO week, so the newest of the week before is the 15th.
    expect([...kept].sort()).toEqual(["day-0", "day-1", "day-2", "day-22", "day-7"]);
  });

  it("keeps one of several on a day: the last", () => {
    const backups = [3, 9, 15].map((hour) => ({
      id: `at-${hour}`,
      startedAt: new Date(Date.UTC(2026, 0, 5, hour)).toISOString(),
    }));
    expect([...keptBy({ daily: 7, weekly: 0, monthly: 0 }, backups)]).toEqual(["at-15"]);
  });

  it.each([
    ["2026-11-22T03:15:00Z", "2026-W47"],
    ["2027-01-03T00:00:00Z", "2026-W53"],
    ["2026-01-01T00:00:00Z", "2026-W01"],
    ["2024-12-30T23:59:59Z", "2025-W01"],
  ])("%s is in ISO week %s", (time, week) => expect(isoWeek(new Date(time))).toBe(week));

  it("never keeps more than it says, and always the newest", () => {
    const times = fc.array(fc.integer({ min: 0, max: 400 * 24 }), { minLength: 1, maxLength: 60 });
    const policy = fc.record({ daily: fc.nat(10), weekly: fc.nat(6), monthly: fc.nat(14) });
    fc.assert(
      fc.property(times, policy, (hours, retention) => {
        const backups = hours.map((hour, index) => ({
          id: String(index),
          startedAt: new Date(START - hour * 3_600_000).toISOString(),
        }));
        const kept = keptBy(retention, backups);
        const most = retention.daily + retention.weekly + retention.monthly;
        expect(kept.size).toBeLessThanOrEqual(most);
        const newest = backups.reduce((one, other) => (other.startedAt > one.startedAt ? other : one));
        if (most > 0)
          expect([...kept].some((id) => backups[Number(id)]?.startedAt === newest.startedAt)).toBe(true);
      }),
    );
  });
});

describe("pruning", () => {
  it("removes nothing where no backup is good", async () => {
    const manifests = ["20261120", "20261121", "20261122"].map((day) =>
      manifestOf(
        `cache-${day}T031500Z`,
        `${day.slice(0, 4)}-${day.slice(4, 6)}-${day.slice(6)}T03:15:00.000Z`,
      ),
    );
    const place = placeOf(manifests);
    const report = await prune(place, "cache", { daily: 0, weekly: 0, monthly: 0 }, {});
    expect(report).toMatchObject({ removed: [], lastGood: undefined });
    expect(report.damaged).toHaveLength(3);
    expect(place.removed).toEqual([]);
  });
});
