/** Append-only file, snapshots, and what goes to the log. */
import { choice, type Directive, directive, integer, memory, text, yesno } from "./types";

const FACILITIES = ["user", ...Array.from({ length: 8 }, (_, index) => `local${index}`)];

export const PERSISTENCE_DIRECTIVES: readonly Directive[] = [
  yesno("appendonly"),
  choice("appendfsync", ["everysec", "always", "no"]),
  directive("save", { kind: "save" }),
  yesno("no-appendfsync-on-rewrite"),
  integer("auto-aof-rewrite-percentage", { unit: "percent" }),
  memory("auto-aof-rewrite-min-size"),
  yesno("aof-load-truncated"),
  yesno("aof-use-rdb-preamble"),
  yesno("aof-rewrite-incremental-fsync"),
  yesno("aof-timestamp-enabled", { since: "7.0" }),
  yesno("stop-writes-on-bgsave-error"),
  yesno("rdbcompression"),
  yesno("rdbchecksum", { live: false }),
  yesno("rdb-save-incremental-fsync"),
  yesno("rdb-del-sync-files", { since: "6.2" }),
  choice("sanitize-dump-payload", ["no", "yes", "clients"], { since: "6.2" }),
  choice("loglevel", ["debug", "verbose", "notice", "warning"]),
  yesno("always-show-logo", { live: false, readable: "6.2" }),
  yesno("syslog-enabled", { live: false, readable: "6.2" }),
  text("syslog-ident", { live: false, readable: "6.2", example: "redis" }),
  choice("syslog-facility", FACILITIES, { live: false }),
  yesno("crash-log-enabled", { since: "6.2" }),
  yesno("crash-memcheck-enabled", { since: "6.2" }),
];
