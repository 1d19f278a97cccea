import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type PlacedServer, placeServers } from "../../../topology/servers";

/** "abcab" is five servers in these zones. */
const inZones = (zones: string): PlacedServer[] =>
  [...zones].map((zone, index) => ({ name: `s${index + 1}`, zone }));
const placed = (zones: string, members: number) =>
  placeServers(inZones(zones), members)?.map((shard) => shard.map(({ name }) => name).join("+"));

describe("servers become shards", () => {
  test.each([
    ["the usual six, zone after zone", "abcabc", 2, ["s1+s2", "s3+s4", "s5+s6"]],
    ["shard by shard", "abbcca", 2, ["s1+s2", "s3+s4", "s5+s6"]],
    ["listed by zone: no zone gets two primaries", "aabbcc", 2, ["s1+s3", "s5+s2", "s4+s6"]],
    ["a pair more", "abcabcab", 2, ["s1+s2", "s3+s4", "s5+s6", "s7+s8"]],
    ["without replicas", "abc", 1, ["s1", "s2", "s3"]],
    ["two replicas", "abcabcabc", 3, ["s1+s2+s3", "s5+s4+s6", "s9+s7+s8"]],
    ["one zone: nothing can be kept apart", "aaaaaa", 2, ["s1+s2", "s3+s4", "s5+s6"]],
    ["two pairs that only fit together", "abcabcaabb", 2, ["s1+s2", "s3+s4", "s5+s6", "s7+s9", "s10+s8"]],
  ])("%s", (_, zones, members, expected) => {
    expect(placed(zones, members)).toEqual(expected);
  });

  test.each([
    ["a zone with more than half of the servers", "aaaabb", 2],
    ["too many of one zone at the end", "abcabcaa", 2],
    ["a server too many", "abcabca", 2],
  ])("cannot be placed: %s", (_, zones, members) => {
    expect(placed(zones, members)).toBeUndefined();
  });

  const lists = fc.record({
    zones: fc.array(fc.constantFrom("a", "b", "c", "d"), { minLength: 3, maxLength: 24 }),
    members: fc.integer({ min: 1, max: 3 }),
  });

  test("every server once, and never two of a shard in one zone where there are zones enough", () => {
    fc.assert(
      fc.property(lists, ({ zones, members }) => {
        const servers = inZones(zones.join(""));
        const shards = placeServers(servers, members);
        if (shards === undefined) return;
        const names = shards.flat().map(({ name }) => name);
        expect([...names].sort()).toEqual(servers.map(({ name }) => name).sort());
        for (const shard of shards) {
          expect(shard).toHaveLength(members);
          const apart = new Set(zones).size >= members ? members : 1;
          expect(new Set(shard.map(({ zone }) => zone)).size).toBeGreaterThanOrEqual(apart);
        }
      }),
    );
  });

  test("what is appended moves nobody who was there before", () => {
    fc.assert(
      fc.property(lists, fc.array(fc.constantFrom("a", "b", "c", "d"), { maxLength: 6 }), (list, more) => {
        const zones = list.zones.join("");
        // The smallest cluster has three shards.
        if (new Set(zones).size < list.members || zones.length < 3 * list.members) return;
        const before = placed(zones, list.members);
        const after = placed(zones + more.join(""), list.members);
        if (before === undefined || after === undefined) return;
        expect(after.slice(0, before.length)).toEqual(before);
      }),
      { numRuns: 500 },
    );
  });

  test("where no zone is too full for the first shards, they can be placed", () => {
    fc.assert(
      fc.property(fc.shuffledSubarray([..."aabbcc"], { minLength: 6 }), (zones) => {
        expect(placed(zones.join(""), 2)).toHaveLength(3);
      }),
    );
  });
});
