/** For every alert: series that fire it, and series as near to that which do not. Minutes are promtool's: "0x30" is 31 samples. */
import { AVAILABILITY, PLACEMENT } from "./rule-cases-nodes";
import { A, ALWAYS, gauge, IS_A, NEVER, NODE_A, PRIMARY, REFUSED, type RuleCase } from "./rule-series";

export type { RuleCase } from "./rule-series";

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
    // A full cache that finds what is asked for does what it is there for.
    alert: "RedisEvicting",
    fires: {
      [`redis_evicted_keys_total{${A}}`]: "0+300x400",
      [PRIMARY(A, "allkeys-lru")]: ALWAYS(1),
      [`redis_keyspace_hits_total{${A}}`]: "0+40x400",
      [`redis_keyspace_misses_total{${A}}`]: "0+60x400",
    },
    quiet: { [`redis_keyspace_hits_total{${A}}`]: "0+90x400" },
    labels: NODE_A,
    summary: `${IS_A} of c evicts 20 keys a second`,
  },
  {
    // Another policy evicts what was not meant as a cache as a whole.
    alert: "RedisEvicting",
    fires: {
      [`redis_evicted_keys_total{${A}}`]: "0+300x400",
      [PRIMARY(A, "volatile-lru")]: ALWAYS(1),
      [`redis_keyspace_hits_total{${A}}`]: "0+90x400",
      [`redis_keyspace_misses_total{${A}}`]: "0+10x400",
    },
    quiet: { [PRIMARY(A, "volatile-lru")]: NEVER, [PRIMARY(A, "allkeys-lfu")]: ALWAYS(1) },
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
    // A fifth of what it was, not of all that is asked for: 18 % were found, now 9 %; quiet at 16 %.
    alert: "RedisHitRatioFell",
    fires: {
      [`redis_keyspace_hits_total{${A}}`]: "0+18x340 6120+9x60",
      [`redis_keyspace_misses_total{${A}}`]: "0+82x340 27880+91x60",
    },
    quiet: {
      [`redis_keyspace_hits_total{${A}}`]: "0+18x340 6120+16x60",
      [`redis_keyspace_misses_total{${A}}`]: "0+82x340 27880+84x60",
    },
    labels: NODE_A,
    summary: `${IS_A} of c finds only 9% of the keys asked for`,
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

const SUCCEEDED = 'redis_cluster_kit_backup_last_success_timestamp_seconds{cluster="c"}';
/** "yes": servers take backups, and Prometheus asks them. */
const MAX_AGE = (expected: "yes" | "no" = "yes") =>
  `redis_kit:backup_max_age_seconds{cluster="c",expected="${expected}"}`;

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
    fires: { [MAX_AGE()]: ALWAYS(93_600), [SUCCEEDED]: ALWAYS(-98_400) },
    quiet: { [SUCCEEDED]: ALWAYS(-80_000) },
    labels: { cluster: "c" },
    summary: "The last good backup of c is 1d 3h 50m 0s old",
  },
  {
    // By another schedule it may be older.
    alert: "RedisBackupTooOld",
    fires: { [MAX_AGE()]: ALWAYS(93_600), [SUCCEEDED]: ALWAYS(-98_400) },
    quiet: { [MAX_AGE()]: ALWAYS(612_000) },
    labels: { cluster: "c" },
    summary: "The last good backup of c is 1d 3h 50m 0s old",
  },
  {
    // None since the declaration, or none that Prometheus hears of.
    alert: "RedisBackupMissing",
    fires: { [MAX_AGE()]: "93600x400" },
    quiet: { [SUCCEEDED]: "_x250 1x150" },
    labels: { cluster: "c" },
    summary: "No good backup of c has been heard of for 1d 2h 0m 0s",
    at: "27h",
    every: "5m",
  },
  {
    // Where backups are brought to Prometheus in another way, or not at all, nothing is expected.
    alert: "RedisBackupMissing",
    fires: { [MAX_AGE()]: "93600x400" },
    quiet: { [MAX_AGE()]: NEVER, [MAX_AGE("no")]: "93600x400" },
    labels: { cluster: "c" },
    summary: "No good backup of c has been heard of for 1d 2h 0m 0s",
    at: "27h",
    every: "5m",
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
