/** Replication and zones: whether the cluster could go on after the next failure. */
import type { Alert, Range } from "../types";
import { DECLARED, NODE } from "./labels";

const PRIMARIES = 'redis_kit:node_role{role="primary"}';
const SHARDS = `count by (cluster) (count by (cluster, shard) (${DECLARED}))`;
const ZONES = `count by (cluster) (count by (cluster, zone) (${DECLARED}))`;

/** Both of one answer of the primary: numbers of two scrapes differ by what was written between them. */
const LAG = `redis_master_repl_offset
  - on (cluster, node) group_right (shard, zone) redis_connected_slave_offset_bytes{slave_state="online"}`;

export function placementAlerts(range: Range): Alert[] {
  return [...linkAlerts(), lag(range), ...zoneAlerts()];
}

function linkAlerts(): Alert[] {
  return [
    {
      name: "RedisReplicaLinkDown",
      severity: "critical",
      // A copy of all data takes its time and is planned where a node joins or comes back: the next alert bounds it.
      expr: `(redis_master_link_up == 0)
unless on (cluster, node) (redis_master_sync_in_progress == 1)`,
      forSeconds: 60,
      summary: `${NODE} of {{ $labels.cluster }} does not receive from its primary`,
      description: "It falls behind: a failover to it would lose what was written since.",
    },
    {
      name: "RedisReplicaSyncTooLong",
      severity: "warning",
      expr: "redis_master_link_up == 0",
      forSeconds: 1800,
      summary: `${NODE} of {{ $labels.cluster }} has not got in sync with its primary for half an hour`,
      description: "It is being copied very slowly, or again and again. Its shard is without it that long.",
    },
    {
      name: "RedisShardWithoutReplica",
      severity: "warning",
      expr: `(redis_connected_slaves == 0)
and on (cluster, node) ${PRIMARIES}
and on (cluster, shard) (count by (cluster, shard) (${DECLARED}) > 1)`,
      forSeconds: 60,
      summary: `${NODE} of {{ $labels.cluster }} has no replica`,
      description: "If this primary fails now, its slots and the keys in them go with it.",
    },
  ];
}

function lag(range: Range): Alert {
  return {
    name: "RedisReplicationLag",
    severity: "warning",
    // A replica tells what it has once a second, so two seconds' worth of writes are no lag.
    expr: `(
  ${LAG}
) > 10 * 1024 * 1024
> on (cluster, node) group_left () 2 * rate(redis_master_repl_offset[${range(60)}])`,
    forSeconds: 120,
    summary: `A replica of ${NODE} of {{ $labels.cluster }}, {{ $labels.slave_ip }}:{{ $labels.slave_port }}, is {{ $value | humanize1024 }}B behind`,
    description:
      "A failover to it would lose that much. It cannot keep up, or the network between them cannot.",
  };
}

function zoneAlerts(): Alert[] {
  return [
    {
      name: "RedisZoneHoldsMajority",
      severity: "warning",
      // Of two zones one always holds half or more: there no order of roles helps.
      expr: `count by (cluster, zone) (${PRIMARIES})
> on (cluster) group_left() (0.5 * ${SHARDS})
and on (cluster) (${ZONES} >= 3)`,
      forSeconds: 300,
      summary:
        "Zone {{ $labels.zone }} holds {{ $value }} primaries of {{ $labels.cluster }}, more than half",
      description: "If this zone is lost now, the other primaries are no majority and no failover happens.",
    },
    {
      name: "RedisZoneWithoutPrimary",
      severity: "warning",
      // While a node of the zone is down or missing, that is said; this is about the time after.
      expr: `(count by (cluster, zone) (redis_up == 1) == count by (cluster, zone) (${DECLARED}))
unless on (cluster, zone) ${PRIMARIES}
and on (cluster) (${SHARDS} >= ${ZONES})`,
      forSeconds: 900,
      summary: "Zone {{ $labels.zone }} of {{ $labels.cluster }} has no primary",
      description: "Another zone carries its share of the load, and loses more when it fails.",
    },
  ];
}
