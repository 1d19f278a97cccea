/** Replication and zones: whether the cluster could go on after the next failure. */
import type { Alert } from "../types";
import { DECLARED, NODE } from "./labels";

const PRIMARIES = 'redis_kit:node_role{role="primary"}';
const SHARDS = `count by (cluster) (count by (cluster, shard) (${DECLARED}))`;
const ZONES = `count by (cluster) (count by (cluster, zone) (${DECLARED}))`;

export function placementAlerts(): Alert[] {
  return [...replicationAlerts(), ...zoneAlerts()];
}

function replicationAlerts(): Alert[] {
  return [
    {
      name: "RedisReplicaLinkDown",
      severity: "critical",
      expr: "redis_master_link_up == 0",
      forSeconds: 60,
      summary: `${NODE} of {{ $labels.cluster }} does not receive from its primary`,
      description: "It falls behind: a failover to it would lose what was written since.",
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
    {
      name: "RedisReplicationLag",
      severity: "warning",
      expr: `(
  max by (cluster, shard) (redis_master_repl_offset)
  - on (cluster, shard) group_right() redis_master_repl_offset
) > 10 * 1024 * 1024`,
      forSeconds: 120,
      summary: `${NODE} of {{ $labels.cluster }} is {{ $value | humanize1024 }}B behind its primary`,
      description:
        "A failover to it would lose that much. It cannot keep up, or the network between them cannot.",
    },
  ];
}

function zoneAlerts(): Alert[] {
  return [
    {
      name: "RedisZoneHoldsMajority",
      severity: "warning",
      expr: `count by (cluster, zone) (${PRIMARIES})
> on (cluster) group_left() (0.5 * ${SHARDS})`,
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
