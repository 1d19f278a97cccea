import { describe, expect, it } from "vitest";
import { plan } from "../../../cluster/plan";
import type { Plan, Refusal, Step } from "../../../cluster/plan/types";
import { countSlots } from "../../../cluster/slots";
import type { NodeUp } from "../../../cluster/view";
import {
  freshNode,
  healthyNodes,
  idFor,
  introduce,
  nodeNamed,
  peerOf,
  silentNode,
  specFor,
  stoppedNode,
  view,
  withNodes,
} from "../../support/views";

const spec = specFor(3, 1);

function steps(decision: Plan | Refusal): readonly Step[] {
  if (decision.kind === "refusal") throw new Error(`refused: ${decision.reason}`);
  return decision.steps;
}

function kinds(decision: Plan | Refusal): string[] {
  return steps(decision).map((step) => step.kind);
}

function reasonOf(decision: Plan | Refusal): string {
  return decision.kind === "refusal" ? decision.reason : `planned ${kinds(decision).join(", ")}`;
}

describe("a converged cluster", () => {
  it("plans zero steps", () => {
    expect(kinds(plan(spec, view(...healthyNodes(spec, 10))))).toEqual([]);
  });

  it("plans zero steps after roles were swapped by a failover", () => {
    const ups = healthyNodes(spec).map((node): NodeUp => {
      if (node.name === "s0-m0")
        return { ...node, role: "replica", primaryId: idFor("s0-m1"), linkUp: true, slots: [] };
      if (node.name !== "s0-m1") return node;
      const { primaryId: _, linkUp: __, ...rest } = node;
      return { ...rest, role: "primary", slots: [{ start: 0, end: 5460 }] };
    });
    expect(kinds(plan(spec, view(...introduce(spec.nodes, ups))))).toEqual([]);
  });

  it("plans the same for the same input", () => {
    const ups = introduce(spec.nodes, spec.nodes.map(freshNode));
    expect(plan(spec, view(...ups))).toEqual(plan(spec, view(...ups)));
  });
});

describe("creation", () => {
  const whole = [
    "startNodes",
    "checkReach",
    "setEpochs",
    "assignSlots",
    "meet",
    "setLive",
    "replicate",
    "settle",
    "setLive",
  ];

  it("is planned whole while nothing runs yet, from empty data directories", () => {
    const decision = plan(spec, view(...spec.nodes.map((node) => stoppedNode(node, "empty"))));
    expect(kinds(decision)).toEqual(whole);
    expect(decision).not.toHaveProperty("continues");
  });

  it("gives three shards the usual ranges and every replica the primary of its shard", () => {
    const decision = plan(spec, view(...spec.nodes.map(freshNode)));
    const slots = steps(decision).find((step) => step.kind === "assignSlots");
    expect(slots).toMatchObject({
      assignments: [
        { node: "s0-m0", slots: [{ start: 0, end: 5460 }] },
        { node: "s1-m0", slots: [{ start: 5461, end: 10922 }] },
        { node: "s2-m0", slots: [{ start: 10923, end: 16383 }] },
      ],
    });
    expect(steps(decision).find((step) => step.kind === "replicate")).toMatchObject({
      links: [0, 1, 2].map((shard) => ({ replica: `s${shard}-m1`, primary: `s${shard}-m0` })),
    });
  });

  it("continues what an earlier run left: slots given, nobody introduced", () => {
    const complete = healthyNodes(spec);
    const ups = complete.map(
      (node): NodeUp => ({
        ...freshNode(nodeNamed(spec.nodes, node.name)),
        slots: node.slots,
        configEpoch: 3,
      }),
    );
    expect(kinds(plan(spec, view(...ups)))).toEqual([
      "checkReach",
      "meet",
      "setLive",
      "replicate",
      "settle",
      "setLive",
    ]);
  });

  it("continues what an earlier run left: all met, replicas not attached", () => {
    const ups = healthyNodes(spec).map((node): NodeUp => {
      const { primaryId: _, linkUp: __, ...rest } = node;
      return { ...rest, role: "primary" };
    });
    const decision = plan(spec, view(...introduce(spec.nodes, ups)));
    expect(kinds(decision)).toEqual(["replicate", "settle"]);
  });

  it("restores the node timeout that an earlier run left low", () => {
    const ups = healthyNodes(spec).map((node) => ({
      ...node,
      settings: { ...node.settings, "cluster-node-timeout": "1000" },
    }));
    expect(steps(plan(spec, view(...ups)))[0]).toMatchObject({
      kind: "setLive",
      directive: "cluster-node-timeout",
      value: "5000",
    });
  });
});

describe("refusals", () => {
  it.each([
    ["a node that refuses the password", { why: "auth" as const }, /password is refused by s1-m0/],
    ["another program at a node's address", { why: "foreign" as const }, /something else answers .*s1-m0/],
  ])("names %s", (_, change, text) => {
    const down = { ...silentNode(nodeNamed(spec.nodes, "s1-m0")), ...change };
    expect(reasonOf(plan(spec, withNodes(healthyNodes(spec), down)))).toMatch(text);
  });

  it("does not plan around a node that is merely unreachable", () => {
    const silent = silentNode(nodeNamed(spec.nodes, "s1-m0"));
    expect(reasonOf(plan(spec, withNodes(healthyNodes(spec), silent)))).toMatch(/cannot reach s1-m0/);
  });

  it("never changes a cluster with members that are not declared", () => {
    const stranger = { ...nodeNamed(spec.nodes, "s0-m0"), name: "stranger", port: 9999 };
    const ups = healthyNodes(spec).map((node) => ({
      ...node,
      peers: [...node.peers, peerOf(stranger, { ...freshNode(stranger), id: "f".repeat(40) })],
    }));
    expect(reasonOf(plan(spec, view(...ups)))).toMatch(/not declared: ffffffff at 10.0.0.1:9999/);
  });

  it("does not create over a node that holds keys", () => {
    const ups = spec.nodes.map((node) => ({ ...freshNode(node), keys: node.name === "s2-m1" ? 5 : 0 }));
    expect(reasonOf(plan(spec, view(...ups)))).toMatch(/s2-m1 .*5 keys/);
  });

  it("does not merge two clusters that both hold keys", () => {
    const ups = healthyNodes(spec, 7);
    const left = ups.slice(0, 2).map((node) => ({
      ...node,
      peers: node.peers.filter((p) => [idFor("s0-m0"), idFor("s0-m1")].includes(p.id)),
    }));
    const right = ups.slice(2).map((node) => ({
      ...node,
      peers: node.peers.filter((p) => ![idFor("s0-m0"), idFor("s0-m1")].includes(p.id)),
    }));
    expect(reasonOf(plan(spec, view(...left, ...right)))).toMatch(/do not know each other/);
  });
});

describe("healing", () => {
  it("starts a stopped replica and plans the rest once it runs", () => {
    const decision = plan(spec, withNodes(healthyNodes(spec), stoppedNode(nodeNamed(spec.nodes, "s1-m1"))));
    expect(kinds(decision)).toEqual(["startNodes"]);
    expect(decision).toHaveProperty("continues");
  });

  it("replaces a primary that is proven dead at once, then starts it", () => {
    const decision = plan(spec, withNodes(healthyNodes(spec), stoppedNode(nodeNamed(spec.nodes, "s1-m0"))));
    expect(steps(decision)).toMatchObject([
      { kind: "failover", mode: "force", replica: "s1-m1", primary: "s1-m0" },
      { kind: "startNodes", nodes: ["s1-m0"] },
    ]);
    expect(decision).toMatchObject({ destructive: true });
  });

  it("asks for no vote where no majority of primaries is left to give one", () => {
    const dead = ["s0-m0", "s1-m0"].map((name) => stoppedNode(nodeNamed(spec.nodes, name)));
    expect(kinds(plan(spec, withNodes(healthyNodes(spec), ...dead)))).toEqual(["startNodes"]);
  });

  it("starts everything after a power cut and forces nothing", () => {
    const decision = plan(spec, view(...spec.nodes.map((node) => stoppedNode(node))));
    expect(kinds(decision)).toEqual(["startNodes"]);
  });

  it("reads a crash as a crash and never as a scale-in", () => {
    const down = spec.nodes.slice(2).map((node) => stoppedNode(node));
    const decision = plan(spec, withNodes(healthyNodes(spec), ...down));
    expect(kinds(decision)).not.toContain("forget");
    expect(kinds(decision)).not.toContain("moveSlots");
  });

  it("introduces a node that lost its disk, forgets its old id and attaches it again", () => {
    const base = healthyNodes(spec, 4);
    const spare = nodeNamed(spec.nodes, "s1-m1");
    const fresh = { ...freshNode(spare), id: "e".repeat(40) };
    const first = plan(spec, withNodes(base, fresh));
    expect(steps(first).find((step) => step.kind === "meet")).toMatchObject({ newcomers: ["s1-m1"] });
    const remembered = base
      .filter((n) => n.name !== "s1-m1")
      .map((n) => ({
        ...n,
        peers: n.peers.map((p) =>
          p.id === idFor("s1-m1")
            ? { ...p, flags: ["slave", "fail", "noaddr"] as const, port: 0, host: "" }
            : p,
        ),
      }));
    const met = introduce(spec.nodes, [...remembered, fresh]).map((n) => ({
      ...n,
      peers: [
        ...n.peers,
        ...nodeNamed([...remembered, fresh], n.name).peers.filter((p) => p.id === idFor("s1-m1")),
      ],
    }));
    const order = spec.nodes.map((node) => nodeNamed(met, node.name));
    expect(kinds(plan(spec, view(...order)))).toEqual(["forget", "replicate", "settle"]);
  });

  it("introduces a node again whose address changed: ids survive", () => {
    const ups = healthyNodes(spec, 3).map((node) => ({
      ...node,
      peers: node.peers.map((p) =>
        p.id === idFor("s2-m0") ? { ...p, host: "10.9.9.9", connected: false } : p,
      ),
    }));
    expect(steps(plan(spec, view(...ups))).find((step) => step.kind === "meet")).toMatchObject({
      newcomers: ["s2-m0"],
    });
  });

  it("waits for what only needs time, and says for what", () => {
    const base = healthyNodes(spec);
    const decision = plan(spec, withNodes(base, { ...nodeNamed(base, "s0-m1"), linkUp: false }));
    expect(steps(decision)).toMatchObject([
      { kind: "settle", reason: expect.stringContaining("s0-m1's link") },
    ]);
  });

  it("sends slots without exactly one owner to repair before anything else", () => {
    const base = healthyNodes(spec, 1);
    const open = { ...nodeNamed(base, "s0-m0"), migrating: [{ slot: 5, peerId: idFor("s1-m0") }] };
    expect(steps(plan(spec, withNodes(base, open)))).toMatchObject([
      { kind: "repairSlots", slots: [{ start: 5, end: 5 }] },
    ]);
  });
});

describe("changing shape", () => {
  it("adds a shard: introduces it, then gives it its share", () => {
    const wider = specFor(4, 1);
    const old = healthyNodes(spec, 5);
    const added = wider.nodes.filter((node) => node.shard === 3).map(freshNode);
    expect(kinds(plan(wider, view(...old, ...added)))).toEqual(["checkReach", "meet", "settle"]);
    const met = introduce(wider.nodes, [...old, ...added]);
    const decision = plan(wider, view(...met));
    expect(kinds(decision)).toEqual(["replicate", "settle", "moveSlots", "settle"]);
    const move = steps(decision).find((step) => step.kind === "moveSlots");
    const moved = move?.kind === "moveSlots" ? move.moves.map((m) => countSlots(m.slots)) : [];
    expect(moved.reduce((a, b) => a + b, 0)).toBe(4096);
  });

  it("removes a shard: drains it, then removes its nodes one by one", () => {
    const wide = specFor(4, 1);
    const leaving = wide.nodes.filter((node) => node.shard === 3);
    const decision = plan({ ...spec, leaving }, view(...healthyNodes(wide, 5)));
    expect(kinds(decision)).toEqual(["moveSlots", "removeNode", "removeNode", "settle"]);
  });

  it("hands over first when the primary is the one to leave and its replica stays", () => {
    const single = specFor(3, 0);
    const ups = healthyNodes(spec).map((node): NodeUp => {
      if (node.name === "s0-m0")
        return { ...node, role: "replica", primaryId: idFor("s0-m1"), linkUp: true, slots: [] };
      if (node.name !== "s0-m1") return node;
      const { primaryId: _, linkUp: __, ...rest } = node;
      return { ...rest, role: "primary", slots: [{ start: 0, end: 5460 }] };
    });
    const met = introduce(spec.nodes, ups);
    const declared = { ...single, leaving: spec.nodes.filter((node) => node.member === 1) };
    const order = [...single.nodes, ...declared.leaving].map((node) => nodeNamed(met, node.name));
    expect(steps(plan(declared, view(...order)))).toMatchObject([
      { kind: "failover", mode: "planned", replica: "s0-m0", primary: "s0-m1" },
    ]);
  });

  it("has nothing left to do for nodes that left", () => {
    const wide = specFor(4, 1);
    const left = wide.nodes.filter((n) => n.shard === 3);
    const decision = plan(
      { ...spec, leaving: left },
      view(...healthyNodes(spec, 5), ...left.map((n) => stoppedNode(n))),
    );
    expect(kinds(decision)).toEqual([]);
  });

  it("changes a live directive live", () => {
    const declared = {
      ...spec,
      nodes: spec.nodes.map((node) => ({ ...node, directives: { maxmemory: "2000" } })),
    };
    expect(steps(plan(declared, view(...healthyNodes(spec))))[0]).toMatchObject({
      kind: "setLive",
      directive: "maxmemory",
      value: "2000",
    });
  });
});
