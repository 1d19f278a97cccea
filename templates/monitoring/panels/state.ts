/** What is wrong, where, and since when: what somebody who was woken looks at first. */
import { ALL, BY_NODE, NODE, NODES, slots, stat } from "./parts";
import type { Panel, StatesPanel, StatPanel, TablePanel } from "./types";

/** Also of nodes whose exporter does not answer. */
const SCRAPED = '{cluster="$cluster",shard=~"$shard",node!=""}';
const DECLARED = 'count(up{cluster="$cluster",node!=""})';
const UP = `sum(redis_up${ALL})`;
const FIRING = 'ALERTS{cluster="$cluster",alertstate="firing"}';

const NODES_UP: StatPanel = {
  title: "Nodes up",
  description: "Those that answer their exporter, and all that Prometheus is told to scrape.",
  kind: "stat",
  unit: "none",
  queries: [
    { expr: UP, legend: "up", covers: "cluster" },
    { expr: DECLARED, legend: "declared", covers: "cluster" },
  ],
  width: 6,
};

const ALERTS: TablePanel = {
  title: "Alerts that fire",
  description: "The newest first. What to do is in the runbook, under the alert's name.",
  kind: "table",
  queries: [
    {
      // As Prometheus keeps it: when the condition of an alert became true.
      expr: `max by (alertname, severity, shard, node, zone) (ALERTS_FOR_STATE${ALL} and ignoring (alertstate) ${FIRING}) * 1000`,
      legend: "",
      covers: "alert",
    },
  ],
  columns: [
    { title: "Since", from: 0, unit: "ago" },
    { title: "Alert", from: "alertname" },
    { title: "Severity", from: "severity" },
    { title: "Shard", from: "shard" },
    { title: "Node", from: "node" },
    { title: "Zone", from: "zone" },
  ],
  empty: "No alert fires",
  width: 12,
};

/** One column of the table of nodes, by the labels that its lines have in common. */
const byNode = (expr: string, more = "") => `max by (cluster, shard, node, zone${more}) (${expr})`;

const NODE_TABLE: TablePanel = {
  title: "Nodes now",
  description:
    "Every node that Prometheus is told to scrape. Where the exporter is down, nothing else is known; where Redis alone is down, it does not answer its exporter.",
  kind: "table",
  queries: [
    { expr: byNode(`up${SCRAPED}`), legend: NODE, covers: "node" },
    { expr: byNode(`redis_up${NODES}`), legend: NODE, covers: "node" },
    { expr: byNode(`redis_kit:node_role${NODES}`, ", role"), legend: NODE, covers: "node" },
    { expr: byNode(`redis_uptime_in_seconds${NODES}`), legend: NODE, covers: "node" },
    { expr: byNode(`redis_master_link_up${NODES}`), legend: NODE, covers: "replica" },
    { expr: byNode(slots("slots_owned")), legend: NODE, covers: "node" },
  ],
  columns: [
    { title: "Shard", from: "shard" },
    { title: "Node", from: "node" },
    { title: "Zone", from: "zone" },
    { title: "Role", from: "role" },
    { title: "Redis", from: 1, unit: "state" },
    { title: "Up for", from: 3, unit: "s" },
    { title: "Link to primary", from: 4, unit: "state" },
    { title: "Slots", from: 5, unit: "slots" },
    { title: "Exporter", from: 0, unit: "state" },
  ],
  width: 12,
};

const OVER_TIME: StatesPanel = {
  title: "Nodes over time",
  description:
    "Since when a node is down: it does not answer its exporter, or that one does not answer Prometheus. A node at its maxclients turns its exporter away and counts as down here.",
  kind: "states",
  queries: [{ expr: `min ${BY_NODE} (redis_up${NODES} or up${SCRAPED})`, legend: NODE, covers: "node" }],
  width: 24,
};

export const STATE: readonly Panel[] = [
  NODES_UP,
  stat("Nodes down", "none", `${DECLARED} - (${UP} or vector(0))`, "Or not reached by Prometheus.", {
    badFrom: 1,
  }),
  stat("Slots served", "slots", `min(redis_cluster_slots_ok${ALL})`, "16384, or something is down.", {
    goodFrom: 16_384,
  }),
  stat("Alerts", "none", `count(${FIRING}) or vector(0)`, "That fire now.", { badFrom: 1 }),
  ALERTS,
  NODE_TABLE,
  OVER_TIME,
];
