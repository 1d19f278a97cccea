/** Nodes and slots: whether the cluster serves. */
import type { Alert, Range } from "../types";
import { BY_NODE, NODE, REFUSED_EXPORTER } from "./labels";

export function availabilityAlerts(range: Range): Alert[] {
  return [...clusterAlerts(), ...nodeAlerts(), failover(range)];
}

function clusterAlerts(): Alert[] {
  return [
    {
      name: "RedisClusterStateNotOk",
      severity: "critical",
      expr: "redis_cluster_state == 0",
      forSeconds: 30,
      summary: `${NODE} of {{ $labels.cluster }} says that the cluster is down`,
      description: "It refuses commands: slots are not served, or it sees no majority of primaries.",
    },
    {
      name: "RedisSlotsNotServed",
      severity: "critical",
      expr: "(16384 - redis_cluster_slots_ok) > 0",
      forSeconds: 30,
      summary: `${NODE} of {{ $labels.cluster }} sees {{ $value }} slots that nobody serves`,
      description:
        "Their keys can be neither read nor written: their primary is down, or they have no owner.",
    },
    {
      name: "RedisSlotsOpenTooLong",
      severity: "warning",
      expr: `sum ${BY_NODE} (redis_script_values{key=~"slots_migrating|slots_importing"}) > 0`,
      forSeconds: 900,
      summary: `${NODE} of {{ $labels.cluster }} has {{ $value }} slots half moved`,
      description:
        "A move of slots was interrupted, or takes very long. Commands with several keys can fail there.",
    },
  ];
}

function nodeAlerts(): Alert[] {
  return [
    {
      name: "RedisNodeDown",
      severity: "critical",
      expr: `(redis_up == 0)\nunless on (cluster, node) (${REFUSED_EXPORTER})`,
      forSeconds: 30,
      summary: `${NODE} of {{ $labels.cluster }} is down`,
      description: "Its exporter runs and gets no answer from Redis. The shard has one member less, or none.",
    },
    {
      name: "RedisExporterDown",
      severity: "warning",
      expr: 'up{cluster!="", node!=""} == 0',
      forSeconds: 60,
      summary: `No metrics of ${NODE} of {{ $labels.cluster }}`,
      description:
        "Prometheus does not reach its exporter: nothing is known of this node. Its server may be down.",
    },
    {
      name: "RedisZoneDown",
      severity: "critical",
      expr: `count by (cluster, zone) (up{cluster!="", node!=""})
unless on (cluster, zone) (redis_up == 1)
unless on (cluster, zone) (${REFUSED_EXPORTER})`,
      forSeconds: 60,
      summary: "No node of {{ $labels.cluster }} in zone {{ $labels.zone }} answers",
      description:
        "A whole zone is gone. What it held as primary must have failed over; no further zone may fail.",
    },
  ];
}

function failover(range: Range): Alert {
  return {
    name: "RedisFailoverHappened",
    severity: "info",
    expr: `redis_kit:node_role{role="primary"}
and on (cluster, node) last_over_time(redis_kit:node_role{role="replica"}[${range(600)}])`,
    forSeconds: 0,
    summary: `${NODE} of {{ $labels.cluster }} has become primary`,
    description: "It was a replica before: a handover by the kit, or the primary before it failed.",
  };
}
