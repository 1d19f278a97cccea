/** Connections, clients, commands, logs of slow ones. */
import { choice, type Directive, directive, integer, LONG_MAX, memory, yesno } from "./types";

const MEGABYTE = 1024n * 1024n;

export const CLIENT_DIRECTIVES: readonly Directive[] = [
  integer("timeout", { unit: "seconds" }),
  integer("tcp-backlog", {}, { live: false }),
  integer("tcp-keepalive", { unit: "seconds" }),
  integer("maxclients", { min: 1n }),
  integer("databases", { min: 1n }, { live: false }),
  directive("client-output-buffer-limit", { kind: "buffers" }),
  memory("client-query-buffer-limit", MEGABYTE),
  memory("proto-max-bulk-len", MEGABYTE),
  memory("maxmemory-clients", 0n, { since: "7.0", percent: true }),
  integer("hz", { min: 1n, max: 500n }),
  yesno("dynamic-hz"),
  integer("io-threads", { min: 1n, max: 128n }, { since: "6.2", live: false }),
  yesno("io-threads-do-reads", { since: "6.2", live: false }),
  integer("tracking-table-max-keys", { max: LONG_MAX }, { since: "6.2" }),
  directive("notify-keyspace-events", { kind: "events" }),
  directive("rename-command", { kind: "renames" }, { live: false, readable: "never" }),
  yesno("gopher-enabled", { since: "6.2", until: "7.0" }),
  integer("acllog-max-len", { max: LONG_MAX }, { since: "6.2" }),
  choice("acl-pubsub-default", ["allchannels", "resetchannels"], { since: "6.2" }),
  choice("enable-debug-command", ["no", "yes", "local"], { since: "7.0", live: false }),
  choice("enable-module-command", ["no", "yes", "local"], { since: "7.0", live: false }),
  // busy-reply-threshold is lua-time-limit's name from 7.0 on.
  {
    ...integer("busy-reply-threshold", { max: LONG_MAX, unit: "ms" }, { since: "7.0" }),
    aliases: [{ name: "lua-time-limit", since: "5.0" }],
    readable: "5.0",
  },
  yesno("lua-replicate-commands", { until: "7.0", live: { from: "6.2" }, readable: "6.2" }),
  integer("slowlog-log-slower-than", { min: -1n, max: LONG_MAX, unit: "microseconds" }),
  integer("slowlog-max-len", { max: LONG_MAX }),
  integer("latency-monitor-threshold", { max: LONG_MAX, unit: "ms" }),
  yesno("latency-tracking", { since: "7.0" }),
  directive("latency-tracking-info-percentiles", { kind: "percentiles" }, { since: "7.0" }),
];
