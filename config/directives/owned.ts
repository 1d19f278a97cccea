/** Directives that the kit writes itself, each with the reason why the stack may not. */
import { choice, type Directive, directive, INT_MAX, integer, type Traits, text, yesno } from "./types";

const PORT = { max: 65_535n };

const ADDRESS = "the topology gives every node its address; set host and basePort instead";
const PLACE =
  "backup, restore and the check for existing data look in the node's own folder for Redis's own file names; set dataDirectory instead";
const PROCESS = "whoever starts the process watches it, collects its output and tells it from others";
const MEMBER =
  "without it a node is no member of the cluster, and its file is the node's memory of the others";
const PLACEMENT = "a replica that moves by itself may land in the zone of its new primary";
const LOGIN =
  "the password protects clients and links alike and is rotated on all nodes in order; set password instead";
const FILES = "it brings in directives or code that the kit has not seen";
const SHUTDOWN = "the kit ends a node by signal and relies on Redis saving first";
const SECURE_LINKS = "this version of the kit does not set up TLS";
const DEBUGGING = "it is an aid of Redis's own developers and changes how a node fails";

function own(reason: string, directives: readonly Directive[]): Directive[] {
  return directives.map((directive) => ({ ...directive, owned: reason }));
}

const SINCE_7: Traits = { since: "7.0" };
const FROM_6: Traits = { since: "6.2" };
const NOT_LIVE: Traits = { live: false };

export const OWNED_DIRECTIVES: readonly Directive[] = [
  ...own(ADDRESS, [
    text("bind", { live: { from: "6.2" } }),
    text("bind-source-addr", SINCE_7),
    integer("port", PORT, { live: { from: "6.2" } }),
    integer("cluster-port", PORT, { ...SINCE_7, live: false }),
    text("cluster-announce-ip"),
    integer("cluster-announce-port", PORT),
    integer("cluster-announce-bus-port", PORT),
    integer("cluster-announce-tls-port", PORT, FROM_6),
    text("cluster-announce-hostname", SINCE_7),
    choice("cluster-preferred-endpoint-type", ["ip", "hostname", "unknown-endpoint"], SINCE_7),
    text("replica-announce-ip", { aliases: ["slave-announce-ip"] }),
    integer("replica-announce-port", PORT, { aliases: ["slave-announce-port"] }),
    yesno("replica-announced", FROM_6),
    text("unixsocket", NOT_LIVE),
    text("unixsocketperm", NOT_LIVE),
    integer("socket-mark-id", { max: INT_MAX }, { ...SINCE_7, live: false }),
    text("replicaof", { ...NOT_LIVE, aliases: ["slaveof"] }),
  ]),
  ...own(PLACE, [
    text("dir", { live: { until: "7.0" } }),
    text("dbfilename", { live: { until: "7.0" } }),
    text("appendfilename", { live: false, readable: "6.2" }),
    text("appenddirname", { since: "7.0", live: false }),
    yesno("aof-disable-auto-gc", SINCE_7),
  ]),
  ...own(PROCESS, [
    yesno("daemonize", NOT_LIVE),
    choice("supervised", ["upstart", "systemd", "auto", "no"], NOT_LIVE),
    text("pidfile", NOT_LIVE),
    text("logfile", NOT_LIVE),
    yesno("set-proc-title", { ...FROM_6, live: false }),
    text("proc-title-template", FROM_6),
  ]),
  ...own(MEMBER, [
    yesno("cluster-enabled", { live: false, readable: "6.2" }),
    text("cluster-config-file", { live: false, readable: "7.0" }),
  ]),
  ...own(PLACEMENT, [integer("cluster-migration-barrier"), yesno("cluster-allow-replica-migration", FROM_6)]),
  ...own(LOGIN, [
    text("requirepass"),
    text("masterauth"),
    text("masteruser", FROM_6),
    text("aclfile", { ...FROM_6, live: false }),
    directive("user", { kind: "text", example: "" }, { ...FROM_6, live: false, readable: "never" }),
    yesno("protected-mode"),
    choice("enable-protected-configs", ["no", "yes", "local"], { ...SINCE_7, live: false }),
  ]),
  ...own(FILES, [
    text("include", { live: false, readable: "never" }),
    text("loadmodule", { live: false, readable: "never" }),
  ]),
  ...own(SHUTDOWN, [text("shutdown-on-sigint", SINCE_7), text("shutdown-on-sigterm", SINCE_7)]),
  ...own(DEBUGGING, [
    integer("watchdog-period"),
    yesno("use-exit-on-panic", FROM_6),
    integer("key-load-delay", {}, FROM_6),
    integer("rdb-key-save-delay", {}, FROM_6),
    choice("propagation-error-behavior", ["ignore", "panic", "panic-on-replicas"], SINCE_7),
  ]),
  ...own(
    SECURE_LINKS,
    [
      "port",
      "cluster",
      "replication",
      "auth-clients",
      "ca-cert-dir",
      "ca-cert-file",
      "cert-file",
      "ciphers",
      "ciphersuites",
      "client-cert-file",
      "client-key-file",
      "client-key-file-pass",
      "dh-params-file",
      "key-file",
      "key-file-pass",
      "prefer-server-ciphers",
      "protocols",
      "session-cache-size",
      "session-cache-timeout",
      "session-caching",
    ].map((name) => text(`tls-${name}`, FROM_6)),
  ),
];
