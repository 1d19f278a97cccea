/** A look that meets slots on their way from node to node tells of no slot that nobody, or that two serve. */
import { expect, it } from "vitest";
import { expandRanges } from "../../../cluster/slots";
import type { SlotRange } from "../../../cluster/spec";
import { summarize } from "../../../cluster/status";
import { wholeLook } from "../../../cluster/torn";
import type { NodeUp, View } from "../../../cluster/view";
import { healthyNodes, nodeNamed, specFor, stoppedNode, withNodes } from "../../support/views";

const spec = specFor(3, 1);
const RUN = { lockHolders: ["redis-cluster-kit:apply:somebody"] };
const healthy = healthyNodes(spec, 10).map((node) => ({ ...node, ...RUN }));
const node = (name: string, slots: readonly SlotRange[], over: Partial<NodeUp> = {}): NodeUp => ({
  ...nodeNamed(healthy, name),
  slots,
  ...over,
});
const ALL_OF_FIRST = { start: 0, end: 5460 };
const ALL_OF_SECOND = { start: 5461, end: 10_922 };

/** 100 slots go from the first shard to the second; the first still has `from`, the second already has `to`. */
const moving = (from: number, to: number, over: Partial<NodeUp> = {}): View =>
  withNodes(
    healthy,
    node("s0-m0", [{ ...ALL_OF_FIRST, start: from }], over),
    node("s1-m0", to === 0 ? [ALL_OF_SECOND] : [{ start: 0, end: to - 1 }, ALL_OF_SECOND]),
  );

/** Looks in this order, the last one for ever; and how many were taken. */
async function look(...views: readonly View[]) {
  let looks = 0;
  const view = await wholeLook(spec, () => {
    const next = views[Math.min(looks++, views.length - 1)];
    return next ? Promise.resolve(next) : Promise.reject(new Error("no look left"));
  });
  return { looks, view, status: summarize(spec, view) };
}

const slotsAt = (view: View, name: string) =>
  view.nodes.flatMap((seen) => (seen.name === name && seen.reachable ? expandRanges(seen.slots) : []));

it("takes a whole look as it is", async () => {
  const { looks, status } = await look(moving(40, 40));
  expect(looks).toBe(1);
  expect(status.slotsCovered).toBe(16_384);
});

it.each([
  ["at neither of their owners", moving(40, 20), moving(80, 60)],
  ["at both", moving(20, 40), moving(60, 80)],
  ["at neither, then at both", moving(40, 20), moving(60, 80)],
])("leaves slots on their way that it meets %s where they were", async (_how, first, second) => {
  const { looks, view, status } = await look(first, second);
  expect(looks).toBe(2);
  expect(status.slotsCovered).toBe(16_384);
  expect(status.findings.map(({ code }) => code)).not.toContain("slots-uncovered");
  expect(status.findings.map(({ code }) => code)).not.toContain("slots-contested");
  expect(slotsAt(view, "s0-m0").length + slotsAt(view, "s1-m0").length).toBe(10_923);
});

it("ends with the first look that is whole", async () => {
  const { looks, view } = await look(moving(40, 20), moving(60, 60), moving(80, 70));
  expect(looks).toBe(2);
  expect(slotsAt(view, "s1-m0")).toHaveLength(5_462 + 60);
});

it("tells of slots that every look finds without an owner, or with two", async () => {
  const lost = await look(moving(40, 20));
  expect(lost.status).toMatchObject({ slotsCovered: 16_364, healthy: false });
  expect(lost.status.findings).toContainEqual(
    expect.objectContaining({ code: "slots-uncovered", text: "no node serves slots 20-39" }),
  );
  const twice = await look(moving(20, 40));
  expect(twice.status.findings).toContainEqual(
    expect.objectContaining({ code: "slots-contested", text: "two nodes claim slots 20-39" }),
  );
});

it("gives nothing back to a node that became a replica meanwhile", async () => {
  const { status } = await look(moving(40, 20), moving(60, 20, { role: "replica", slots: [] }));
  expect(status.slotsCovered).toBeLessThan(16_384);
});

it("looks once where no run is at work, and where a node is down", async () => {
  const idle = { nodes: moving(40, 20).nodes.map((seen) => ({ ...seen, lockHolders: [] })) };
  const alone = await look(idle, moving(40, 40));
  expect(alone).toMatchObject({ looks: 1, status: { slotsCovered: 16_364 } });
  const dead = withNodes(moving(40, 40).nodes, stoppedNode(nodeNamed(spec.nodes, "s2-m0")));
  const down = await look(dead, moving(40, 40));
  expect(down).toMatchObject({ looks: 1, status: { slotsCovered: 10_923 } });
});
