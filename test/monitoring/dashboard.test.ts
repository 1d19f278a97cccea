/** Every query of the dashboard, asked of a Prometheus that scrapes a live cluster: data, with the labels that are shown. */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import type { NodeSpec } from "../../cluster/spec";
import { failovers, filled, legendLabels, PANEL_ROWS } from "../../templates/monitoring/panels";
import type { Covers, PanelQuery } from "../../templates/monitoring/panels/types";
import { rulesYml } from "../../templates/monitoring/rules";
import { readProjectFile } from "../support/house/sources";
import { bring, nodeOf } from "../support/live";
import { specOf } from "../support/specs";
import { selectorsOf } from "./support/metric-names";
import {
  eventually,
  type Sample,
  SCRAPE_SECONDS,
  startWatchedCluster,
  type WatchedCluster,
} from "./support/watched-cluster";

const BACKUP = "redis_cluster_kit_backup_last";

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

function ask({ expr }: Pick<PanelQuery, "expr">): Promise<Sample[]> {
  return watched.query(filled(expr, { cluster: "test", rateInterval: "20s" }));
}

/** What a query must have a result for, each; sorted. Of alerts, none while all is well. */
function covered(covers: Covers): { readonly label?: string; readonly values: readonly string[] } {
  const names = (isWanted: (node: NodeSpec) => boolean) =>
    watched.local.nodes.filter(isWanted).map(({ name }) => name);
  switch (covers) {
    case "cluster":
      return { values: ["the cluster"] };
    case "shard":
      return { label: "shard", values: ["1", "2", "3"] };
    case "node":
      return { label: "node", values: names(() => true) };
    case "primary":
      return { label: "node", values: names(({ member }) => member === 0) };
    case "replica":
      return { label: "node", values: names(({ member }) => member === 1) };
    case "alert":
      return { values: [] };
    default:
      throw new Error(`unknown: ${String(covers satisfies never)}`);
  }
}

describe.each(PANEL_ROWS)("$title", ({ panels }) => {
  test.each(panels)("$title", async ({ queries }) => {
    for (const query of queries) {
      const { label, values } = covered(query.covers);
      const seen = (samples: readonly Sample[]) =>
        samples
          .filter(({ value }) => Number.isFinite(value))
          .map(({ metric }) => (label === undefined ? "the cluster" : metric[label]))
          .sort();
      const isWhole = (samples: readonly Sample[]) => seen(samples).join() === [...values].sort().join();
      const samples = await eventually(query.expr, () => ask(query), isWhole, 30_000);
      for (const { metric } of samples)
        expect(legendLabels(query.legend).filter((name) => !metric[name])).toEqual([]);
    }
  });
});

describe("metrics", () => {
  /** Not there while all is well, or not the exporters': why each is missing here. */
  const ELSEWHERE: Readonly<Record<string, string>> = {
    ALERTS: "is there while an alert is; the table of alerts has its own test",
    ALERTS_FOR_STATE: "is there while an alert is; the table of alerts has its own test",
    [`${BACKUP}_success_timestamp_seconds`]: "is read by node_exporter from a file of the backup timer",
    [`${BACKUP}_failure_timestamp_seconds`]: "is read by node_exporter from a file of the backup timer",
  };

  const selectors = () => {
    const { groups } = parse(rulesYml({ cluster: "c", nodes: [] })) as {
      groups: { rules: { expr: string }[] }[];
    };
    const rules = groups.flatMap((group) => group.rules.map(({ expr }) => expr));
    const queries = PANEL_ROWS.flatMap(({ panels }) => panels.flatMap((panel) => panel.queries));
    const exprs = [...rules, ...queries.map(({ expr }) => expr), failovers(SCRAPE_SECONDS).expr];
    return [...new Set(exprs.flatMap(selectorsOf))].sort();
  };

  test("of rules and panels are found in their expressions", () => {
    expect(
      selectorsOf(`sum by (cluster, node) (rate(a_total{key=~"x|y",node=~"$n"}[5m] offset 600s)) / 0.5
and on (cluster) group_left () label_replace(b:c, "role", "primary", "role", "master") unless d{role="e"} == 1`),
    ).toEqual(['a_total{key=~"x"}', 'a_total{key=~"y"}', "b:c", 'd{role=~"e"}']);
    expect(selectors().length).toBeGreaterThan(35);
    expect(Object.keys(ELSEWHERE).filter((name) => !selectors().includes(name))).toEqual([]);
  });

  test("of rules and panels are all there: one that is renamed fails this", async () => {
    const wanted = selectors().filter((selector) => ELSEWHERE[selector] === undefined);
    const missing = async () => {
      const counts = await Promise.all(wanted.map((selector) => watched.query(`count(${selector})`)));
      return wanted.filter((_, at) => !(Number(counts[at]?.[0]?.value) > 0));
    };
    await eventually("every metric has a value", missing, (names) => names.length === 0, 30_000);
  });

  test("of backups are called as the command line and the servers' timer write them", () => {
    const written = `${readProjectFile("templates/server/backup/begin.sh")}${readProjectFile("backup/metrics.ts")}`;
    for (const name of Object.keys(ELSEWHERE).filter((each) => each.startsWith(BACKUP)))
      expect(written, name).toContain(name.replace("redis_cluster_kit_backup_", ""));
  });
});

test("a chosen shard is alone", async () => {
  const expr = filled('redis_connected_clients{cluster="$cluster",shard=~"$shard"}', {
    cluster: "test",
    shard: "2",
    rateInterval: "20s",
  });
  expect((await watched.query(expr)).map(({ metric }) => metric.node).sort()).toEqual(["s1-m0", "s1-m1"]);
});

test("a stopped replica: which node, in which zone, since when", async () => {
  const { local } = watched;
  const node = nodeOf(local, "s1-m1");
  const shown = async (title: string, index = 0) => {
    const panel = PANEL_ROWS.flatMap(({ panels }) => panels).find((each) => each.title === title);
    return ask({ expr: panel?.queries[index]?.expr ?? `no panel ${title}` });
  };
  const shows = (title: string, metric: Readonly<Record<string, string>>, value: number) => {
    const isIt = (sample: Sample) =>
      sample.value === value &&
      Object.entries(metric).every(([label, text]) => sample.metric[label] === text);
    return eventually(
      `${title}: ${value}`,
      () => shown(title),
      (samples) => samples.some(isIt),
    );
  };
  const begunMs = Date.now();
  await local.host.stop(node);
  try {
    await shows("Nodes over time", { node: "s1-m1", zone: "c", shard: "2" }, 0);
    await shows("Nodes down", {}, 1);
    await shows("Replicas in sync", { shard: "2" }, 0);
    const alerts = await eventually(
      "the alert",
      () => shown("Alerts that fire"),
      (samples) => samples.some(({ metric }) => metric.alertname === "RedisNodeDown"),
    );
    const down = alerts.find(({ metric }) => metric.alertname === "RedisNodeDown");
    expect(down?.metric).toMatchObject({ node: "s1-m1", zone: "c", shard: "2", severity: "critical" });
    // Prometheus keeps whole seconds.
    expect(down?.value).toBeGreaterThan(begunMs - 1000);
    expect(down?.value).toBeLessThanOrEqual(Date.now());
  } finally {
    await local.host.start(node);
  }
  await shows("Nodes down", {}, 0);
  await shows("Replicas in sync", { shard: "2" }, 1);
  await shows("Alerts", {}, 0);
});

test("a failover is marked with the node that took over", async () => {
  const { local } = watched;
  expect(await ask(failovers(SCRAPE_SECONDS))).toEqual([]);
  await local.cli(nodeOf(local, "s2-m1"), "cluster", "failover");
  const marked = await eventually(
    "a mark",
    () => ask(failovers(SCRAPE_SECONDS)),
    (samples) => samples.length === 1,
    30_000,
  );
  expect(marked[0]?.metric).toMatchObject({ node: "s2-m1", shard: "3", zone: "a" });
  await bring(local, specOf(local));
});
