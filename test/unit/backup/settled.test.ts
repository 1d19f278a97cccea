/** Which problems of a cluster pass by themselves, and how long they are waited for. */
import { describe, expect, it } from "vitest";
import { fitness } from "../../../backup/fit";
import { PATIENCE_MS, settledBy } from "../../../backup/settled";
import type { NodeUp, NodeView, View } from "../../../cluster/view";
import {
  healthyNodes,
  idFor,
  nodeNamed,
  silentNode,
  specFor,
  stoppedNode,
  withNodes,
} from "../../support/views";

const spec = specFor(3, 1);
const healthy = healthyNodes(spec, 10);
const change = (name: string, over: Partial<NodeUp>): NodeUp => ({ ...nodeNamed(healthy, name), ...over });
const down = (...nodes: readonly NodeView[]): View => withNodes(healthy, ...nodes);
const nodeOf = (name: string) => nodeNamed(spec.nodes, name);

const AFTER_A_STALL = down(change("s1-m0", { clusterState: "fail" }));
const OPEN = down(change("s1-m0", { migrating: [{ slot: 6000, peerId: idFor("s2-m0") }] }));
const PASSING: readonly [string, View, string][] = [
  [
    "a primary that calls the cluster down after a stall",
    AFTER_A_STALL,
    "s1-m0 says that the cluster is down",
  ],
  [
    "a dead primary whose replica has not taken over",
    down(stoppedNode(nodeOf("s0-m0"))),
    "nobody serves slots",
  ],
  [
    "a shard that loads its data",
    down({ ...silentNode(nodeOf("s0-m0")), why: "loading" }, stoppedNode(nodeOf("s0-m1"))),
    "nobody serves slots",
  ],
  [
    "a node that has not heard of a failover",
    down({
      ...nodeNamed(healthy, "s2-m1"),
      peers: nodeNamed(healthy, "s2-m1").peers.map((peer) =>
        peer.id === idFor("s0-m0") ? { ...peer, slots: [] } : peer,
      ),
    }),
    "s2-m1 sees other owners of slots",
  ],
];
const LASTING: readonly [string, View, string][] = [
  ["open slots", OPEN, "slots move: s1-m0 has open slots 6000"],
  [
    "open slots, also while something passes",
    withNodes(OPEN.nodes, change("s2-m0", { clusterState: "fail" })),
    "slots move",
  ],
  [
    "a shard that is gone altogether",
    down(stoppedNode(nodeOf("s0-m0")), stoppedNode(nodeOf("s0-m1"))),
    "nobody serves slots",
  ],
  [
    "two owners of a slot",
    down(change("s1-m0", { slots: nodeNamed(healthy, "s0-m0").slots })),
    "two nodes claim slots",
  ],
  ["no node at all", { nodes: spec.nodes.map((node) => stoppedNode(node)) }, "no node answers"],
];

/** Looks that go on with the last one; the clock moves by what is slept. */
async function settle(looks: readonly View[]) {
  let [nowMs, taken] = [0, 0];
  const said: string[] = [];
  const clock = {
    now: () => nowMs,
    sleep: async (ms: number) => {
      nowMs += ms;
    },
  };
  const look = async () => looks[Math.min(taken++, looks.length - 1)] as View;
  const progress = { text: (line: string) => said.push(line), meter: () => () => undefined };
  const result = await settledBy(look, { spec, clock, progress, purpose: "be backed up" }).catch(String);
  return { result, said, nowMs, taken };
}

describe("waited for", () => {
  it.each(PASSING)("is %s, and told once", async (_, view, text) => {
    const { result, said, taken } = await settle([view, view, view, { nodes: healthy }]);
    expect(result).toMatchObject({ problems: [], warnings: [] });
    expect(taken).toBe(4);
    expect(said).toEqual([expect.stringContaining(`waiting up to 60 s for the cluster to settle: ${text}`)]);
  });

  it.each(PASSING)("at most a minute is %s", async (_, view, text) => {
    const { result, nowMs } = await settle([view]);
    expect(result).toMatch(/test cannot be backed up now, after 6\d s of waiting:/);
    expect(result).toContain(text);
    expect(nowMs).toBeGreaterThanOrEqual(PATIENCE_MS);
    expect(nowMs).toBeLessThan(PATIENCE_MS + 3_000);
  });
});

describe("refused at once", () => {
  it.each(LASTING)("is %s", async (_, view, text) => {
    const { result, said, taken } = await settle([view]);
    expect(result).toContain("test cannot be backed up now:");
    expect(result).toContain(text);
    expect({ said, taken }).toEqual({ said: [], taken: 1 });
  });
});

it("a dead replica is a warning", () => {
  const { problems, warnings } = fitness(spec, down(stoppedNode(nodeOf("s0-m1"))));
  expect(problems).toEqual([]);
  expect(warnings).toEqual([
    "s0-m1 does not serve: s0-m1: connection refused",
    "shard 1 has no replica in sync",
  ]);
});
