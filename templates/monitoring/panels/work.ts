/** What the nodes do, and what room they have: load, shards and slots, replication, persistence. */
import {
  ALL,
  BY_NODE,
  BY_SHARD,
  cpu,
  NODE,
  NODES,
  PRIMARY,
  perNode,
  perShard,
  rate,
  slots,
  stat,
} from "./parts";
import type { Panel } from "./types";

const PRIMARIES = 'redis_kit:node_role{cluster="$cluster",role="primary"}';
const HITS = `sum(${rate("redis_keyspace_hits_total", ALL)})`;
const MISSES = `sum(${rate("redis_keyspace_misses_total", ALL)})`;

export const LOAD: readonly Panel[] = [
  stat(
    "Requests",
    "reqps",
    `sum(${rate("redis_commands_processed_total", ALL)})`,
    "Commands a second, all nodes, replication included.",
  ),
  stat("Hit ratio", "percentunit", `${HITS} / (${HITS} + ${MISSES})`, "Reads that found their key."),
  stat("Memory", "bytes", `sum(redis_memory_used_bytes${ALL})`, "Used by data and buffers, all nodes."),
  stat(
    "Requests at 30 % CPU",
    "reqps",
    `0.3 * sum(${rate("redis_commands_processed_total", ALL)} and on (cluster, node) ${PRIMARIES}) / avg(${cpu(ALL)} and on (cluster, node) ${PRIMARIES})`,
    "Headroom: what the primaries would do at 30 % of a core each if commands went on costing what they cost now. The aim is a million a second. Only true under load: an idle node's CPU is its own housekeeping. All threads are counted.",
    { goodFrom: 1_000_000 },
  ),
  perNode(
    "Requests by node",
    "reqps",
    rate("redis_commands_processed_total"),
    "Even among primaries, unless keys are hot.",
  ),
  perNode(
    "CPU by node",
    "percentunit",
    cpu(NODES),
    "Of one core, all threads of the process together. Commands have one of them: without io-threads they wait near 100 %; with io-threads the sum goes above 100 % while that one may have time left, or none.",
  ),
  perNode(
    "Time of a command",
    "s",
    `sum ${BY_NODE} (${rate("redis_commands_duration_seconds_total")}) / sum ${BY_NODE} (${rate("redis_commands_total")})`,
    "Average in the server, network not counted.",
  ),
  perNode(
    "Clients of maxclients",
    "percentunit",
    `redis_connected_clients${NODES} / redis_config_maxclients${NODES}`,
    "Connected now. At 100 % new ones are turned away.",
  ),
  perNode("Clients", "short", `redis_connected_clients${NODES}`, "Connected now."),
  perNode(
    "Clients turned away",
    "short",
    rate("redis_rejected_connections_total"),
    "A second, because maxclients is reached. Anything above 0 is bad.",
  ),
  perNode(
    "Received",
    "Bps",
    rate("redis_net_input_bytes_total"),
    "Bytes a second from clients and primaries.",
  ),
  perNode("Sent", "Bps", rate("redis_net_output_bytes_total"), "Bytes a second to clients and replicas."),
  perNode(
    "Memory of maxmemory",
    "percentunit",
    `redis_memory_used_bytes${NODES} / (redis_memory_max_bytes${NODES} > 0)`,
    "Empty without a maxmemory. At 100 % keys are evicted or writes refused.",
  ),
];

export const SHARDS: readonly Panel[] = [
  perShard(
    "Requests by shard",
    "reqps",
    `sum ${BY_SHARD} (${rate("redis_commands_processed_total")} and on (cluster, node) ${PRIMARY})`,
    "Its primary's commands.",
  ),
  perShard(
    "Keys by shard",
    "short",
    `sum ${BY_SHARD} (redis_db_keys${NODES} and on (cluster, node) ${PRIMARY})`,
    "Of its primary.",
  ),
  perNode(
    "Evicted and expired keys",
    "short",
    `${rate("redis_evicted_keys_total")} + ${rate("redis_expired_keys_total")}`,
    "A second.",
  ),
  perNode("Slots by node", "slots", slots("slots_owned"), "Steps are reshards; replicas own none."),
  perNode("Slots on their way out", "slots", slots("slots_migrating"), "Above 0 only while slots move."),
  perNode("Slots on their way in", "slots", slots("slots_importing"), "Above 0 only while slots move."),
];

export const REPLICATION: readonly Panel[] = [
  {
    title: "Behind the primary",
    // Both numbers are of one answer of the primary: a replica's own is of another moment.
    description:
      "By replica, as its primary sees it: bytes of the replication stream that it has not acknowledged, which it does once a second.",
    kind: "lines",
    unit: "bytes",
    queries: [
      {
        expr: `redis_master_repl_offset${NODES} - on (cluster, node) group_right () redis_connected_slave_offset_bytes${NODES}`,
        legend: `${NODE} to {{slave_ip}}:{{slave_port}}`,
        covers: "primary",
      },
    ],
    width: 8,
  },
  perNode("Link to the primary", "none", `redis_master_link_up${NODES}`, "Replicas: 1 is up.", "replica"),
  perShard(
    "Replicas in sync",
    "none",
    // The primary's connected_slaves counts those that are still getting their first copy, too.
    `sum ${BY_SHARD} (redis_master_link_up${NODES}) or sum ${BY_SHARD} (up${NODES}) * 0`,
    "Replicas that follow their primary, by their own word.",
  ),
];

export const PERSISTENCE: readonly Panel[] = [
  perNode("Last snapshot good", "none", `redis_rdb_last_bgsave_status${NODES}`, "1 is good."),
  perNode(
    "Changes since the last snapshot",
    "short",
    `redis_rdb_changes_since_last_save${NODES}`,
    "Lost with the node if the append-only file is off.",
  ),
  perNode("Append-only file good", "none", `redis_aof_last_write_status${NODES}`, "1 is good, or it is off."),
];
