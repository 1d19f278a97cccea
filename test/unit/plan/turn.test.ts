/** Whether a node's server may be taken, as far as a view can tell. */
import { describe, expect, it } from "vitest";
import { planTurn, type TurnFacts } from "../../../cluster/turn";
import type { NodeDown, NodeView } from "../../../cluster/view";
import { healthyNodes, nodeNamed, silentNode, specFor, stoppedNode, view } from "../../support/views";

const spec = specFor(3, 1);
const PRIMARY = "s1-m0";
const REPLICA = "s1-m1";

/** The healthy cluster with some of its nodes otherwise. */
function seen(...others: readonly NodeView[]) {
  const nodes = healthyNodes(spec, 10);
  return view(...nodes.map((node): NodeView => others.find(({ name }) => name === node.name) ?? node));
}

const stopped = (name: string) => stoppedNode(nodeNamed(spec.nodes, name));
const silent = (name: string) => silentNode(nodeNamed(spec.nodes, name));
const running = (name: string, why: NodeDown["why"], detail: string): NodeDown => {
  const facts = { process: "running", data: "present" } as const;
  return { ...stopped(name), ...facts, host: facts, why, detail };
};
const turn = (nodes: readonly NodeView[], facts?: TurnFacts) =>
  planTurn(spec, seen(...nodes), PRIMARY, facts);

describe("a server whose node answers", () => {
  it("goes after a handover, or at once where it leads nothing", () => {
    expect(turn([])).toEqual({ kind: "handOver", shard: 1, heir: REPLICA });
    expect(planTurn(spec, seen(), REPLICA)).toEqual({ kind: "stop" });
  });

  it("stays while another one is missing", () => {
    expect(turn([stopped("s2-m0")])).toMatchObject({
      kind: "refused",
      reason: expect.stringContaining("while s2-m0 is down"),
    });
    expect(turn([stopped("s2-m0")], { returning: ["s2-m0"] }).kind).toBe("handOver");
  });
});

describe("a server whose node does not answer", () => {
  it("goes as it is where its Redis is known not to run", () => {
    expect(turn([stopped(PRIMARY)])).toEqual({ kind: "absent" });
  });

  it.each([stopped(PRIMARY), silent(PRIMARY)])("stays while another one is missing: $process", (node) => {
    for (const off of [false, true])
      expect(turn([node, stopped(REPLICA)], { off })).toMatchObject({
        kind: "refused",
        reason: expect.stringContaining(`while ${REPLICA} is down`),
      });
  });

  it.each<[string, NodeDown, RegExp, RegExp]>([
    [
      "another password",
      running(PRIMARY, "auth", "no password fits"),
      /no password fits/,
      /set the password/,
    ],
    [
      "loading",
      running(PRIMARY, "loading", "loading its data set"),
      /loading its data/,
      /wait until s1-m0 has loaded/,
    ],
    ["busy", running(PRIMARY, "timeout", "no reply in 5 s"), /may serve others all the same/, /heals s1-m0/],
    ["unreachable", silent(PRIMARY), /no answer/, /reachable; where it is lost[\s\S]*--refresh/],
    ["a stranger's", { ...silent(PRIMARY), why: "auth" }, /no answer/, /set the password/],
  ])("stays where it may serve: %s", (_, node, reason, cure) => {
    expect(turn([node])).toEqual({
      kind: "refused",
      reason: expect.stringMatching(reason),
      cure: expect.stringMatching(cure),
    });
  });

  it("goes where its server is off, and stays where its Redis is seen to run all the same", () => {
    expect(turn([silent(PRIMARY)], { off: true })).toEqual({ kind: "off" });
    expect(turn([running(PRIMARY, "timeout", "no reply")], { off: true }).kind).toBe("refused");
    expect(turn([], { off: true }).kind).toBe("handOver");
  });

  it("goes where nothing of the cluster runs: a first up failed, and another image is the cure", () => {
    const none = spec.nodes.map(({ name }) => stopped(name));
    expect(turn(none)).toEqual({ kind: "absent" });
    const one = none.map((node) => (node.name === "s2-m1" ? silent(node.name) : node));
    expect(turn(one).kind).toBe("refused");
  });
});
