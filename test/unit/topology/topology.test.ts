import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { addressProblems } from "../../../config/checks";
import {
  type LocalLayout,
  layOut,
  MAX_LOCAL_SHARDS,
  type PlannedNode,
  placementWarnings,
} from "../../../topology";

function input(part: Partial<LocalLayout> = {}): LocalLayout {
  return {
    target: "local",
    shards: 3,
    replicasPerShard: 1,
    zones: ["a", "b", "c"],
    host: "127.0.0.1",
    basePort: 7000,
    dataDirectory: "/data",
    ...part,
  };
}

const anyInput = fc
  .record({
    shards: fc.integer({ min: 3, max: MAX_LOCAL_SHARDS }),
    replicasPerShard: fc.integer({ min: 0, max: 5 }),
    zoneCount: fc.integer({ min: 1, max: 7 }),
    basePort: fc.integer({ min: 1024, max: 50_000 }),
  })
  .map(({ zoneCount, ...rest }) =>
    input({ ...rest, zones: Array.from({ length: zoneCount }, (_, index) => `zone-${index}`) }),
  );

const byName = (nodes: readonly PlannedNode[]) => new Map(nodes.map((node) => [node.name, node]));

describe("the usual six nodes", () => {
  test("are three primaries on the first ports, then their replicas, each pair over two zones", () => {
    const { nodes, warnings } = layOut(input());
    expect(nodes.map(({ name, zone, port, busPort, dir }) => ({ name, zone, port, busPort, dir }))).toEqual([
      { name: "shard-1-a", zone: "a", port: 7000, busPort: 17_000, dir: "/data/shard-1-a" },
      { name: "shard-1-b", zone: "b", port: 7003, busPort: 17_003, dir: "/data/shard-1-b" },
      { name: "shard-2-a", zone: "b", port: 7001, busPort: 17_001, dir: "/data/shard-2-a" },
      { name: "shard-2-b", zone: "c", port: 7004, busPort: 17_004, dir: "/data/shard-2-b" },
      { name: "shard-3-a", zone: "c", port: 7002, busPort: 17_002, dir: "/data/shard-3-a" },
      { name: "shard-3-b", zone: "a", port: 7005, busPort: 17_005, dir: "/data/shard-3-b" },
    ]);
    expect(warnings).toEqual([]);
  });

  test("a fourth shard takes the next two ports, second replicas a new hundred", () => {
    const { nodes } = layOut(input({ shards: 4, replicasPerShard: 2 }));
    const port = (name: string) => byName(nodes).get(name)?.port;
    expect(["shard-4-a", "shard-4-b", "shard-4-c", "shard-1-c"].map(port)).toEqual([7006, 7007, 7103, 7100]);
  });

  test("nothing of a topology can be changed", () => {
    const topology = layOut(input());
    expect(Object.isFrozen(topology)).toBe(true);
    expect(Object.isFrozen(topology.nodes)).toBe(true);
    expect(topology.nodes.every((node) => Object.isFrozen(node))).toBe(true);
  });
});

describe("for any declaration", () => {
  test("names, addresses and folders are distinct, bus ports included", () => {
    fc.assert(
      fc.property(anyInput, (config) => {
        const { nodes } = layOut(config);
        expect(nodes).toHaveLength(config.shards * (config.replicasPerShard + 1));
        expect(new Set(nodes.map(({ name }) => name)).size).toBe(nodes.length);
        expect(new Set(nodes.map(({ dir }) => dir)).size).toBe(nodes.length);
        expect(new Set(nodes.flatMap(({ port, busPort }) => [port, busPort])).size).toBe(nodes.length * 2);
        expect(addressProblems(nodes)).toEqual([]);
      }),
    );
  });

  test("a node never changes when shards or replicas come or go", () => {
    fc.assert(
      fc.property(anyInput, anyInput, (one, other) => {
        const here = layOut(one).nodes;
        const there = byName(
          layOut({ ...one, shards: other.shards, replicasPerShard: other.replicasPerShard }).nodes,
        );
        for (const node of here) {
          const same = there.get(node.name);
          if (same) expect(same).toEqual(node);
        }
        const kept = here.filter(
          ({ shard, member }) => shard < other.shards && member <= other.replicasPerShard,
        );
        expect(kept.every(({ name }) => there.has(name))).toBe(true);
      }),
    );
  });

  test("the same declaration gives the same nodes, ordered by shard, then member", () => {
    fc.assert(
      fc.property(anyInput, (config) => {
        const { nodes } = layOut(config);
        expect(layOut(structuredClone(config))).toEqual(layOut(config));
        const order = nodes.map(({ shard, member }) => shard * 10 + member);
        expect(order).toEqual([...order].sort((one, other) => one - other));
      }),
    );
  });

  test("the members of a shard are in distinct zones wherever there are zones enough", () => {
    fc.assert(
      fc.property(anyInput, (config) => {
        const { nodes } = layOut(config);
        for (let shard = 0; shard < config.shards; shard++) {
          const zones = nodes.filter((node) => node.shard === shard).map(({ zone }) => zone);
          const most = Math.min(config.zones.length, config.replicasPerShard + 1);
          expect(new Set(zones).size).toBe(most);
          if (config.zones.length > 1) expect(zones.slice(1)).not.toContain(zones[0]);
        }
      }),
    );
  });

  test("no zone has two primaries more than another, and replicas spread as well over whole rounds", () => {
    fc.assert(
      fc.property(anyInput, (config) => {
        const { nodes } = layOut(config);
        const perZone = (chosen: readonly PlannedNode[]) =>
          config.zones.map((zone) => chosen.filter((node) => node.zone === zone).length);
        const primaries = perZone(nodes.filter(({ member }) => member === 0));
        expect(Math.max(...primaries) - Math.min(...primaries)).toBeLessThanOrEqual(1);
        const rounds = Math.floor(config.shards / config.zones.length) * config.zones.length;
        const replicas = perZone(nodes.filter(({ shard, member }) => member > 0 && shard < rounds));
        expect(Math.max(...replicas) - Math.min(...replicas)).toBe(0);
      }),
    );
  });
});

test("1,000 nodes are laid out in a small part of a second", () => {
  const started = performance.now();
  const { nodes } = layOut(input({ shards: 500 }));
  expect(performance.now() - started).toBeLessThan(500);
  expect(new Set(nodes.map(({ port }) => port)).size).toBe(1000);
});

describe("placement that loses the cluster with a zone", () => {
  test.each([
    [3, 1, ["a", "b", "c"], []],
    [5, 2, ["a", "b", "c"], []],
    [3, 2, ["a", "b"], ["3 members per shard over 2 zones", 'Zone "a" holds 2 of 3 primaries']],
    [3, 1, ["a"], ["2 members per shard over 1 zone", 'Zone "a" holds 3 of 3 primaries']],
    [4, 1, ["a", "b", "c"], ['Zone "a" holds 2 of 4 primaries']],
    [3, 3, ["a", "b", "c"], ["4 members per shard over 3 zones"]],
  ])("%i shards, %i replicas, zones %j", (shards, replicas, zones, beginnings) => {
    const warnings = placementWarnings(shards, replicas, zones);
    expect(warnings).toHaveLength(beginnings.length);
    for (const [index, beginning] of beginnings.entries()) expect(warnings[index]).toContain(beginning);
    expect(layOut(input({ shards, replicasPerShard: replicas, zones })).warnings).toEqual(warnings);
  });

  test("is warned of exactly when the other zones' primaries are no majority", () => {
    fc.assert(
      fc.property(anyInput, (config) => {
        const { nodes, warnings } = layOut(config);
        const primaries = nodes.filter(({ member }) => member === 0);
        const fatal = config.zones.some((zone) => {
          const left = primaries.filter((node) => node.zone !== zone).length;
          return left * 2 <= primaries.length;
        });
        expect(warnings.some((line) => line.includes("majority"))).toBe(fatal);
      }),
    );
  });
});
