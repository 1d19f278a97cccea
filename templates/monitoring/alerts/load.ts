/** Memory, connections, speed: whether a node has what it needs. */
import type { Alert, Range } from "../types";
import { BY_NODE, NODE, REFUSED_EXPORTER } from "./labels";

/** Keys asked for and found, a second, and all that were asked for. */
const hits = (span: string, offset = "") =>
  `rate(redis_keyspace_hits_total[${span}]${offset && ` ${offset}`})`;
const lookups = (span: string, offset = "") =>
  `(${hits(span, offset)} + rate(redis_keyspace_misses_total[${span}]${offset && ` ${offset}`}))`;

export function loadAlerts(range: Range): Alert[] {
  return [...memoryAlerts(range), ...clientAlerts(range), ...speedAlerts(range)];
}

function memoryAlerts(range: Range): Alert[] {
  return [
    {
      name: "RedisMemoryNearLimit",
      severity: "critical",
      // With an allkeys policy a full memory is a cache's normal state: then it is evictions that tell.
      expr: `(redis_memory_used_bytes / (redis_memory_max_bytes > 0)) > 0.9
and on (cluster, node) redis_instance_info{maxmemory_policy!~"allkeys-.*"}`,
      forSeconds: 120,
      summary: `${NODE} of {{ $labels.cluster }} uses {{ $value | humanizePercentage }} of maxmemory`,
      description:
        "At 100 % it refuses writes, as its maxmemory-policy has nothing, or not enough, to evict.",
    },
    {
      name: "RedisEvicting",
      severity: "warning",
      // A full cache evicts all the time, and is meant to: it is too small when it finds less than half of what is asked for.
      expr: `rate(redis_evicted_keys_total[${range(300)}]) > 10
unless on (cluster, node) (
  redis_instance_info{maxmemory_policy=~"allkeys-.*"}
  and on (cluster, node) (${hits(range(300))} / ${lookups(range(300))} >= 0.5)
)`,
      forSeconds: 300,
      summary: `${NODE} of {{ $labels.cluster }} evicts {{ $value | humanize }} keys a second`,
      description:
        "The data is larger than maxmemory: keys go before they expire, and clients fetch them again.",
    },
  ];
}

function clientAlerts(range: Range): Alert[] {
  return [
    {
      name: "RedisConnectionsRejected",
      severity: "critical",
      expr: `max ${BY_NODE} (
  increase(redis_rejected_connections_total[${range(300)}]) > 0
  or (${REFUSED_EXPORTER})
)`,
      forSeconds: 0,
      summary: `${NODE} of {{ $labels.cluster }} turns clients away: maxclients is reached`,
      description:
        "New connections get an error. While it lasts, the exporter gets no metrics of this node either.",
    },
    {
      name: "RedisClientsNearLimit",
      severity: "warning",
      expr: "(redis_connected_clients / redis_config_maxclients) > 0.8",
      forSeconds: 120,
      summary: `${NODE} of {{ $labels.cluster }} has {{ $value | humanizePercentage }} of its maxclients connected`,
      description: "At 100 % new connections are turned away. Clients may leak connections.",
    },
  ];
}

function speedAlerts(range: Range): Alert[] {
  const seconds = `rate(redis_commands_duration_seconds_total[${range(300)}])`;
  const calls = `rate(redis_commands_total[${range(300)}])`;
  const now = range(600);
  const [before, ago] = [range(3600), `offset ${range(600)}`];
  return [
    {
      name: "RedisLatencyHigh",
      severity: "warning",
      expr: `(sum ${BY_NODE} (${seconds}) / sum ${BY_NODE} (${calls})) > 0.005`,
      forSeconds: 300,
      summary: `${NODE} of {{ $labels.cluster }} takes {{ $value | humanizeDuration }} for a command on average`,
      description: "Redis runs one command at a time: slow ones hold up all others.",
    },
    {
      name: "RedisHitRatioFell",
      severity: "warning",
      expr: `(${hits(now)} / (${lookups(now)} > 1))
< 0.8 * (${hits(before, ago)} / ${lookups(before, ago)})`,
      forSeconds: 300,
      summary: `${NODE} of {{ $labels.cluster }} finds only {{ $value | humanizePercentage }} of the keys asked for`,
      description:
        "A fifth less than in the hour before: keys were lost, evicted or expired, or clients ask for others.",
    },
    {
      name: "RedisCpuHigh",
      severity: "warning",
      expr: `(rate(redis_cpu_sys_seconds_total[${range(300)}]) + rate(redis_cpu_user_seconds_total[${range(300)}])) > 0.8`,
      forSeconds: 600,
      summary: `${NODE} of {{ $labels.cluster }} uses {{ $value | humanizePercentage }} of a core`,
      description: "Redis has one thread for commands: at 100 % clients wait. Time for another shard.",
    },
  ];
}
