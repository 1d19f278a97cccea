/**
 * The dashboard's panels as data: the Grafana JSON is generated from them, tests run every query against a live cluster, and
 * the pictures in docs/ draw them. `$cluster`, `$shard` and `$__rate_interval` are Grafana's to fill.
 */

export type PanelUnit = "reqps" | "percentunit" | "bytes" | "Bps" | "short" | "s" | "slots" | "none";

export interface PanelQuery {
  readonly expr: string;
  /** Grafana's legend: labels in double braces. */
  readonly legend: string;
}

export interface Panel {
  readonly title: string;
  /** What it shows and what is good. */
  readonly description: string;
  /** A number, or lines over time. */
  readonly kind: "stat" | "lines";
  readonly unit: PanelUnit;
  readonly queries: readonly PanelQuery[];
  /** A line or colour border worth seeing. */
  readonly threshold?: number;
  /** Columns of 24. */
  readonly width: 4 | 6 | 8 | 12 | 24;
}

export interface PanelRow {
  readonly title: string;
  readonly panels: readonly Panel[];
}

const NODES = '{cluster="$cluster",shard=~"$shard"}';
const ALL = '{cluster="$cluster"}';
const PRIMARY = 'redis_kit:node_role{cluster="$cluster",shard=~"$shard",role="primary"}';
const CPU = (labels: string) =>
  `(rate(redis_cpu_sys_seconds_total${labels}[$__rate_interval]) + rate(redis_cpu_user_seconds_total${labels}[$__rate_interval]))`;
const RATE = (metric: string, labels = NODES) => `rate(${metric}${labels}[$__rate_interval])`;
const NODE = "{{node}}";

function stat(title: string, unit: PanelUnit, expr: string, description: string, threshold?: number): Panel {
  const query = { expr, legend: "" };
  const border = threshold === undefined ? {} : { threshold };
  return { title, description, kind: "stat", unit, queries: [query], width: 4, ...border };
}

function perNode(title: string, unit: PanelUnit, expr: string, description: string): Panel {
  return { title, description, kind: "lines", unit, queries: [{ expr, legend: NODE }], width: 8 };
}

const OVERVIEW: readonly Panel[] = [
  stat("Nodes up", "none", `sum(redis_up${ALL})`, "Of all that are declared."),
  stat("Slots served", "slots", `min(redis_cluster_slots_ok${ALL})`, "16384, or something is down.", 16_384),
  stat(
    "Requests",
    "reqps",
    `sum(${RATE("redis_commands_processed_total", ALL)})`,
    "Commands a second, all nodes, replication included.",
  ),
  stat(
    "Hit ratio",
    "percentunit",
    `sum(${RATE("redis_keyspace_hits_total", ALL)}) / (sum(${RATE("redis_keyspace_hits_total", ALL)}) + sum(${RATE("redis_keyspace_misses_total", ALL)}))`,
    "Reads that found their key.",
  ),
  stat("Memory", "bytes", `sum(redis_memory_used_bytes${ALL})`, "Used by data and buffers, all nodes."),
  stat(
    "Requests at 30 % CPU",
    "reqps",
    `0.3 * sum(${RATE("redis_commands_processed_total", ALL)} and on (cluster, node) redis_kit:node_role{cluster="$cluster",role="primary"}) / avg(${CPU(ALL)} and on (cluster, node) redis_kit:node_role{cluster="$cluster",role="primary"})`,
    "Headroom: what the primaries would do at 30 % of a core each if commands went on costing what they cost now. The aim is a million a second. Only true under load: an idle node's CPU is its own housekeeping.",
    1_000_000,
  ),
];

const NODE_LOAD: readonly Panel[] = [
  perNode(
    "Requests by node",
    "reqps",
    RATE("redis_commands_processed_total"),
    "Even among primaries, unless keys are hot.",
  ),
  perNode("CPU by node", "percentunit", CPU(NODES), "Of one core: Redis has one thread for commands."),
  perNode(
    "Time of a command",
    "s",
    `sum by (node) (${RATE("redis_commands_duration_seconds_total")}) / sum by (node) (${RATE("redis_commands_total")})`,
    "Average in the server, network not counted.",
  ),
  perNode("Clients", "short", `redis_connected_clients${NODES}`, "Connected now; the limit is maxclients."),
  perNode(
    "Received",
    "Bps",
    RATE("redis_net_input_bytes_total"),
    "Bytes a second from clients and primaries.",
  ),
  perNode("Sent", "Bps", RATE("redis_net_output_bytes_total"), "Bytes a second to clients and replicas."),
];

const SHARDS: readonly Panel[] = [
  {
    title: "Requests by shard",
    description: "Its primary's commands.",
    kind: "lines",
    unit: "reqps",
    queries: [
      {
        expr: `sum by (shard) (${RATE("redis_commands_processed_total")} and on (cluster, node) ${PRIMARY})`,
        legend: "shard {{shard}}",
      },
    ],
    width: 8,
  },
  {
    title: "Keys by shard",
    description: "Of its primary.",
    kind: "lines",
    unit: "short",
    queries: [
      {
        expr: `sum by (shard) (redis_db_keys${NODES} and on (cluster, node) ${PRIMARY})`,
        legend: "shard {{shard}}",
      },
    ],
    width: 8,
  },
  perNode(
    "Memory of maxmemory",
    "percentunit",
    `redis_memory_used_bytes${NODES} / (redis_memory_max_bytes${NODES} > 0)`,
    "Empty without a maxmemory. At 100 % keys are evicted or writes refused.",
  ),
  perNode(
    "Slots by node",
    "slots",
    `redis_script_values{cluster="$cluster",shard=~"$shard",key="slots_owned"}`,
    "Steps are reshards; replicas own none.",
  ),
  perNode(
    "Slots half moved",
    "slots",
    `sum by (node) (redis_script_values{cluster="$cluster",shard=~"$shard",key=~"slots_migrating|slots_importing"})`,
    "Above 0 only while slots move.",
  ),
  perNode(
    "Evicted and expired keys",
    "short",
    `${RATE("redis_evicted_keys_total")} + ${RATE("redis_expired_keys_total")}`,
    "A second.",
  ),
];

const REPLICATION: readonly Panel[] = [
  perNode(
    "Behind the primary",
    "bytes",
    `max by (cluster, shard) (redis_master_repl_offset${NODES}) - on (cluster, shard) group_right() redis_master_repl_offset${NODES}`,
    "Bytes of the replication stream not yet received, to within a scrape.",
  ),
  perNode("Link to the primary", "none", `redis_master_link_up${NODES}`, "Replicas: 1 is up."),
  perNode(
    "Replicas in sync",
    "none",
    `redis_connected_slaves${NODES} and on (cluster, node) ${PRIMARY}`,
    "By primary.",
  ),
];

const PERSISTENCE: readonly Panel[] = [
  perNode("Last snapshot good", "none", `redis_rdb_last_bgsave_status${NODES}`, "1 is good."),
  perNode(
    "Changes since the last snapshot",
    "short",
    `redis_rdb_changes_since_last_save${NODES}`,
    "Lost with the node if the append-only file is off.",
  ),
  perNode("Append-only file good", "none", `redis_aof_last_write_status${NODES}`, "1 is good, or it is off."),
];

export const PANEL_ROWS: readonly PanelRow[] = [
  { title: "Cluster", panels: OVERVIEW },
  { title: "Nodes", panels: NODE_LOAD },
  { title: "Shards and slots", panels: SHARDS },
  { title: "Replication", panels: REPLICATION },
  { title: "Persistence", panels: PERSISTENCE },
];

/** Failovers, shown as marks on every panel. */
export const FAILOVERS: PanelQuery = {
  expr: `redis_kit:node_role{cluster="$cluster",role="primary"} and on (cluster, node) last_over_time(redis_kit:node_role{cluster="$cluster",role="replica"}[1m])`,
  legend: "{{node}} (shard {{shard}}, zone {{zone}}) has become primary",
};

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
