/** The planner and the forecast together: whatever the start, every step keeps the invariants and the end is as declared. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { forecast, foresee } from "../../../cluster/foresee";
import { plan } from "../../../cluster/plan";
import { countSlots, isBalanced } from "../../../cluster/slots";
import type { ClusterSpec } from "../../../cluster/spec";
import { survey } from "../../../cluster/survey";
import type { NodeUp, NodeView, View } from "../../../cluster/view";
import {
  freshNode,
  healthyNodes,
  introduce,
  nodeNamed,
  specFor,
  stoppedNode,
  view,
} from "../../support/views";

const KEYS = 1000;

interface Scenario {
  readonly shards: number;
  readonly replicas: number;
  readonly nextShards: number;
  readonly nextReplicas: number;
  /** Shards whose roles an earlier failover swapped. */
  readonly swapped: readonly number[];
  /** Index of a node that does not run, if any. */
  readonly stopped: number | undefined;
  readonly maxmemory: string;
  readonly version: string;
}

const scenario: fc.Arbitrary<Scenario> = fc.record({
  shards: fc.integer({ min: 3, max: 7 }),
  replicas: fc.integer({ min: 0, max: 2 }),
  nextShards: fc.integer({ min: 3, max: 7 }),
  nextReplicas: fc.integer({ min: 0, max: 2 }),
  swapped: fc.uniqueArray(fc.integer({ min: 0, max: 6 })),
  stopped: fc.option(fc.integer({ min: 0, max: 20 }), { nil: undefined }),
  maxmemory: fc.constantFrom("1000", "2000"),
  version: fc.constantFrom("5.0.14", "6.2.14"),
});

function declared({ nextShards, nextReplicas, maxmemory, version, shards, replicas }: Scenario): ClusterSpec {
  const next = specFor(nextShards, nextReplicas, { version });
  const nodes = next.nodes.map((node) => ({ ...node, directives: { maxmemory } }));
  const leaving = specFor(shards, replicas).nodes.filter(
    (old) => !nodes.some((node) => node.name === old.name),
  );
  return { ...next, nodes, leaving };
}

/** The live cluster of the old declaration, and nodes of the new one that are not there yet. */
function lived(given: Scenario, spec: ClusterSpec): View {
  const old = specFor(given.shards, given.replicas);
  const ups = healthyNodes(old, KEYS).map((node) => ({
    ...node,
    host: { ...node.host, installedVersion: given.version },
  }));
  const swapped = introduce(old.nodes, swapRoles(ups, given));
  const down = given.stopped === undefined ? undefined : old.nodes[given.stopped];
  return view(
    ...[...spec.nodes, ...spec.leaving].map((node): NodeView => {
      const known = swapped.find((up) => up.name === node.name);
      if (!known) return { ...stoppedNode(node, "empty"), host: installed(given) };
      return node.name === down?.name ? { ...stoppedNode(node), host: installed(given) } : known;
    }),
  );
}

function installed({ version }: Scenario): NodeView["host"] {
  return { process: "stopped", data: "empty", installedVersion: version };
}

function swapRoles(ups: readonly NodeUp[], { swapped, replicas }: Scenario): NodeUp[] {
  if (replicas === 0) return [...ups];
  return ups.map((node) => {
    const [, shard = "0", member = "0"] = /^s(\d+)-m(\d+)$/.exec(node.name) ?? [];
    if (!swapped.includes(Number(shard))) return node;
    const [first, second] = [nodeNamed(ups, `s${shard}-m0`), nodeNamed(ups, `s${shard}-m1`)];
    if (member === "1") {
      const { primaryId: _, linkUp: __, ...rest } = node;
      return { ...rest, role: "primary", slots: first.slots };
    }
    return { ...node, role: "replica", primaryId: second.id, linkUp: true, slots: [] };
  });
}

function keysOfPrimaries(now: View): number {
  return now.nodes.reduce(
    (sum, node) => sum + (node.reachable && node.role === "primary" ? node.keys : 0),
    0,
  );
}

function expectWhole(spec: ClusterSpec, now: View, before: View, step: string): void {
  const s = survey(spec, now);
  const was = survey(spec, before);
  expect({ step, unclaimed: s.unclaimed.length }).toEqual({
    step,
    unclaimed: Math.min(s.unclaimed.length, was.unclaimed.length),
  });
  expect({ step, contested: s.contested }).toEqual({ step, contested: [] });
  if (was.unclaimed.length === 0)
    expect({ step, keys: keysOfPrimaries(now) }).toEqual({ step, keys: keysOfPrimaries(before) });
}

/** Plans and applies step by step until nothing is left. */
function converge(spec: ClusterSpec, start: View): View {
  let now = start;
  for (let round = 0; round < 12; round++) {
    const decision = plan(spec, now);
    if (decision.kind === "refusal") throw new Error(`refused in round ${round}: ${decision.reason}`);
    if (decision.steps.length === 0) return now;
    for (const step of decision.steps) {
      const next = foresee(spec, now, [step]);
      if (!next) throw new Error(`cannot foresee ${step.kind}`);
      expectWhole(spec, next, now, step.kind);
      now = next;
    }
  }
  throw new Error("did not converge in 12 rounds");
}

// Seconds of computing; on a busy machine a minute of it.
describe("any declaration from any other", { timeout: 120_000 }, () => {
  it("is reached with every slot owned once after every step and every key kept, and then nothing is planned", () => {
    fc.assert(
      fc.property(scenario, (given) => {
        const spec = declared(given);
        const end = converge(spec, lived(given, spec));
        const s = survey(spec, end);
        const primaries = spec.nodes
          .flatMap((node) => s.up.get(node.name) ?? [])
          .filter((n) => n.role === "primary");
        expect(primaries).toHaveLength(spec.shards.length);
        expect(
          isBalanced(
            spec.shards.map(() => 1),
            primaries.map((n) => countSlots(n.slots)),
          ),
        ).toBe(true);
        for (const node of spec.leaving) expect(s.up.has(node.name)).toBe(false);
        for (const node of spec.nodes) {
          const primary = s.nameOfId.get(s.up.get(node.name)?.primaryId ?? "");
          if (primary) expect(s.specOf.get(primary)?.zone).not.toBe(node.zone);
        }
      }),
      { numRuns: 120 },
    );
  });

  it("is foreseen whole: the forecast ends where nothing is left to do", () => {
    fc.assert(
      fc.property(scenario, (given) => {
        const spec = declared(given);
        const start = lived(given, spec);
        expect(forecast(spec, start, plan(spec, start)).complete).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  it("creates from nodes that are all fresh, whatever the shape and the weights", () => {
    const shape = fc.record({
      shards: fc.integer({ min: 3, max: 12 }),
      replicas: fc.integer({ min: 0, max: 2 }),
      weights: fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 12, maxLength: 12 }),
    });
    fc.assert(
      fc.property(shape, ({ shards, replicas, weights }) => {
        const shares = weights.slice(0, shards);
        const spec = specFor(shards, replicas, { shards: shares.map((weight) => ({ weight })) });
        const end = converge(spec, view(...spec.nodes.map(freshNode)));
        const counts = spec.nodes
          .filter((node) => node.member === 0)
          .map((node) => {
            const up = survey(spec, end).up.get(node.name);
            return countSlots(up?.slots ?? []);
          });
        expect(isBalanced(shares, counts)).toBe(true);
      }),
      { numRuns: 60 },
    );
  });
});
