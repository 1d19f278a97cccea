/** Cluster, replication, and the process's place on its machine. */
import { choice, type Directive, directive, integer, memory, type Traits, text, yesno } from "./types";

const CPU_LIST: Traits & { pattern: RegExp; example: string } = {
  since: "6.2",
  live: false,
  pattern: /^[0-9,:-]*$/,
  example: "0-3",
};

export const CLUSTER_DIRECTIVES: readonly Directive[] = [
  integer("cluster-node-timeout", { min: 1n, unit: "ms" }),
  integer("cluster-replica-validity-factor", {}, { aliases: ["cluster-slave-validity-factor"] }),
  yesno("cluster-replica-no-failover", { aliases: ["cluster-slave-no-failover"] }),
  yesno("cluster-require-full-coverage"),
  yesno("cluster-allow-reads-when-down", { since: "6.2" }),
  yesno("cluster-allow-pubsubshard-when-down", { since: "7.0" }),
  memory("cluster-link-sendbuf-limit", 0n, { since: "7.0" }),
  yesno("replica-serve-stale-data", { aliases: ["slave-serve-stale-data"] }),
  yesno("replica-read-only", { aliases: ["slave-read-only"] }),
  integer("replica-priority", {}, { aliases: ["slave-priority"] }),
  yesno("replica-ignore-disk-write-errors", { since: "7.0" }),
  yesno("repl-diskless-sync"),
  integer("repl-diskless-sync-delay", { unit: "seconds" }),
  integer("repl-diskless-sync-max-replicas", {}, { since: "7.0" }),
  choice("repl-diskless-load", ["disabled", "on-empty-db", "swapdb"], { since: "6.2" }),
  integer("repl-ping-replica-period", { min: 1n, unit: "seconds" }, { aliases: ["repl-ping-slave-period"] }),
  integer("repl-timeout", { min: 1n, unit: "seconds" }),
  yesno("repl-disable-tcp-nodelay"),
  memory("repl-backlog-size", 1n),
  integer("repl-backlog-ttl", { unit: "seconds" }),
  integer("min-replicas-to-write", {}, { aliases: ["min-slaves-to-write"] }),
  integer("min-replicas-max-lag", { unit: "seconds" }, { aliases: ["min-slaves-max-lag"] }),
  choice("oom-score-adj", ["no", "yes", "relative", "absolute"], {
    since: "6.2",
    synonyms: { relative: "yes" },
  }),
  directive(
    "oom-score-adj-values",
    { kind: "integers", count: 3, min: -2000n, max: 2000n },
    { since: "6.2" },
  ),
  yesno("disable-thp", { since: "6.2", live: { until: "7.0" } }),
  text("server_cpulist", CPU_LIST),
  text("bio_cpulist", CPU_LIST),
  text("aof_rewrite_cpulist", CPU_LIST),
  text("bgsave_cpulist", CPU_LIST),
  choice("ignore-warnings", ["", "ARM64-COW-BUG"], { since: "6.2" }),
  integer("shutdown-timeout", { unit: "seconds" }, { since: "7.0" }),
];
