/** Every query of the dashboard, asked of a Prometheus that scrapes a live cluster: data, with the labels that are shown. */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  FAILOVERS,
  filled,
  legendLabels,
  PANEL_ROWS,
  type PanelQuery,
} from "../../templates/monitoring/panels";
import { bring, nodeOf } from "../support/live";
import { specOf } from "../support/specs";
import { eventually, type Sample, startWatchedCluster, type WatchedCluster } from "./support/watched-cluster";

let watched: WatchedCluster;
let traffic: Promise<void> | undefined;
let isOver = false;

beforeAll(async () => {
  watched = await startWatchedCluster({ directives: { maxmemory: "64mb" } });
  traffic = flow();
}, 120_000);
afterAll(async () => {
  isOver = true;
  await traffic;
  await watched?.end();
});

/** Rates and ratios need counters that move between scrapes. */
async function flow(): Promise<void> {
  while (!isOver) {
    await someTraffic(watched);
    await sleep(2000);
  }
}

/** Hits and misses on every primary. */
async function someTraffic({ local }: WatchedCluster): Promise<void> {
  const primaries = local.nodes.filter(({ member }) => member === 0);
  for (const tag of ["{a}", "{b}", "{c}", "{d}", "{e}", "{f}"]) {
    for (const node of primaries) {
      const slot = await local.cli(node, "set", `${tag}:key`, "value");
      if (slot === "OK") await local.cli(node, "get", `${tag}:key`);
      await local.cli(node, "get", `${tag}:missing`);
    }
  }
}

function ask({ expr }: PanelQuery): Promise<Sample[]> {
  return watched.query(filled(expr, { cluster: "test", rateInterval: "20s" }));
}

const hasData = (samples: readonly Sample[]) => samples.some(({ value }) => Number.isFinite(value));

describe.each(PANEL_ROWS)("$title", ({ panels }) => {
  test.each(panels)("$title", async ({ queries }) => {
    for (const query of queries) {
      const samples = await eventually(query.expr, () => ask(query), hasData, 30_000);
      for (const { metric } of samples)
        expect(legendLabels(query.legend).filter((label) => !metric[label])).toEqual([]);
    }
  });
});

test("nodes' panels show every node, and shards' every shard", async () => {
  const shows = async (title: string, label: string, expected: readonly string[]) => {
    const panel = PANEL_ROWS.flatMap(({ panels }) => panels).find((each) => each.title === title);
    const labels = async () => {
      const samples = await Promise.all((panel?.queries ?? []).map(ask));
      return samples.flatMap((each) => each.map(({ metric }) => metric[label])).sort();
    };
    await eventually(title, labels, (seen) => seen.join() === expected.join(), 30_000);
  };
  const names = watched.local.nodes.map(({ name }) => name).sort();
  for (const title of ["Requests by node", "CPU by node", "Slots by node", "Last snapshot good"])
    await shows(title, "node", names);
  await shows("Requests by shard", "shard", ["1", "2", "3"]);
  await shows("Link to the primary", "node", ["s0-m1", "s1-m1", "s2-m1"]);
});

test("a chosen shard is alone", async () => {
  const expr = filled('redis_connected_clients{cluster="$cluster",shard=~"$shard"}', {
    cluster: "test",
    shard: "2",
    rateInterval: "20s",
  });
  expect((await watched.query(expr)).map(({ metric }) => metric.node).sort()).toEqual(["s1-m0", "s1-m1"]);
});

test("a failover is marked with the node that took over", async () => {
  const { local } = watched;
  expect(await ask(FAILOVERS)).toEqual([]);
  await local.cli(nodeOf(local, "s2-m1"), "cluster", "failover");
  const marked = await eventually(
    "a mark",
    () => ask(FAILOVERS),
    (samples) => samples.length === 1,
    30_000,
  );
  expect(marked[0]?.metric).toMatchObject({ node: "s2-m1", shard: "3", zone: "a" });
  await bring(local, specOf(local));
});
