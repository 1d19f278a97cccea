/** For every alert: series that fire it, and series as near to that which do not. Minutes are promtool's: "0x30" is 31 samples. */

export interface RuleCase {
  readonly alert: string;
  /** Series by selector, values in promtool's notation, one sample every 15 s. */
  readonly fires: Readonly<Record<string, string>>;
  /** Replaces or adds series; the alert is then quiet. */
  readonly quiet: Readonly<Record<string, string>>;
  /** Labels that the alert has beside its severity. */
  readonly labels: Readonly<Record<string, string>>;
  readonly summary: string;
  /** When the rules are asked. Default "30m". */
  readonly at?: string;
}

const A = 'cluster="c",shard="1",node="shard-1-a",zone="a"';
const B = 'cluster="c",shard="1",node="shard-1-b",zone="b"';
const TWO = 'cluster="c",shard="2",node="shard-2-a",zone="b"';
const THREE = 'cluster="c",shard="3",node="shard-3-a",zone="c"';
const NODE_A = { cluster: "c", shard: "1", node: "shard-1-a", zone: "a" };
const NODE_B = { cluster: "c", shard: "1", node: "shard-1-b", zone: "b" };
const IS_A = "shard-1-a (shard 1, zone a)";

const ALWAYS = (value: number) => `${value}x400`;
const PRIMARY = (labels: string, policy = "noeviction") =>
  `redis_instance_info{${labels},role="master",maxmemory_policy="${policy}"}`;
const REPLICA = (labels: string) =>
  `redis_instance_info{${labels},role="slave",maxmemory_policy="noeviction"}`;
const REFUSED = `redis_exporter_last_scrape_error{${A},err="ERR max number of clients reached"}`;

/** A value that is bad, and the same that is good. */
function gauge(alert: string, series: string, bad: number, good: number, summary: string): RuleCase {
  return {
    alert,
    fires: { [series]: ALWAYS(bad) },
    quiet: { [series]: ALWAYS(good) },
    labels: NODE_A,
    summary: `${IS_A} ${summary}`,
  };
}

/** The nodes that are declared, as the rule file of a topology records them. */
const declared = (...nodes: readonly string[]) =>
  Object.fromEntries(nodes.map((labels) => [`redis_kit:node_declared{${labels}}`, ALWAYS(1)]));
const up = (...nodes: readonly string[]) =>
  Object.fromEntries(nodes.map((labels) => [`redis_up{${labels}}`, ALWAYS(1)]));
const NEVER = "_x400";
/** `node` of a pair is lost with its server: no series of it goes on, and after a minute the other one misses it. */
const lost = (node: string) => ({ [`up{${node},job="redis"}`]: "1x60", [`redis_up{${node}}`]: "1x60" });

/** Servers that are gone with everything on them; quiet where only their exporters are. */
function missingNodes(): RuleCase[] {
  const alert = "RedisNodeMissing";
  const summary = (node: string) => `${node} of c is gone: neither Prometheus nor its shard hears of it`;
  const third = 'cluster="c",shard="1",node="shard-1-c",zone="c"';
  const pair = { alert, labels: NODE_A, summary: summary(IS_A) };
  return [
    {
      // A replica: its primary has none any more.
      ...pair,
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
      ...pair,
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
      ...pair,
      fires: {
        ...declared(A, B, third),
        ...lost(A),
        ...up(B, third),
        [REPLICA(B)]: "1x64 _x300",
        [PRIMARY(B)]: "_x64 1x300",
        [REPLICA(third)]: ALWAYS(1),
        [`redis_connected_slaves{${B}}`]: "0x64 1x300",
        [`redis_master_link_up{${third}}`]: ALWAYS(1),
      },
      quiet: { [`redis_connected_slaves{${B}}`]: "0x64 2x300" },
    },
    {
      // Every member of a shard: nobody is left to miss it. One that answers and is down is not missing.
      ...pair,
      fires: { ...declared(A), ...lost(A) },
      quiet: { [`redis_up{${A}}`]: ALWAYS(0) },
    },
  ];
}

const AVAILABILITY: readonly RuleCase[] = [
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
  ...missingNodes(),
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

const PLACEMENT: readonly RuleCase[] = [
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
    alert: "RedisReplicationLag",
    fires: {
      [`redis_master_repl_offset{${A}}`]: ALWAYS(10_000_000),
      [`redis_master_repl_offset{${B}}`]: ALWAYS(41_457_280),
    },
    quiet: { [`redis_master_repl_offset{${A}}`]: ALWAYS(41_000_000) },
    labels: NODE_A,
    summary: `${IS_A} of c is 30MiB behind its primary`,
  },
  {
    alert: "RedisZoneHoldsMajority",
    fires: {
      ...declared(A, TWO, THREE),
      [PRIMARY(A)]: ALWAYS(1),
      [PRIMARY('cluster="c",shard="2",node="shard-2-b",zone="a"')]: ALWAYS(1),
      [PRIMARY(THREE)]: ALWAYS(1),
    },
    quiet: {
      [PRIMARY('cluster="c",shard="2",node="shard-2-b",zone="a"')]: "_x400",
      [PRIMARY(TWO)]: ALWAYS(1),
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

const LOAD: readonly RuleCase[] = [
  {
    alert: "RedisMemoryNearLimit",
    fires: {
      [`redis_memory_used_bytes{${A}}`]: ALWAYS(95),
      [`redis_memory_max_bytes{${A}}`]: ALWAYS(100),
      [PRIMARY(A)]: ALWAYS(1),
    },
    quiet: { [PRIMARY(A)]: "_x400", [PRIMARY(A, "allkeys-lru")]: ALWAYS(1) },
    labels: NODE_A,
    summary: `${IS_A} of c uses 95% of maxmemory`,
  },
  {
    alert: "RedisEvicting",
    fires: { [`redis_evicted_keys_total{${A}}`]: "0+300x400" },
    quiet: { [`redis_evicted_keys_total{${A}}`]: "0+30x400" },
    labels: NODE_A,
    summary: `${IS_A} of c evicts 20 keys a second`,
  },
  {
    alert: "RedisConnectionsRejected",
    fires: { [`redis_rejected_connections_total{${A}}`]: "0+1x400" },
    quiet: { [`redis_rejected_connections_total{${A}}`]: ALWAYS(7) },
    labels: NODE_A,
    summary: `${IS_A} of c turns clients away: maxclients is reached`,
  },
  {
    alert: "RedisConnectionsRejected",
    fires: { [REFUSED]: ALWAYS(1) },
    quiet: { [REFUSED]: "_x400", [`redis_exporter_last_scrape_error{${A},err="EOF"}`]: ALWAYS(1) },
    labels: NODE_A,
    summary: `${IS_A} of c turns clients away: maxclients is reached`,
  },
  {
    alert: "RedisClientsNearLimit",
    fires: { [`redis_connected_clients{${A}}`]: ALWAYS(90), [`redis_config_maxclients{${A}}`]: ALWAYS(100) },
    quiet: { [`redis_config_maxclients{${A}}`]: ALWAYS(1000) },
    labels: NODE_A,
    summary: `${IS_A} of c has 90% of its maxclients connected`,
  },
  {
    alert: "RedisLatencyHigh",
    fires: {
      [`redis_commands_duration_seconds_total{${A},cmd="get"}`]: "0+3x400",
      [`redis_commands_total{${A},cmd="get"}`]: "0+150x400",
    },
    quiet: { [`redis_commands_total{${A},cmd="get"}`]: "0+15000x400" },
    labels: NODE_A,
    summary: `${IS_A} of c takes 20ms for a command on average`,
  },
  {
    alert: "RedisHitRatioFell",
    fires: {
      [`redis_keyspace_hits_total{${A}}`]: "0+90x340 30600+45x60",
      [`redis_keyspace_misses_total{${A}}`]: "0+10x340 3400+55x60",
    },
    quiet: {
      [`redis_keyspace_hits_total{${A}}`]: "0+90x400",
      [`redis_keyspace_misses_total{${A}}`]: "0+10x400",
    },
    labels: NODE_A,
    summary: `${IS_A} of c finds only 45% of the keys asked for`,
    at: "99m",
  },
  {
    alert: "RedisCpuHigh",
    fires: {
      [`redis_cpu_sys_seconds_total{${A}}`]: "0+4.5x400",
      [`redis_cpu_user_seconds_total{${A}}`]: "0+9x400",
    },
    quiet: { [`redis_cpu_user_seconds_total{${A}}`]: "0+3x400" },
    labels: NODE_A,
    summary: `${IS_A} of c uses 90% of a core`,
  },
];

const PERSISTENCE: readonly RuleCase[] = [
  gauge("RedisSnapshotFailing", `redis_rdb_last_bgsave_status{${A}}`, 0, 1, "of c cannot write its snapshot"),
  gauge(
    "RedisAppendOnlyFileFailing",
    `redis_aof_last_write_status{${A}}`,
    0,
    1,
    "of c cannot write its append-only file",
  ),
  {
    alert: "RedisBackupTooOld",
    fires: { 'redis_cluster_kit_backup_last_success_timestamp_seconds{cluster="c"}': ALWAYS(-98_400) },
    quiet: { 'redis_cluster_kit_backup_last_success_timestamp_seconds{cluster="c"}': ALWAYS(-80_000) },
    labels: { cluster: "c" },
    summary: "The last good backup of c is 1d 3h 50m 0s old",
  },
  {
    alert: "RedisBackupFailed",
    fires: {
      'redis_cluster_kit_backup_last_success_timestamp_seconds{cluster="c"}': ALWAYS(-80_000),
      'redis_cluster_kit_backup_last_failure_timestamp_seconds{cluster="c"}': ALWAYS(-3_600),
    },
    quiet: {
      'redis_cluster_kit_backup_last_success_timestamp_seconds{cluster="c"}': ALWAYS(-3_600),
      'redis_cluster_kit_backup_last_failure_timestamp_seconds{cluster="c"}': ALWAYS(-80_000),
    },
    labels: { cluster: "c" },
    summary: "The last backup of c that its servers' timer began has failed",
  },
  {
    alert: "RedisBackupFailed",
    fires: { 'redis_cluster_kit_backup_last_failure_timestamp_seconds{cluster="c"}': ALWAYS(100) },
    quiet: { 'redis_cluster_kit_backup_last_success_timestamp_seconds{cluster="c"}': ALWAYS(200) },
    labels: { cluster: "c" },
    summary: "The last backup of c that its servers' timer began has failed",
  },
];

export const RULE_CASES: readonly RuleCase[] = [...AVAILABILITY, ...PLACEMENT, ...LOAD, ...PERSISTENCE];
