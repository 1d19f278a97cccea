/** What the panels have in common. `$cluster`, `$shard` and `$__rate_interval` are Grafana's to fill. */
import type { Covers, LinesPanel, PanelUnit, StatPanel } from "./types";

/** Of the chosen shards. */
export const NODES = '{cluster="$cluster",shard=~"$shard"}';
export const ALL = '{cluster="$cluster"}';
export const PRIMARY = 'redis_kit:node_role{cluster="$cluster",shard=~"$shard",role="primary"}';
/** A node with where it is. */
export const NODE = "{{node}} ({{zone}})";
export const BY_NODE = "by (cluster, shard, node, zone)";
export const BY_SHARD = "by (cluster, shard)";

export function rate(metric: string, labels = NODES): string {
  return `rate(${metric}${labels}[$__rate_interval])`;
}

/** Seconds of CPU a second, of all threads of the process. */
export function cpu(labels: string): string {
  return `(${rate("redis_cpu_sys_seconds_total", labels)} + ${rate("redis_cpu_user_seconds_total", labels)})`;
}

/** Slots as slots.lua counts them; `key` is matched against one of its names. */
export function slots(key: string): string {
  return `redis_script_values{cluster="$cluster",shard=~"$shard",key=~"${key}"}`;
}

export interface Border {
  readonly goodFrom?: number;
  readonly badFrom?: number;
}

/** A number of the whole cluster. */
export function stat(
  title: string,
  unit: PanelUnit,
  expr: string,
  description: string,
  border: Border = {},
): StatPanel {
  const queries = [{ expr, legend: "", covers: "cluster" }] as const;
  return { title, description, kind: "stat", unit, queries, width: 6, ...border };
}

/** A line for every node, or for every primary or replica alone. */
export function perNode(
  title: string,
  unit: PanelUnit,
  expr: string,
  description: string,
  covers: Covers = "node",
): LinesPanel {
  return { title, description, kind: "lines", unit, queries: [{ expr, legend: NODE, covers }], width: 8 };
}

export function perShard(title: string, unit: PanelUnit, expr: string, description: string): LinesPanel {
  const queries = [{ expr, legend: "shard {{shard}}", covers: "shard" }] as const;
  return { title, description, kind: "lines", unit, queries, width: 8 };
}
