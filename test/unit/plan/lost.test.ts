/** Nodes whose disks are gone: who takes over, what is refused, and what is given up once that is accepted. */
import { describe, expect, it } from "vitest";
import { forecast, foresee } from "../../../cluster/foresee";
import { plan } from "../../../cluster/plan";
import type { Plan, Refusal, Step } from "../../../cluster/plan/types";
import { countSlots } from "../../../cluster/slots";
import type { ClusterSpec } from "../../../cluster/spec";
import { survey } from "../../../cluster/survey";
import type { NodeUp, NodeView, PeerView, View } from "../../../cluster/view";
import {
  freshNode,
  healthyNodes,
  idFor,
  nodeNamed,
  silentNode,
  specFor,
  stoppedNode,
  view,
} from "../../support/views";

const spec = specFor(3, 1);
const accepting: ClusterSpec = { ...spec, acceptDataLoss: true };
const SHARD_2 = { start: 5461, end: 10922 };

function newId(name: string): string {
  return Buffer.from(`new ${name}`.padEnd(20, ".")).toString("hex");
}

interface Wiped {
  /** Run again, empty, with a new id. */
  readonly running?: readonly string[];
  /** Whether the others know the new ones already, which is after their introduction. Default true. */
  readonly met?: boolean;
  /** Do not run, and have an empty disk. */
  readonly stopped?: readonly string[];
  /** Changes to the nodes that kept their disks. */
  readonly others?: (node: NodeUp) => NodeUp;
  /** The old ids' lines, as the others tell them. Default: without an address, as Redis shows them. */
  readonly ghost?: (peer: PeerView) => PeerView;
}

const unaddressed = (peer: PeerView): PeerView => ({
  ...peer,
  host: "",
  port: 0,
  busPort: 0,
  flags: [...peer.flags, "noaddr"],
  connected: false,
});

/** A cluster with keys of which some nodes have lost their disks. */
function wiped(given: Wiped, keys = 10): View {
  const { running = [], stopped = [], met = true, others = (node) => node, ghost = unaddressed } = given;
  const gone = new Set(running.map(idFor));
  const fresh = (name: string): NodeUp => ({ ...freshNode(nodeNamed(spec.nodes, name)), id: newId(name) });
  const lineOf = (name: string): PeerView => {
    const { host, port, busPort } = nodeNamed(spec.nodes, name);
    return { id: newId(name), host, port, busPort, flags: ["master"], epoch: 0, connected: true, slots: [] };
  };
  const base = healthyNodes(spec, keys);
  const kept = base.map((node) =>
    others({
      ...node,
      peers: [
        ...node.peers.map((peer) => (gone.has(peer.id) ? ghost(peer) : peer)),
        ...(met ? running.map(lineOf) : []),
      ],
    }),
  );
  return view(
    ...kept.map((node): NodeView => {
      if (stopped.includes(node.name)) return stoppedNode(nodeNamed(spec.nodes, node.name), "empty");
      if (!running.includes(node.name)) return node;
      if (!met) return fresh(node.name);
      const peers = node.peers.filter(
        ({ id }) => !gone.has(id) && id !== idFor(node.name) && id !== newId(node.name),
      );
      const self = kept.filter(({ name }) => !running.includes(name)).length;
      return { ...fresh(node.name), clusterState: "ok", peers: peers.slice(0, self + running.length - 1) };
    }),
  );
}

/** Its replica has copied the emptiness. */
const emptied = (node: NodeUp): NodeUp => (node.name === "s1-m1" ? { ...node, keys: 0, linkUp: true } : node);

function steps(decision: Plan | Refusal): readonly Step[] {
  if (decision.kind === "refusal") throw new Error(`refused: ${decision.reason}`);
  return decision.steps;
}

function refusalOf(decision: Plan | Refusal): Refusal {
  if (decision.kind === "plan") throw new Error(`planned ${decision.steps.map((s) => s.kind).join(", ")}`);
  return decision;
}

/** Round after round, each on what the one before should lead to. */
function converge(declared: ClusterSpec, start: View): { kinds: string[]; end: View; destructive: boolean } {
  let now = start;
  let destructive = false;
  const kinds: string[] = [];
  for (let round = 0; round < 10; round++) {
    const decision = plan(declared, now);
    if (steps(decision).length === 0) return { kinds, end: now, destructive };
    if (decision.kind === "plan" && decision.destructive) destructive = true;
    kinds.push(...steps(decision).map((step) => step.kind));
    const next = foresee(declared, now, steps(decision));
    if (!next)
      throw new Error(
        `cannot foresee ${steps(decision)
          .map((step) => step.kind)
          .join(", ")}`,
      );
    now = next;
  }
  throw new Error(`no end: ${kinds.join(", ")}`);
}

describe("a shard of which no node has its disk any more", () => {
  const both = ["s1-m0", "s1-m1"];

  it.each<[string, Wiped]>([
    ["introduced", { running: both }],
    ["not yet introduced", { running: both, met: false }],
    ["known by the address that new ids answer at", { running: both, met: false, ghost: (peer) => peer }],
  ])("is refused with shard, slots and cures: %s", (_, given) => {
    const { reason, cure } = refusalOf(plan(spec, wiped(given)));
    expect(reason).toMatch(/^shard 2: slots 5461-10922 were owned by 73312d6d/);
    expect(reason).toContain("s1-m0, s1-m1 have a new, empty disk");
    expect(reason).toContain("No node holds their data any more");
    expect(cure).toMatch(/old data directory.*restore a backup.*acceptDataLoss true/is);
  });

  it("is refused before anything is started, while the old disks can simply be put back", () => {
    const now = wiped({ stopped: both });
    const first = plan(spec, now);
    expect(steps(first).map((step) => step.kind)).toEqual(["startNodes"]);
    const last = forecast(spec, now, first).ahead.at(-1);
    expect(last).toMatchObject({ kind: "refusal", reason: expect.stringContaining("5461-10922") });
  });

  it("is served again once the loss is accepted: old ids forgotten first, then slots, then replicas", () => {
    const decision = plan(accepting, wiped({ running: both }));
    expect(steps(decision)).toMatchObject([
      { kind: "forget", id: idFor("s1-m0") },
      { kind: "forget", id: idFor("s1-m1") },
      { kind: "assignSlots", assignments: [{ node: "s1-m0", slots: [SHARD_2] }] },
      { kind: "settle", agreementOnly: true },
      { kind: "replicate", links: [{ replica: "s1-m1", primary: "s1-m0" }] },
    ]);
    expect(decision).toMatchObject({ destructive: true });
    expect(steps(decision)[2]?.reason).toContain("ALL KEYS of these slots are lost");
  });

  it.each<[string, Wiped]>([
    ["running", { running: both }],
    ["not yet introduced", { running: both, met: false }],
    ["stopped", { stopped: both }],
  ])("ends whole once the loss is accepted, every other slot where it was: %s", (_, given) => {
    const { end, destructive } = converge(accepting, wiped(given));
    const after = survey(accepting, end);
    expect({ unclaimed: after.unclaimed, ghosts: after.ghosts }).toEqual({ unclaimed: [], ghosts: [] });
    expect(destructive).toBe(true);
    expect(after.up.get("s0-m0")?.slots).toEqual([{ start: 0, end: 5460 }]);
    expect(after.up.get("s2-m0")?.slots).toEqual([{ start: 10923, end: 16383 }]);
  });

  it("goes on after a run that was killed between forgetting and assigning", () => {
    const half = foresee(
      accepting,
      wiped({ running: both }),
      steps(plan(accepting, wiped({ running: both }))).slice(0, 2),
    );
    if (!half) throw new Error("not foreseen");
    expect(survey(accepting, half)).toMatchObject({ ghosts: [] });
    expect(steps(plan(accepting, half))).toMatchObject([
      { kind: "assignSlots", assignments: [{ node: "s1-m0", slots: [SHARD_2] }] },
      { kind: "settle" },
      { kind: "replicate" },
    ]);
    expect(steps(plan(spec, half))).toMatchObject([{ kind: "repairSlots", slots: [SHARD_2] }]);
  });

  it("shares what two shards have lost between the two", () => {
    const names = ["s1-m0", "s1-m1", "s2-m0", "s2-m1"];
    const given = steps(plan(accepting, wiped({ running: names }))).find((s) => s.kind === "assignSlots");
    if (given?.kind !== "assignSlots") throw new Error("nothing assigned");
    expect(given.assignments.map(({ node, slots }) => [node, countSlots(slots)])).toEqual([
      ["s1-m0", 5462],
      ["s2-m0", 5461],
    ]);
  });
});

describe("what is merely out of reach", () => {
  const elsewhere = (peer: PeerView): PeerView => ({ ...peer, port: 9999, flags: ["master", "fail"] });

  it.each([spec, accepting])(
    "is never given away, accepted or not: an id at another address (%#)",
    (declared) => {
      const ghost = (peer: PeerView) => (peer.id === idFor("s1-m0") ? elsewhere(peer) : unaddressed(peer));
      const { reason, cure } = refusalOf(plan(declared, wiped({ running: ["s1-m0", "s1-m1"], ghost })));
      expect(reason).toMatch(/slots 5461-10922 belong to node 73312d6d, last seen at 10\.0\.0\.1:9999/);
      expect(cure).toContain("never given away");
    },
  );

  it("is never given away, accepted or not: a node that does not answer", () => {
    const now = wiped({ running: ["s1-m1"] });
    const silent = silentNode(nodeNamed(spec.nodes, "s1-m0"));
    const nodes = now.nodes.map((node) => (node.name === "s1-m0" ? silent : node));
    expect(refusalOf(plan(accepting, { nodes })).reason).toMatch(/cannot reach s1-m0/);
  });

  it("is never given away, accepted or not: a stopped node with its disk in place", () => {
    const now = wiped({ running: ["s1-m1"] });
    const stopped = stoppedNode(nodeNamed(spec.nodes, "s1-m0"));
    const nodes = now.nodes.map((node) => (node.name === "s1-m0" ? stopped : node));
    expect(steps(plan(accepting, { nodes }))).toMatchObject([{ kind: "startNodes", nodes: ["s1-m0"] }]);
  });
});

describe("a primary's disk alone", () => {
  it("costs nothing while the node is stopped: its replica takes over before it starts", () => {
    expect(steps(plan(spec, wiped({ stopped: ["s1-m0"] })))).toMatchObject([
      { kind: "failover", mode: "force", replica: "s1-m1", primary: "s1-m0" },
      { kind: "startNodes", nodes: ["s1-m0"] },
    ]);
    const { end } = converge(spec, wiped({ stopped: ["s1-m0"] }));
    expect(survey(spec, end).up.get("s1-m1")).toMatchObject({ role: "primary", slots: [SHARD_2], keys: 10 });
  });

  it("does not start where its replica would copy the emptiness: others first, whose votes the replica needs", () => {
    const now = wiped({ stopped: ["s1-m0"] });
    const other = stoppedNode(nodeNamed(spec.nodes, "s0-m0"));
    const nodes = now.nodes.map((node) => (node.name === "s0-m0" ? other : node));
    expect(steps(plan(spec, { nodes }))).toMatchObject([{ kind: "startNodes", nodes: ["s0-m0"] }]);
  });

  it("does not start together with its own replica, after a power cut", () => {
    const nodes = spec.nodes.map((node) => stoppedNode(node, node.name === "s1-m0" ? "empty" : "present"));
    const [start, ...rest] = steps(plan(spec, view(...nodes)));
    expect(rest).toEqual([]);
    expect(start?.kind === "startNodes" ? start.nodes : []).toEqual(
      spec.nodes.map((node) => node.name).filter((name) => name !== "s1-m0"),
    );
  });

  it("is refused where nobody could vote for the replicas that have the data", () => {
    const { reason, cure } = refusalOf(plan(accepting, wiped({ stopped: ["s1-m0", "s2-m0"] })));
    expect(reason).toContain("s1-m0, s2-m0 lost their disks");
    expect(cure).toContain("TAKEOVER on s1-m1 and on s2-m1");
  });

  it("is made up for by its replica where the node runs again and the replica has not copied from it yet", () => {
    const others = (node: NodeUp) => (node.name === "s1-m1" ? { ...node, linkUp: false } : node);
    const decision = plan(spec, wiped({ running: ["s1-m0"], others }));
    expect(steps(decision)).toMatchObject([
      {
        kind: "failover",
        mode: "force",
        replica: "s1-m1",
        primary: "s1-m0",
        reason: expect.stringContaining("new id"),
      },
    ]);
    const { end, kinds } = converge(spec, wiped({ running: ["s1-m0"], met: false, others }));
    expect(kinds).toContain("forget");
    expect(survey(spec, end).up.get("s1-m1")).toMatchObject({ role: "primary", slots: [SHARD_2], keys: 10 });
  });

  it("is a loss where its replica has copied from the empty node, and says so", () => {
    const now = wiped({ running: ["s1-m0"], others: emptied });
    expect(refusalOf(plan(spec, now)).reason).toMatch(
      /s1-m0 has a new, empty disk, and s1-m1 copied from it/,
    );
    const decision = plan(accepting, now);
    expect(decision).toMatchObject({ destructive: true });
    expect(steps(decision)).toMatchObject([
      { kind: "failover", mode: "force", replica: "s1-m1", reason: expect.stringContaining("ALL KEYS") },
    ]);
  });

  it("is no loss where the whole cluster had no key", () => {
    const now = wiped({ running: ["s1-m0"], others: emptied }, 0);
    expect(steps(plan(spec, now))).toMatchObject([{ kind: "failover", mode: "force", replica: "s1-m1" }]);
  });
});

describe("replicas' disks alone", () => {
  it("cost nothing: introduced, old ids forgotten, attached again", () => {
    const { kinds, destructive } = converge(
      spec,
      wiped({ running: ["s0-m1", "s1-m1", "s2-m1"], met: false }),
    );
    expect(kinds.filter((kind) => kind === "forget")).toHaveLength(3);
    expect(kinds).toContain("replicate");
    expect(destructive).toBe(false);
  });
});
