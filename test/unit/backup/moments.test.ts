/** Of which moments the shards' snapshots may be. */
import { describe, expect, it } from "vitest";
import { apartWarning, olderThanChosen } from "../../../backup/moments";

const at = (shard: number, second: number) => ({
  shard,
  node: `shard-${shard}-b`,
  savedAt: new Date(Date.UTC(2026, 10, 22, 3, 15, second)).toISOString(),
});

describe("moments of shards", () => {
  it("may be a minute apart", () => expect(apartWarning([at(1, 60), at(2, 0), at(3, 30)])).toEqual([]));

  it("that are further apart are told, with the seconds and the node that was late", () => {
    const [warning, ...more] = apartWarning([at(1, 5), at(2, 96), at(3, 0)]);
    expect(warning).toMatch(/^shard 2 was saved 96 s after shard 3: shard-2-b had to end another save/);
    expect(more).toEqual([]);
  });
});

describe("a snapshot", () => {
  it.each([
    { role: "replica", wanted: 500, saved: 500 },
    { role: "replica", wanted: 500, saved: 501 },
    { role: "primary", wanted: 500, saved: 500 },
    // Never had a replica.
    { role: "primary", wanted: 0, saved: undefined },
  ] as const)("of a $role at $saved is good where $wanted was wanted", (position) => {
    expect(olderThanChosen(position)).toBeUndefined();
  });

  it.each([
    { role: "replica", wanted: 500, saved: 499, why: /ends at replication offset 499, .* was at 500 when/ },
    { role: "replica", wanted: 500, saved: undefined, why: /does not say how far/ },
    { role: "primary", wanted: 500, saved: 0, why: /ends at replication offset 0/ },
  ] as const)("of a $role at $saved is none where $wanted was wanted", ({ why, ...position }) => {
    expect(olderThanChosen(position)).toMatch(why);
  });
});
