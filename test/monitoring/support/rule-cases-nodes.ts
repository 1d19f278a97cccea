/** Rules about nodes, replication and zones, each as it fires and as it keeps quiet. */
import {
  A,
  ALWAYS,
  B,
  declared,
  gauge,
  IS_A,
  lost,
  NEVER,
  NODE_A,
  NODE_B,
  PRIMARY,
  REFUSED,
  REPLICA,
  type RuleCase,
  THREE,
  TWO,
  up,
} from "./rule-series";

const THIRD = 'cluster="c",shard="1",node="shard-1-c",zone="c"';
const GONE = {
  alert: "RedisNodeMissing",
  labels: NODE_A,
  summary: `${IS_A} of c is gone: neither Prometheus nor its shard hears of it`,
};

/** Servers that are gone with everything on them; quiet where only their exporters are. */
const MISSING_NODES: readonly RuleCase[] = [
  {
    // A replica: its primary has none any more.
    ...GONE,
    fires: {
      ...declared(A, B),
      ...lost(A),
      ...up(B),
      [PRIMARY(B)]: ALWAYS(1),
      [`redis_connected_slaves{${B}}`]: "1x64 0x300",
    },
    quiet: { [`redis_connected_slaves{${B}}`]: ALWAYS(1) },
  },
  {
    // A primary that nobody has followed: its replica waits for it.
    ...GONE,
    fires: {
      ...declared(A, B),
      ...lost(A),
      ...up(B),
      [REPLICA(B)]: ALWAYS(1),
      [`redis_connected_slaves{${B}}`]: ALWAYS(0),
      [`redis_master_link_up{${B},master_host="10.0.0.1"}`]: "1x64 0x300",
    },
    quiet: { [`redis_master_link_up{${B},master_host="10.0.0.1"}`]: ALWAYS(1) },
  },
  {
    // A primary that one of two replicas has followed: the other one receives again, from the new primary.
    ...GONE,
    fires: {
      ...declared(A, B, THIRD),
      ...lost(A),
      ...up(B, THIRD),
      [REPLICA(B)]: "1x64 _x300",
      [PRIMARY(B)]: "_x64 1x300",
      [REPLICA(THIRD)]: ALWAYS(1),
      [`redis_connected_slaves{${B}}`]: "0x64 1x300",
      [`redis_master_link_up{${THIRD}}`]: ALWAYS(1),
    },
    quiet: { [`redis_connected_slaves{${B}}`]: "0x64 2x300" },
  },
  {
    // Every member of a shard: nobody is left to miss it. One that answers and is down is not missing.
    ...GONE,
    fires: { ...declared(A), ...lost(A) },
    quiet: { [`redis_up{${A}}`]: ALWAYS(0) },
  },
];

export const AVAILABILITY: readonly RuleCase[] = [
  gauge("RedisClusterStateNotOk", `redis_cluster_state{${A}}`, 0, 1, "of c says that the cluster is down"),
  gauge(
    "RedisSlotsNotServed",
    `redis_cluster_slots_ok{${A}}`,
    10923,
    16384,
    "of c sees 5461 slots that nobody serves",
  ),
  gauge(
    "RedisSlotsOpenTooLong",
    `redis_script_values{${A},key="slots_migrating"}`,
    3,
    0,
    "of c has 3 slots half moved",
  ),
  gauge("RedisNodeDown", `redis_up{${A}}`, 0, 1, "of c is down"),
  {
    ...gauge("RedisNodeDown", `redis_up{${A}}`, 0, 0, "of c is down"),
    quiet: { [`redis_up{${A}}`]: ALWAYS(0), [REFUSED]: ALWAYS(1) },
  },
  ...MISSING_NODES,
  {
    alert: "RedisExporterDown",
    fires: { ...declared(A), [`up{${A},job="redis"}`]: ALWAYS(0) },
    quiet: { [`up{${A},job="redis"}`]: ALWAYS(1), 'up{job="other"}': ALWAYS(0) },
    labels: NODE_A,
    summary: `No metrics of ${IS_A} of c`,
  },
  {
    // A server of AWS that is gone is no target any more. Other jobs' targets on the nodes are not exporters.
    alert: "RedisExporterDown",
    fires: { ...declared(A), ...lost(A), 'up{cluster="c",node="shard-1-a",job="node"}': ALWAYS(0) },
    quiet: { [`up{${A},job="redis"}`]: ALWAYS(1) },
    labels: NODE_A,
    summary: `No metrics of ${IS_A} of c`,
  },
  {
    alert: "RedisZoneDown",
    fires: { ...declared(A, TWO), [`up{${A}}`]: ALWAYS(0), ...up(TWO) },
    quiet: up(A),
    labels: { cluster: "c", zone: "a" },
    summary: "No node of c in zone a answers Prometheus",
  },
  {
    alert: "RedisZoneDown",
    fires: { ...declared(A, TWO), ...lost(A), ...up(TWO) },
    quiet: { [REFUSED]: ALWAYS(1) },
    labels: { cluster: "c", zone: "a" },
    summary: "No node of c in zone a answers Prometheus",
  },
  {
    alert: "RedisFailoverHappened",
    fires: { [REPLICA(B)]: "1x115 _x300", [PRIMARY(B)]: "_x115 1x300" },
    quiet: { [REPLICA(B)]: "_x400", [PRIMARY(B)]: ALWAYS(1) },
    labels: { ...NODE_B, role: "primary" },
    summary: "shard-1-b (shard 1, zone b) of c has become primary",
  },
];

const HALF_AN_HOUR = "of c has not got in sync with its primary for half an hour";
const ONLINE = 'slave_ip="10.0.0.2",slave_port="6379",slave_state="online"';
const LAGGING = {
  labels: { ...NODE_A, slave_ip: "10.0.0.2", slave_port: "6379", slave_state: "online" },
  summary: `A replica of ${IS_A} of c, 10.0.0.2:6379, is 30MiB behind`,
};

const TWO_IN_A = 'cluster="c",shard="2",node="shard-2-b",zone="a"';
const TWO_PRIMARIES_IN_A = {
  ...declared(A, TWO, THREE),
  [PRIMARY(A)]: ALWAYS(1),
  [PRIMARY(TWO_IN_A)]: ALWAYS(1),
  [PRIMARY(THREE)]: ALWAYS(1),
};

export const PLACEMENT: readonly RuleCase[] = [
  gauge("RedisReplicaLinkDown", `redis_master_link_up{${A}}`, 0, 1, "of c does not receive from its primary"),
  {
    alert: "RedisShardWithoutReplica",
    fires: {
      [`redis_connected_slaves{${A}}`]: ALWAYS(0),
      [PRIMARY(A)]: ALWAYS(1),
      // The replica's server is gone: there is no redis_up of it, not even 0.
      ...declared(A, B),
      ...up(A),
    },
    quiet: { [`redis_connected_slaves{${A}}`]: ALWAYS(1) },
    labels: NODE_A,
    summary: `${IS_A} of c has no replica`,
  },
  {
    // Declared without replicas.
    alert: "RedisShardWithoutReplica",
    fires: { [`redis_connected_slaves{${A}}`]: ALWAYS(0), [PRIMARY(A)]: ALWAYS(1), ...declared(A, B) },
    quiet: { [`redis_kit:node_declared{${B}}`]: NEVER },
    labels: NODE_A,
    summary: `${IS_A} of c has no replica`,
  },
  {
    alert: "RedisReplicaLinkDown",
    fires: { [`redis_master_link_up{${A},master_host="10.0.0.2"}`]: ALWAYS(0) },
    quiet: { [`redis_master_sync_in_progress{${A},master_host="10.0.0.2"}`]: ALWAYS(1) },
    labels: { ...NODE_A, master_host: "10.0.0.2" },
    summary: `${IS_A} of c does not receive from its primary`,
  },
  {
    ...gauge("RedisReplicaSyncTooLong", `redis_master_link_up{${A}}`, 0, 1, HALF_AN_HOUR),
    at: "40m",
  },
  {
    // A copy of half an hour is not yet one of too long; then it was done.
    ...gauge("RedisReplicaSyncTooLong", `redis_master_link_up{${A}}`, 0, 1, HALF_AN_HOUR),
    quiet: { [`redis_master_link_up{${A}}`]: "0x116 1x300" },
    at: "40m",
  },
  {
    alert: "RedisReplicationLag",
    fires: {
      [`redis_master_repl_offset{${A}}`]: ALWAYS(41_457_280),
      [`redis_connected_slave_offset_bytes{${A},${ONLINE}}`]: ALWAYS(10_000_000),
      // As it was scraped from the replica itself, ten seconds later: of another moment, and nothing to subtract from.
      [`redis_master_repl_offset{${B}}`]: ALWAYS(90_000_000),
    },
    quiet: { [`redis_connected_slave_offset_bytes{${A},${ONLINE}}`]: ALWAYS(41_000_000) },
    ...LAGGING,
  },
  {
    // 20 MB a second: what a replica has not acknowledged since its last word, a second ago at most, is no lag.
    alert: "RedisReplicationLag",
    fires: {
      [`redis_master_repl_offset{${A}}`]: "31457280+1x400",
      [`redis_connected_slave_offset_bytes{${A},${ONLINE}}`]: "0+1x400",
    },
    quiet: {
      [`redis_master_repl_offset{${A}}`]: "31457280+300000000x400",
      [`redis_connected_slave_offset_bytes{${A},${ONLINE}}`]: "0+300000000x400",
    },
    ...LAGGING,
  },
  {
    // While it is being copied it has no offset to speak of.
    alert: "RedisReplicationLag",
    fires: {
      [`redis_master_repl_offset{${A}}`]: ALWAYS(31_457_280),
      [`redis_connected_slave_offset_bytes{${A},${ONLINE}}`]: ALWAYS(0),
    },
    quiet: {
      [`redis_connected_slave_offset_bytes{${A},${ONLINE}}`]: NEVER,
      [`redis_connected_slave_offset_bytes{${A},slave_ip="10.0.0.2",slave_port="6379",slave_state="send_bulk"}`]:
        ALWAYS(0),
    },
    ...LAGGING,
  },
  {
    alert: "RedisZoneHoldsMajority",
    fires: TWO_PRIMARIES_IN_A,
    quiet: {
      [PRIMARY(TWO_IN_A)]: "_x400",
      [PRIMARY(TWO)]: ALWAYS(1),
    },
    labels: { cluster: "c", zone: "a" },
    summary: "Zone a holds 2 primaries of c, more than half",
  },
  {
    // Of two zones one holds most primaries of three whatever is done; of one zone there is nothing to say.
    alert: "RedisZoneHoldsMajority",
    fires: TWO_PRIMARIES_IN_A,
    quiet: {
      [`redis_kit:node_declared{${THREE}}`]: NEVER,
      ...declared('cluster="c",shard="3",node="shard-3-a",zone="b"'),
      [PRIMARY(THREE)]: NEVER,
      [PRIMARY('cluster="c",shard="3",node="shard-3-a",zone="b"')]: ALWAYS(1),
    },
    labels: { cluster: "c", zone: "a" },
    summary: "Zone a holds 2 primaries of c, more than half",
  },
  {
    alert: "RedisZoneWithoutPrimary",
    fires: {
      ...declared(A, TWO, THREE),
      ...up(A, TWO, THREE),
      [REPLICA(A)]: ALWAYS(1),
      [PRIMARY(TWO)]: ALWAYS(1),
      [PRIMARY(THREE)]: ALWAYS(1),
    },
    quiet: { [`redis_up{${A}}`]: ALWAYS(0) },
    labels: { cluster: "c", zone: "a" },
    summary: "Zone a of c has no primary",
  },
  {
    // One of the zone's nodes is missing altogether: that is told, and this waits.
    alert: "RedisZoneWithoutPrimary",
    fires: { ...declared(A, TWO), ...up(A, TWO), [REPLICA(A)]: ALWAYS(1), [PRIMARY(TWO)]: ALWAYS(1) },
    quiet: declared('cluster="c",shard="2",node="shard-2-b",zone="a"'),
    labels: { cluster: "c", zone: "a" },
    summary: "Zone a of c has no primary",
  },
];
