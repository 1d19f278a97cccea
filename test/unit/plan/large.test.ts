/** The planner on a thousand nodes: the limit that docs/limits.md speaks of. How long it takes: `npm run bench plan`. */
import { describe, expect, test } from "vitest";
import { plan } from "../../../cluster/plan";
import type { Plan } from "../../../cluster/plan/types";
import { countSlots } from "../../../cluster/slots";
import type { ClusterSpec } from "../../../cluster/spec";
import type { View } from "../../../cluster/view";
import { freshNode, healthyNodes, introduce, specFor, stoppedNode, view } from "../../support/views";

const SHARDS = 500;
const spec = specFor(SHARDS, 1);
const healthy = healthyNodes(spec, 100);
const wider = specFor(SHARDS + 1, 1);

function stepsOf(declared: ClusterSpec, seen: View): Plan["steps"] {
  const decision = plan(declared, seen);
  if (decision.kind === "refusal") throw new Error(`${decision.reason}\n${decision.cure}`);
  return decision.steps;
}

describe("a cluster of 1,000 nodes", () => {
  test("is planned from nothing, with every node and every slot in it", () => {
    expect(spec.nodes).toHaveLength(1000);
    const steps = stepsOf(spec, view(...spec.nodes.map((node) => stoppedNode(node, "empty"))));
    expect(steps.find(({ kind }) => kind === "startNodes")).toMatchObject({
      nodes: spec.nodes.map(({ name }) => name),
    });
    const assigned = steps.flatMap((step) => (step.kind === "assignSlots" ? step.assignments : []));
    expect(assigned).toHaveLength(SHARDS);
    expect(countSlots(assigned.flatMap(({ slots }) => slots))).toBe(16_384);
  });

  test("as declared plans nothing", () => {
    expect(stepsOf(spec, view(...healthy))).toEqual([]);
  });

  test("with one shard more moves that one's share to it", () => {
    const added = wider.nodes.filter(({ shard }) => shard === SHARDS).map(freshNode);
    const steps = stepsOf(wider, view(...introduce(wider.nodes, [...healthy, ...added])));
    const moves = steps.flatMap((step) => (step.kind === "moveSlots" ? step.moves : []));
    expect(new Set(moves.map(({ target }) => target))).toEqual(new Set([`s${SHARDS}-m0`]));
    const moved = countSlots(moves.flatMap(({ slots }) => slots));
    expect(Math.abs(moved - 16_384 / (SHARDS + 1))).toBeLessThanOrEqual(1);
  });
});
