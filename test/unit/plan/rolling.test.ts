import { describe, expect, it } from "vitest";
import { plan } from "../../../cluster/plan";
import { describeStep } from "../../../cluster/plan/describe";
import type { Plan, Refusal } from "../../../cluster/plan/types";
import type { ClusterSpec, NodeSpec } from "../../../cluster/spec";
import type { NodeUp } from "../../../cluster/view";
import { healthyNodes, idFor, introduce, nodeNamed, specFor, stoppedNode, view } from "../../support/views";

/** A declaration in which `directive` is `value`; it needs a restart unless `live`. */
function declaring(base: ClusterSpec, directive: string, value: string, live = false): ClusterSpec {
  const nodes = base.nodes.map(
    (node): NodeSpec => ({ ...node, directives: { ...node.directives, [directive]: value } }),
  );
  return { ...base, nodes, liveDirectives: live ? [...base.liveDirectives, directive] : base.liveDirectives };
}

function running(ups: readonly NodeUp[], directive: string, value: string, on?: readonly string[]): NodeUp[] {
  return ups.map((node) =>
    on === undefined || on.includes(node.name)
      ? { ...node, settings: { ...node.settings, [directive]: value } }
      : node,
  );
}

/** `heir` leads its shard; the others replicate it. */
function ledBy(spec: ClusterSpec, ups: readonly NodeUp[], heir: string): NodeUp[] {
  const shard = nodeNamed(spec.nodes, heir).shard;
  const members = spec.nodes.filter((node) => node.shard === shard).map((node) => node.name);
  const slots = ups.find((node) => members.includes(node.name) && node.slots.length > 0)?.slots ?? [];
  const changed = ups.map((node): NodeUp => {
    if (!members.includes(node.name)) return node;
    const { primaryId: _, linkUp: __, ...rest } = node;
    if (node.name === heir) return { ...rest, role: "primary", slots };
    return { ...rest, role: "replica", slots: [], primaryId: idFor(heir), linkUp: true };
  });
  return introduce(spec.nodes, changed);
}

function lines(decision: Plan | Refusal): string[] {
  if (decision.kind === "refusal") throw new Error(`refused: ${decision.reason}`);
  return decision.steps.map(describeStep);
}

function warnings(decision: Plan | Refusal): string {
  return decision.kind === "plan" ? decision.warnings.join("\n") : decision.reason;
}

const SETTLE = "wait until 6 nodes agree and every replica is in sync";

/** Every node runs tcp-backlog 100 where `due`, else the declared 200. */
function backlogCase(spec: ClusterSpec, due: readonly string[], leaders: readonly string[] = []): string[] {
  const declared = declaring(spec, "tcp-backlog", "200");
  const ups = leaders.reduce((nodes, heir) => ledBy(spec, nodes, heir), healthyNodes(spec, 10));
  const live = running(running(ups, "tcp-backlog", "200"), "tcp-backlog", "100", due);
  return lines(plan(declared, view(...live)));
}

describe("who restarts in which order", () => {
  const three = specFor(3, 1);
  const all = three.nodes.map((node) => node.name);
  const cases: {
    name: string;
    due: readonly string[];
    leaders?: readonly string[];
    expected: readonly string[];
  }[] = [
    { name: "nobody", due: [], expected: [] },
    {
      name: "everybody: replicas first, then primaries after their handover, shard by shard",
      due: all,
      expected: [0, 1, 2].flatMap((shard) => [
        `restart s${shard}-m1`,
        `failover: s${shard}-m1 takes over from s${shard}-m0`,
        `restart s${shard}-m0`,
      ]),
    },
    {
      name: "everybody while one shard is led by its second member",
      due: ["s0-m0", "s0-m1"],
      leaders: ["s0-m1"],
      expected: ["restart s0-m0", "failover: s0-m0 takes over from s0-m1", "restart s0-m1"],
    },
    { name: "a replica alone", due: ["s1-m1"], expected: ["restart s1-m1"] },
    {
      name: "a run that died after the replica's restart: the primary is left",
      due: ["s1-m0"],
      expected: ["failover: s1-m1 takes over from s1-m0", "restart s1-m0"],
    },
    {
      name: "a run that died after the handover: the old primary is a replica now",
      due: ["s1-m0"],
      leaders: ["s1-m1"],
      expected: ["restart s1-m0"],
    },
  ];
  for (const { name, due, leaders, expected } of cases)
    it(name, () => {
      expect(backlogCase(three, due, leaders)).toEqual(expected.length > 0 ? [...expected, SETTLE] : []);
    });

  it("chooses the heir that leaves the fewest primaries in one zone", () => {
    const spec = specFor(3, 2);
    // s0 may be led from b or c, which have one primary each: equal, so the first. With s0 and s1 led from a, an heir
    // of s2 in a would be the third primary there, the one in b is alone.
    expect(backlogCase(spec, ["s0-m0"])).toContain("failover: s0-m1 takes over from s0-m0");
    expect(backlogCase(spec, ["s2-m0"], ["s1-m2"])).toContain("failover: s2-m2 takes over from s2-m0");
  });

  it("restarts both replicas of a shard before its primary", () => {
    const due = ["s0-m0", "s0-m1", "s0-m2"];
    expect(backlogCase(specFor(3, 2), due).slice(0, 4)).toEqual([
      "restart s0-m1",
      "restart s0-m2",
      "failover: s0-m1 takes over from s0-m0",
      "restart s0-m0",
    ]);
  });

  it("restarts a primary without replicas where it stands, and says that its slots are down meanwhile", () => {
    const spec = declaring(specFor(3, 0), "tcp-backlog", "200");
    const decision = plan(spec, view(...running(healthyNodes(spec, 10), "tcp-backlog", "100", ["s1-m0"])));
    expect(lines(decision)[0]).toBe("restart s1-m0");
    expect(warnings(decision)).toMatch(/shard 2 has no replica.*nobody serves slots 5461-10922/);
  });

  it("says that min-replicas-to-write blocks writes while the only replica restarts", () => {
    const spec = declaring(
      declaring(specFor(3, 1), "tcp-backlog", "200"),
      "min-replicas-to-write",
      "1",
      true,
    );
    const ups = running(healthyNodes(spec), "min-replicas-to-write", "1");
    const decision = plan(spec, view(...running(ups, "tcp-backlog", "100", ["s0-m1"])));
    expect(warnings(decision)).toMatch(/shard 1 has 1 replica and min-replicas-to-write is 1.*NOREPLICAS/);
  });
});

describe("what needs a restart", () => {
  const base = specFor(3, 1);

  it("live directives are set, not restarted for", () => {
    const spec = declaring(base, "hz", "20", true);
    const decision = plan(spec, view(...running(healthyNodes(spec), "hz", "10")));
    expect(lines(decision)).toEqual(["set hz to 20 on 6 nodes", SETTLE]);
  });

  it("a quick cron that a run left behind is put back, unless it is declared", () => {
    const left = running(healthyNodes(base), "hz", "19", ["s0-m0", "s0-m1"]);
    expect(lines(plan(base, view(...left)))).toEqual(["set hz to 10 on s0-m0, s0-m1", SETTLE]);
    const declared = declaring(base, "hz", "19", true);
    expect(lines(plan(declared, view(...running(left, "hz", "19"))))).toEqual([]);
  });

  it("files and live directives come before the restarts", () => {
    const spec = declaring(declaring(base, "hz", "20", true), "tcp-backlog", "200");
    const stale = {
      ...spec,
      nodes: spec.nodes.map((node) => ({ ...node, configSha256: "new" })),
    };
    const ups = running(running(healthyNodes(spec), "hz", "10"), "tcp-backlog", "100", ["s2-m1"]);
    expect(lines(plan(stale, view(...ups)))).toEqual([
      "write redis.conf of 6 nodes",
      "set hz to 20 on 6 nodes",
      "restart s2-m1",
      SETTLE,
    ]);
  });

  it("a directive that the running version does not answer is no reason", () => {
    const spec = declaring(declaring(base, "io-threads", "4"), "replica-lazy-flush", "yes");
    expect(lines(plan(spec, view(...healthyNodes(spec))))).toEqual([]);
  });

  it("waits until members are where they belong, and announces the restarts", () => {
    const spec = declaring(base, "tcp-backlog", "200");
    const loose = healthyNodes(spec).map((node): NodeUp => {
      if (node.name !== "s0-m1") return node;
      return { ...node, primaryId: idFor("s1-m0") };
    });
    const ups = running(introduce(spec.nodes, loose), "tcp-backlog", "100", ["s2-m1"]);
    const decision = plan(spec, view(...ups));
    expect(lines(decision)).toEqual(["replicate: s0-m1 -> s0-m0", SETTLE]);
    expect(decision).toMatchObject({ continues: "then a restart one by one of s2-m1" });
  });
});

describe("versions", () => {
  const spec = { ...specFor(3, 1), version: "6.2.14" };
  const at = (version: string, on?: readonly string[], installedVersion?: string) =>
    healthyNodes(spec).map((node): NodeUp => {
      const host = { ...node.host, ...(installedVersion ? { installedVersion } : {}) };
      return { ...node, host, version: on === undefined || on.includes(node.name) ? version : "6.2.14" };
    });

  it("a newer version is a rolling change, with the reason", () => {
    const decision = plan(spec, view(...at("5.0.14", undefined, "6.2.14")));
    expect(lines(decision).slice(0, 3)).toEqual([
      "restart s0-m1",
      "failover: s0-m1 takes over from s0-m0",
      "restart s0-m0",
    ]);
    expect(decision).toMatchObject({
      steps: [{ reason: "s0-m1 runs 5.0.14, declared is 6.2.14" }, {}, {}, {}, {}, {}, {}, {}, {}, {}],
    });
  });

  it("a run that died midway goes on with what is left, an old replica of a new primary included", () => {
    const ups = ledBy(spec, at("5.0.14", ["s0-m0", "s1-m0", "s1-m1"]), "s0-m1").map((node) =>
      node.name === "s0-m0" ? { ...node, linkUp: false } : node,
    );
    const done = ups.map((node) => (node.name.startsWith("s2") ? { ...node, version: "6.2.14" } : node));
    expect(lines(plan(spec, view(...done)))).toEqual([
      "restart s0-m0",
      "restart s1-m1",
      "failover: s1-m1 takes over from s1-m0",
      "restart s1-m0",
      SETTLE,
    ]);
  });

  it("a line may be skipped", () => {
    const seven = { ...spec, version: "7.0.15" };
    expect(lines(plan(seven, view(...at("5.0.14"))))).toHaveLength(10);
  });

  it("going back to an older line is refused, even for one node", () => {
    const decision = plan(spec, view(...at("7.0.15", ["s1-m1"])));
    expect(decision).toMatchObject({
      kind: "refusal",
      reason: expect.stringMatching(/s1-m1 runs 7.0.15/),
      cure: expect.stringMatching(/Declare version 7.0.15/),
    });
  });

  it("a patch release may be taken back, with a warning", () => {
    const decision = plan(spec, view(...at("6.2.16", ["s1-m1"])));
    expect(lines(decision)[0]).toBe("restart s1-m1");
    expect(warnings(decision)).toMatch(/s1-m1 goes back from 6.2.16 to 6.2.14/);
  });

  it("another line installed than declared is refused before anything restarts", () => {
    const decision = plan(spec, view(...at("5.0.14", undefined, "5.0.14")));
    expect(decision).toMatchObject({ kind: "refusal", cure: expect.stringMatching(/Install Redis 6.2.14/) });
  });

  it("another patch release installed than declared is a warning, and no restart that would not change it", () => {
    const decision = plan(spec, view(...at("6.2.10", undefined, "6.2.10")));
    expect(lines(decision)).toEqual([]);
    expect(warnings(decision)).toMatch(
      /s0-m0 runs 6.2.10; declared is 6.2.14, and its host would start 6.2.10/,
    );
  });
});

describe("failback", () => {
  // Zones: s0 a/b, s1 b/c, s2 c/a. With s0 led from b, zone b holds two of three primaries.
  const spec = specFor(3, 1);
  const swapped = ledBy(spec, healthyNodes(spec, 10), "s0-m1");

  it("is not done unless declared", () => {
    expect(lines(plan(spec, view(...swapped)))).toEqual([]);
  });

  it("puts the preferred primary back where one zone holds more of them than declared", () => {
    expect(lines(plan({ ...spec, failback: true }, view(...swapped)))).toEqual([
      "failover: s0-m0 takes over from s0-m1",
      SETTLE,
    ]);
  });

  it("leaves swapped roles alone that are spread as well", () => {
    const all = ["s0-m1", "s1-m1", "s2-m1"].reduce((ups, heir) => ledBy(spec, ups, heir), healthyNodes(spec));
    expect(lines(plan({ ...spec, failback: true }, view(...all)))).toEqual([]);
  });

  it("puts back as many as it takes when one alone does not help", () => {
    const two = ["s1-m1", "s2-m1"].reduce((ups, heir) => ledBy(spec, ups, heir), healthyNodes(spec));
    expect(lines(plan({ ...spec, failback: true }, view(...two)))).toEqual([
      "failover: s1-m0 takes over from s1-m1",
      "failover: s2-m0 takes over from s2-m1",
      SETTLE,
    ]);
  });

  it("never hands over to a replica that is older than its primary", () => {
    const older = swapped.map((node) =>
      node.name === "s0-m0"
        ? { ...node, version: "4.0.14", host: { ...node.host, installedVersion: "5.0.6" } }
        : node,
    );
    expect(lines(plan({ ...spec, failback: true, version: "5.0.14" }, view(...older)))).toEqual([]);
  });

  it("follows a rolling change in the same plan", () => {
    const declared = { ...declaring(spec, "tcp-backlog", "200"), failback: true };
    const ups = running(running(healthyNodes(spec, 10), "tcp-backlog", "200"), "tcp-backlog", "100", [
      "s0-m0",
    ]);
    expect(lines(plan(declared, view(...ups)))).toEqual([
      "failover: s0-m1 takes over from s0-m0",
      "restart s0-m0",
      "failover: s0-m0 takes over from s0-m1",
      SETTLE,
    ]);
  });
});

describe("data that a newer Redis wrote", () => {
  it("is not given to an older one while its nodes are stopped either", () => {
    const spec = specFor(3, 1, { version: "5.0.14" });
    const stopped = spec.nodes.map((node) => {
      const down = stoppedNode(node);
      return { ...down, host: { ...down.host, dataVersion: "7.0.15", installedVersion: "5.0.14" } };
    });
    const decision = plan(spec, view(...stopped));
    expect(decision).toMatchObject({
      kind: "refusal",
      cure: expect.stringContaining("Declare version 7.0.15"),
    });
  });
});
