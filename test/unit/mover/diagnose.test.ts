import { describe, expect, it } from "vitest";
import { diagnoseTold, type Teller } from "../../../cluster/mover/repair/diagnose";
import type { SlotRange } from "../../../cluster/spec";
import type { PeerView } from "../../../cluster/view";

const range = (start: number, end: number): SlotRange => ({ start, end });

function peer(id: string, slots: readonly SlotRange[]): PeerView {
  return { id, host: "h", port: 1, busPort: 2, flags: ["master"], epoch: 1, connected: true, slots };
}

function teller(
  name: string,
  slots: readonly SlotRange[],
  peers: readonly PeerView[],
  over: Partial<Teller> = {},
): Teller {
  return {
    name,
    id: name.toUpperCase(),
    role: "primary",
    slots,
    migrating: [],
    importing: [],
    peers,
    ...over,
  };
}

const low = [range(0, 8191)];
const high = [range(8192, 16383)];
const healthy = [teller("a", low, [peer("B", high)]), teller("b", high, [peer("A", low)])];

describe("diagnoseTold", () => {
  it("finds nothing in a healthy cluster, and nothing to say where nobody answers", () => {
    expect(diagnoseTold(healthy)).toEqual([]);
    expect(diagnoseTold([])).toEqual([]);
  });

  it("finds flags at either side, once a slot", () => {
    const a = teller("a", low, [peer("B", high)], { migrating: [{ slot: 3, peerId: "B" }] });
    const b = teller("b", high, [peer("A", low)], {
      importing: [
        { slot: 3, peerId: "A" },
        { slot: 4, peerId: "A" },
      ],
    });
    expect(diagnoseTold([a, b])).toEqual([
      { slot: 3, trouble: "open", nodes: ["a", "b"] },
      { slot: 4, trouble: "open", nodes: ["b"] },
    ]);
  });

  it("finds slots of nobody, of two, and those that one node sees elsewhere", () => {
    const a = teller("a", [range(0, 8190)], [peer("B", [range(8191, 16383)])]);
    const b = teller("b", high, [peer("A", low)]);
    expect(diagnoseTold([a, b])).toEqual([{ slot: 8191, trouble: "unowned", nodes: [] }]);
    const both = teller("b", [range(8191, 16383)], [peer("A", low)]);
    expect(diagnoseTold([healthy[0] ?? a, both])).toEqual([
      { slot: 8191, trouble: "contested", nodes: ["a", "b"] },
    ]);
    const replica = teller("r", [], [peer("A", [range(0, 8192)]), peer("B", [range(8193, 16383)])], {
      role: "replica",
    });
    expect(diagnoseTold([...healthy, replica])).toEqual([{ slot: 8192, trouble: "disputed", nodes: ["r"] }]);
  });

  it("does not call it a dispute where the other owner is not there to be asked", () => {
    const a = teller("a", low, [peer("B", high), peer("GHOST", [range(5, 6)])]);
    expect(diagnoseTold([a, healthy[1] ?? a])).toEqual([]);
  });
});
