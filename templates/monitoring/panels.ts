/**
 * The dashboard's panels as data: the Grafana JSON is generated from them, tests run every query against a live cluster, and
 * the pictures in docs/ draw them.
 */
import { STATE } from "./panels/state";
import type { PanelQuery, PanelRow } from "./panels/types";
import { LOAD, PERSISTENCE, REPLICATION, SHARDS } from "./panels/work";
import { MIN_SCRAPES_IN_RANGE } from "./rules";

export const PANEL_ROWS: readonly PanelRow[] = [
  { title: "What is wrong, and where", panels: STATE },
  { title: "Load", panels: LOAD },
  { title: "Shards and slots", panels: SHARDS },
  { title: "Replication", panels: REPLICATION },
  { title: "Persistence", panels: PERSISTENCE },
];

/** Grafana looks for marks once in so many seconds. */
const MARK_STEP_SECONDS = 60;

/** Failovers, shown as marks on every panel. */
export function failovers(scrapeIntervalSeconds: number): PanelQuery {
  return {
    expr: `redis_kit:node_role{cluster="$cluster",role="primary"} and on (cluster, node) last_over_time(redis_kit:node_role{cluster="$cluster",role="replica"}[${markRange(scrapeIntervalSeconds)}])`,
    legend: "{{node}} (shard {{shard}}, zone {{zone}}) has become primary",
    covers: "primary",
  };
}

/** How long a failover is marked: it must not fall between two looks, nor between two scrapes. */
export function markRange(scrapeIntervalSeconds: number): string {
  return `${Math.max(MARK_STEP_SECONDS, MIN_SCRAPES_IN_RANGE * scrapeIntervalSeconds)}s`;
}

/** `expr` as Grafana would send it. */
export function filled(
  expr: string,
  { cluster, shard = ".*", rateInterval }: { cluster: string; shard?: string; rateInterval: string },
): string {
  return expr
    .replaceAll("$cluster", cluster)
    .replaceAll("$shard", shard)
    .replaceAll("$__rate_interval", rateInterval);
}

/** Labels that a legend names. */
export function legendLabels(legend: string): string[] {
  return [...legend.matchAll(/\{\{(\w+)\}\}/g)].flatMap(([, label]) => label ?? []);
}
