import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { planSlotRepair, type RepairAction, type SlotRepair } from "../../../cluster/mover/repair/decide";
import type { Absent, Replica, SlotEvidence, Witness } from "../../../cluster/mover/repair/evidence";

const SLOT = 609;

function witness(name: string, over: Partial<Witness> = {}): Witness {
  return { name, id: name.toUpperCase(), epoch: 1, ownerSeen: "S", keys: 0, slotCount: 5000, ...over };
}

function evidence(witnesses: readonly Witness[], over: Partial<SlotEvidence> = {}): SlotEvidence {
  return { slot: SLOT, witnesses, replicas: [], absent: [], shardOf: {}, ...over };
}

function plan(witnesses: readonly Witness[], over: Partial<SlotEvidence> = {}): SlotRepair {
  const decided = planSlotRepair(evidence(witnesses, over));
  if (decided.kind === "refusal") throw new Error(decided.reason);
  return decided;
}

function short(actions: readonly RepairAction[]): string[] {
  return actions.map((action) =>
    "source" in action ? `${action.kind} ${action.source} ${action.target}` : `${action.kind} ${action.node}`,
  );
}

const s = (over: Partial<Witness> = {}) => witness("s", over);
const t = (over: Partial<Witness> = {}) => witness("t", { epoch: 2, ...over });
const x = (over: Partial<Witness> = {}) => witness("x", { epoch: 3, ...over });

describe("a slot of one owner", () => {
  it.each<[string, Witness[], string, string[]]>([
    ["closed", [s({ keys: 5 }), t(), x()], "s", []],
    ["migrating set, target has nothing", [s({ migratingTo: "T", keys: 5 }), t(), x()], "s", ["stable s"]],
    ["migrating set, target has keys", [s({ migratingTo: "T" }), t({ keys: 2 }), x()], "s", ["forward s t"]],
    [
      "importing set, target has nothing",
      [s({ keys: 5 }), t({ importingFrom: "S" }), x()],
      "s",
      ["stable t"],
    ],
    ["importing set, target has keys", [s(), t({ importingFrom: "S", keys: 2 }), x()], "s", ["merge t s"]],
    ["both set", [s({ migratingTo: "T" }), t({ importingFrom: "S" }), x()], "s", ["forward s t"]],
    ["keys at a third", [s({ keys: 1 }), t(), x({ keys: 4 })], "s", ["merge x s"]],
    ["flag of an id that nobody knows", [s({ migratingTo: "GONE" }), t(), x()], "s", ["stable s"]],
    ["owner still importing", [s({ importingFrom: "T" }), t(), x()], "s", ["stable s"]],
    ["seen elsewhere by one, older", [s({ epoch: 9 }), t(), x({ ownerSeen: "T" })], "s", ["tell x"]],
    ["seen elsewhere by one, newer", [s(), t(), x({ ownerSeen: "T" })], "s", ["own s", "tell x"]],
  ])("%s", (_, witnesses, owner, actions) => {
    const decided = plan(witnesses);
    expect([decided.owner, short(decided.actions)]).toEqual([owner, actions]);
  });

  it("whose target was failed over goes on to the new primary of that shard", () => {
    const replicas: Replica[] = [{ name: "t0", id: "T0", primaryId: "T", ownerSeen: "S" }];
    const decided = plan([s({ migratingTo: "T0" }), t({ keys: 3 })], { replicas });
    expect(short(decided.actions)).toEqual(["forward s t"]);
  });

  it("whose target died goes on to the one that took its place", () => {
    const absent: Absent[] = [{ name: "t0", id: "T0", shard: 1, primary: true, epoch: 1 }];
    const decided = plan([s({ migratingTo: "T0" }), t({ keys: 3 })], { absent, shardOf: { t: 1, s: 0 } });
    expect(short(decided.actions)).toEqual(["forward s t"]);
  });
});

describe("a slot claimed by two", () => {
  it("belongs to the higher epoch; the other gives it up before it hears of it, and keeps its keys", () => {
    const decided = plan([s({ keys: 9 }), t({ ownerSeen: "T", keys: 1 }), x()]);
    expect(decided.owner).toBe("t");
    expect(short(decided.actions)).toEqual(["demote s", "tell x", "merge s t"]);
  });

  it("of one epoch belongs to the one that more nodes see, then to the one with more keys, never to the id", () => {
    const even = { epoch: 5 };
    expect(plan([s(even), t({ ...even, ownerSeen: "T" }), x({ ownerSeen: "T" })]).owner).toBe("t");
    expect(plan([s({ ...even, keys: 1 }), t({ ...even, ownerSeen: "T", keys: 2 })]).owner).toBe("t");
    expect(plan([s({ ...even, keys: 3 }), t({ ...even, ownerSeen: "T", keys: 2 })]).owner).toBe("s");
  });
});

describe("a slot of nobody", () => {
  it.each<[string, Witness[], string]>([
    ["named by its last owner", [s({ ownerSeen: "T", keys: 8 }), t({ importingFrom: "S" }), x()], "t"],
    ["keys at one", [s({ ownerSeen: undefined }), t({ ownerSeen: undefined, keys: 1 })], "t"],
    ["most keys", [s({ ownerSeen: undefined, keys: 2 }), t({ ownerSeen: undefined, keys: 1 })], "s"],
    ["imported by one", [s({ ownerSeen: undefined }), t({ ownerSeen: undefined, importingFrom: "S" })], "t"],
    ["seen at one that denies it", [s({ ownerSeen: undefined }), t(), x()], "s"],
    ["no trace at all", [s({ ownerSeen: undefined }), t({ ownerSeen: undefined, slotCount: 10 })], "t"],
  ])("%s", (_, witnesses, owner) => {
    const decided = plan(witnesses);
    expect(decided.owner).toBe(owner);
    expect(short(decided.actions)).toContain(`own ${owner}`);
  });
});

describe("a silent node", () => {
  const absent = (over: Partial<Absent> = {}): Absent[] => [
    { name: "down", id: "DOWN", shard: 9, primary: true, epoch: 4, ...over },
  ];

  it.each<[string, Witness[], Absent[], RegExp]>([
    [
      "keeps what it owns",
      [s({ ownerSeen: "DOWN" }), t({ ownerSeen: "DOWN" })],
      absent(),
      /down owns slot 609/,
    ],
    ["may be the owner of what nobody claims", [s({ ownerSeen: "T" }), t()], absent(), /it may be the owner/],
    [
      "wins over a claim that is older",
      [s({ epoch: 3 }), t({ ownerSeen: "DOWN" })],
      absent(),
      /down owns slot 609 and does not answer/,
    ],
    ["has keys of a half moved slot", [s({ migratingTo: "DOWN" }), t()], absent(), /half moved to down/],
  ])("%s", (_, witnesses, silent, reason) => {
    const decided = planSlotRepair(evidence(witnesses, { absent: silent }));
    expect(decided).toMatchObject({ kind: "refusal", slot: SLOT, reason: expect.stringMatching(reason) });
  });

  it("does not hold up a slot that another one owns by a newer epoch", () => {
    const decided = plan([s({ epoch: 9 }), t({ ownerSeen: "DOWN" })], { absent: absent() });
    expect(short(decided.actions)).toEqual(["tell t"]);
  });

  it("does not hold up anything as a replica", () => {
    expect(plan([s(), t()], { absent: absent({ primary: false, epoch: 0 }) }).actions).toEqual([]);
  });
});

const ids = ["A", "B", "C", "D", "GONE"];
const anyId = fc.constantFrom(...ids);
const anyWitness = (name: string) =>
  fc.record({
    name: fc.constant(name),
    id: fc.constant(name.toUpperCase()),
    epoch: fc.integer({ min: 0, max: 4 }),
    ownerSeen: fc.option(anyId, { nil: undefined }),
    keys: fc.integer({ min: 0, max: 3 }),
    slotCount: fc.integer({ min: 0, max: 100 }),
    flags: fc.record({ migratingTo: anyId, importingFrom: anyId }, { requiredKeys: [] }),
  });
const anyEvidence = fc
  .tuple(anyWitness("a"), anyWitness("b"), anyWitness("c"))
  .map((three) => evidence(three.map(({ flags, ...rest }) => ({ ...rest, ...flags }))));

describe("whatever the nodes tell", () => {
  it("there is one owner that answers, others give up before it rises, and no key stays beside it unmoved", () =>
    fc.assert(
      fc.property(anyEvidence, (told) => {
        const decided = planSlotRepair(told);
        if (decided.kind === "refusal") throw new Error(decided.reason);
        const kinds = decided.actions.map(({ kind }) => kind);
        if (kinds.includes("demote") && kinds.includes("own"))
          expect(kinds.lastIndexOf("demote")).toBeLessThan(kinds.indexOf("own"));
        const moving = decided.actions.some(({ kind }) => kind === "forward");
        for (const node of told.witnesses) {
          const beside = node.name !== decided.owner && node.keys > 0;
          if (beside && !moving)
            expect(short(decided.actions)).toContain(`merge ${node.name} ${decided.owner}`);
          const rival = node.name !== decided.owner && node.ownerSeen === node.id;
          expect(short(decided.actions).includes(`demote ${node.name}`)).toBe(rival);
        }
      }),
    ));

  it("the same evidence gives the same plan, in any order of the nodes", () =>
    fc.assert(
      fc.property(anyEvidence, (told) => {
        const turned = { ...told, witnesses: [...told.witnesses].reverse() };
        const [one, other] = [planSlotRepair(told), planSlotRepair(turned)];
        expect(one.kind === "repair" && one.owner).toBe(other.kind === "repair" && other.owner);
      }),
    ));
});
