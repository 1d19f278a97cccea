import { describe, expect, it } from "vitest";
import { phasesOf } from "../../../cluster/mover/move";
import { type Claims, claimsOf, type SlotProgress, stateOf } from "../../../cluster/mover/state";
import { parseClusterNodes } from "../../../cluster/parse";

const SLOT = 7;
const nobody = { migrating: new Map<number, string>(), importing: new Map<number, string>() };
const free: Claims = { name: "", id: "", epoch: 1, epochs: new Map(), owned: new Set(), ...nobody };
const source = (over: Partial<Claims> = {}): Claims => ({ ...free, name: "s", id: "S", ...over });
const target = (over: Partial<Claims> = {}): Claims => ({ ...free, name: "t", id: "T", ...over });
const owned = new Set([SLOT]);
const to = (id: string) => ({ migrating: new Map([[SLOT, id]]) });
const from = (id: string) => ({ importing: new Map([[SLOT, id]]) });

describe("stateOf", () => {
  it.each<[string, Claims, Claims, SlotProgress, boolean]>([
    ["untouched", source({ owned }), target(), "closed", false],
    ["importing set", source({ owned }), target(from("S")), "open", false],
    ["migrating set", source({ owned, ...to("T") }), target(), "open", false],
    ["both set", source({ owned, ...to("T") }), target(from("S")), "open", true],
    ["given to the target alone", source({ owned, ...to("T") }), target({ owned }), "announced", false],
    ["given and known", source(), target({ owned }), "taken", false],
  ])("%s", (_, s, t, progress, bothFlags) =>
    expect(stateOf(SLOT, s, t)).toEqual({ slot: SLOT, progress, bothFlags }),
  );

  it.each<[string, Claims, Claims, RegExp]>([
    ["nobody's", source(), target(), /neither s nor t claims it/],
    ["on its way to a third", source({ owned, ...to("X") }), target(), /migrating it to node X, not to t/],
    ["on its way from a third", source({ owned }), target(from("X")), /importing it from node X, not from s/],
  ])("refuses a slot that is %s", (_, s, t, message) => expect(() => stateOf(SLOT, s, t)).toThrow(message));
});

describe("claimsOf", () => {
  const line = (flags: string, primary: string) =>
    `${"a".repeat(40)} 10.0.0.1:7000@17000 myself,${flags} ${primary} 0 0 5 connected 0-3 [7->-${"b".repeat(40)}]\n`;

  it("reads slots, flags and epoch", () => {
    const told = claimsOf("a", "a".repeat(40), parseClusterNodes(line("master", "-")));
    expect([...told.owned]).toEqual([0, 1, 2, 3]);
    expect(told.epoch).toBe(5);
    expect(told.migrating.get(7)).toBe("b".repeat(40));
  });

  it("stops where a failover has happened, or the node is another one", () => {
    expect(() => claimsOf("a", "a".repeat(40), parseClusterNodes(line("slave", "c".repeat(40))))).toThrow(
      /failover/,
    );
    expect(() => claimsOf("a", "d".repeat(40), parseClusterNodes(line("master", "-")))).toThrow(
      /was replaced/,
    );
  });
});

describe("phasesOf", () => {
  const leg = (name: string) => ({ source: name[0] ?? "", target: name[1] ?? "", slots: [1] });

  it.each<[string[], string[][]]>([
    [["ad", "bd", "cd"], [["ad", "bd", "cd"]]],
    [["da", "db", "dc"], [["da", "db", "dc"]]],
    [["ab", "cd"], [["ab", "cd"]]],
    [
      ["ab", "bc"],
      [["ab"], ["bc"]],
    ],
    [
      ["ab", "bc", "ca"],
      [["ab"], ["bc"], ["ca"]],
    ],
    [
      ["ab", "ba", "cd"],
      [["ab", "cd"], ["ba"]],
    ],
    [[], []],
  ])("%j are done in %j", (legs, phases) => {
    const found = phasesOf(legs.map(leg)).map((phase) => phase.map(({ source: s, target: t }) => s + t));
    expect(found).toEqual(phases);
  });
});
