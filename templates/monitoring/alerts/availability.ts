/** Nodes and slots: whether the cluster serves. */
import type { Alert, Range } from "../types";
import { BY_NODE, DECLARED, NODE, REFUSED_EXPORTER } from "./labels";

/** Of the nodes' exporters alone: other jobs may carry the names of cluster and node as well. */
const EXPORTER_UP = 'up{cluster!="", shard!="", node!=""}';

/**
 * Shards whose members are all alive, as these tell of each other: the primary has all its replicas; or it cannot be asked
 * itself, and a replica receives from it.
 */
const WHOLE_SHARDS = `(
    (max by (cluster, shard) (redis_connected_slaves) + 1 >= count by (cluster, shard) (${DECLARED}))
    or (
      (max by (cluster, shard) (redis_master_link_up) == 1)
      unless on (cluster, shard) redis_kit:node_role{role="primary"}
    )
  )`;

export function availabilityAlerts(range: Range): Alert[] {
  return [...clusterAlerts(), ...nodeAlerts(), ...silenceAlerts(), failover(range)];
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
  ];
}

/** What nothing is heard of. A server that is gone takes its exporter with it, and in AWS its target, too. */
function silenceAlerts(): Alert[] {
  return [
    {
      name: "RedisNodeMissing",
      severity: "critical",
      expr: `${DECLARED}
unless on (cluster, node) redis_up
unless on (cluster, shard) ${WHOLE_SHARDS}`,
      forSeconds: 60,
      summary: `${NODE} of {{ $labels.cluster }} is gone: neither Prometheus nor its shard hears of it`,
      description:
        "Its exporter gives no metrics, and the shard's other members miss it: its server is down or cut off.",
    },
    {
      name: "RedisExporterDown",
      severity: "warning",
      expr: `max ${BY_NODE} (${EXPORTER_UP} == 0)
or (${DECLARED} unless on (cluster, node) ${EXPORTER_UP})`,
      forSeconds: 60,
      summary: `No metrics of ${NODE} of {{ $labels.cluster }}`,
      description:
        "Prometheus does not reach its exporter, or has no such target: nothing is known of this node. Its server may be down.",
    },
    {
      name: "RedisZoneDown",
      severity: "critical",
      expr: `count by (cluster, zone) (${DECLARED})
unless on (cluster, zone) (redis_up == 1)
unless on (cluster, zone) (${REFUSED_EXPORTER})`,
      forSeconds: 60,
      summary: "No node of {{ $labels.cluster }} in zone {{ $labels.zone }} answers Prometheus",
      description:
        "The zone is gone, or Prometheus cannot reach it. If it is gone, its primaries must have failed over; no further zone may fail.",
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
