import { describe, expect, it } from "vitest";
import { healingSpec } from "../../../cli/heal";
import type { ClusterSpec, NodeSpec } from "../../../cluster/spec";
import type { NodeDown, NodeUp, PeerView, View } from "../../../cluster/view";

const RANGES = [
  { start: 0, end: 999 },
  { start: 1000, end: 8999 },
  { start: 9000, end: 16_383 },
];

function node(shard: number, member: number): NodeSpec {
  const port = 7000 + 2 * shard + member;
  const name = `shard-${shard + 1}-${"ab".charAt(member)}`;
  const directives = { maxmemory: "1" };
  return {
    name,
    host: "h",
    port,
    busPort: port + 10_000,
    shard,
    member,
    zone: "a",
    directives,
    configSha256: "c",
  };
}

const nodes = [0, 1, 2].flatMap((shard) => [node(shard, 0), node(shard, 1)]);

function spec(overrides: Partial<ClusterSpec> = {}): ClusterSpec {
  return {
    name: "shop",
    nodes,
    shards: [{ weight: 1 }, { weight: 1 }, { weight: 1 }],
    replicasPerShard: 1,
    leaving: [],
    password: "p",
    previousPasswords: [],
    version: "5.0.14",
    liveDirectives: [],
    nodeTimeoutMs: 5000,
    ...overrides,
  };
}

function peer({ name, host, port, busPort, shard, member }: NodeSpec): PeerView {
  const slots = member === 0 ? [RANGES[shard] ?? { start: 0, end: 0 }] : [];
  const flags = member === 0 ? (["master"] as const) : (["slave"] as const);
  return { id: name, host, port, busPort, flags, epoch: 1, connected: true, slots };
}

function viewOf(down: readonly string[] = [], members: readonly NodeSpec[] = nodes): View {
  return {
    nodes: members.map((one): NodeUp | NodeDown => {
      const base = {
        name: one.name,
        host: { process: "running", data: "present" },
        data: "present",
      } as const;
      if (down.includes(one.name))
        return { ...base, process: "stopped", reachable: false, why: "refused", detail: "refused" };
      const up: Partial<NodeUp> = {
        ...base,
        process: "running",
        reachable: true,
        id: one.name,
        role: one.member === 0 ? "primary" : "replica",
        slots: peer(one).slots,
        peers: members.filter((other) => other !== one).map(peer),
        clusterState: "ok",
      };
      return up as NodeUp;
    }),
  };
}

function healed(spec: ClusterSpec, view: View): ClusterSpec {
  const result = healingSpec(spec, view);
  if (typeof result === "string") throw new Error(result);
  return result;
}

describe("healing", () => {
  it("keeps the shares that the shards have, so that nothing moves for balance", () => {
    expect(healed(spec(), viewOf()).shards).toEqual([{ weight: 1000 }, { weight: 8000 }, { weight: 7384 }]);
  });
  it("knows the share of a shard whose primary is dead from the others", () => {
    expect(healed(spec(), viewOf(["shard-1-a"])).shards[0]).toEqual({ weight: 1000 });
  });
  it("leaves settings and files alone", () => {
    for (const one of healed(spec(), viewOf()).nodes) {
      expect(one.directives).toEqual({});
      expect(one.configSha256).toBeUndefined();
    }
  });
  it("refuses to add nodes", () => {
    const grown = spec({
      nodes: [...nodes, node(3, 0)],
      shards: Array.from({ length: 4 }, () => ({ weight: 1 })),
    });
    const fresh: NodeDown = {
      name: "shard-4-a",
      process: "stopped",
      data: "empty",
      host: { process: "stopped", data: "empty" },
      reachable: false,
      why: "refused",
      detail: "refused",
    };
    const view = { nodes: [...viewOf().nodes, fresh] };
    expect(healingSpec(grown, view)).toBe("Declared, and no members yet: shard-4-a.");
  });
  it("refuses to remove nodes", () => {
    const shrunk = spec({ nodes: nodes.slice(0, 5), leaving: nodes.slice(5) });
    expect(healingSpec(shrunk, viewOf())).toBe("Members, and not declared any more: shard-3-b.");
  });
  it("takes a node that was reset for one that is to be healed as long as the others know it", () => {
    const view = viewOf(["shard-2-b"]);
    expect(typeof healingSpec(spec(), view)).toBe("object");
  });
});
