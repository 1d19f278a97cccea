/** Why a redis-server ended at its start, in its own words, and what to do about it. */
import { dirname, join } from "node:path";
import type { HostNode } from "../host";
import type { NodePaths } from "./folder";

interface Cure {
  readonly pattern: RegExp;
  readonly text: (context: DeathContext) => string;
}

export interface DeathContext {
  readonly node: HostNode;
  readonly paths: NodePaths;
  /** Path of the redis-server that was started. */
  readonly server: string;
  /** What the process wrote since its start, secrets removed. */
  readonly log: string;
  /** How it ended, e.g. "exit code 1". */
  readonly how: string;
}

/** First match wins. Texts of Redis 5.0 to 7.0 (config.c, server.c, cluster.c, aof.c, rdb.c) and of the shell. */
const CURES: readonly Cure[] = [
  {
    pattern: /exec: .*(not found|Permission denied|Exec format)|cannot execute/i,
    text: ({ server }) => `See that ${server} exists and runs on this machine: \`${server} --version\`.`,
  },
  {
    pattern: /FATAL CONFIG FILE ERROR/i,
    text: () =>
      "Correct that directive in the `redis:` settings of the stack's config; this version of Redis refuses it.",
  },
  {
    pattern: /Address already in use|bind: |Could not create server TCP listening socket/i,
    text: ({ node }) =>
      `Port ${node.port} or bus port ${node.busPort} was taken at that moment. Stop that program, or choose other ports: \`pulumi config set basePort N\`.`,
  },
  {
    pattern: /Permission denied|Read-only file system|No space left/i,
    text: ({ paths }) => `Make ${paths.folder} writable for this user and see that its disk has space.`,
  },
  {
    pattern: /Sorry, the cluster configuration file/i,
    text: ({ paths }) =>
      `Another process holds the lock of nodes-*.conf in ${paths.folder}. End it, then run again.`,
  },
  {
    pattern: /corrupted cluster config file/i,
    text: ({ paths }) =>
      `The node's nodes-*.conf in ${paths.folder} is damaged: its place in the cluster is lost. Move that folder away (keep it) and run again: the node is replaced and gets its data from its shard.`,
  },
  {
    pattern: /reading the append only file|redis-check-aof|append-only file/i,
    text: ({ server, paths }) =>
      `Look at the file with \`${join(dirname(server), "redis-check-aof")} FILE\` in ${paths.folder} (from 7.0 on FILE is appendonlydir/*.manifest). With --fix it cuts the file at the first damaged byte: copy it first, or let a replica or a backup bring the data back.`,
  },
  {
    pattern: /loading (the )?DB|load DB|RDB format version|RDB reading|RDB file reading/i,
    text: ({ server, paths }) =>
      `Look at the snapshot with \`${join(dirname(server), "redis-check-rdb")} ${join(paths.folder, "dump.rdb")}\`. If a newer Redis wrote it, older versions cannot read it; otherwise restore a backup, or let a replica bring the data back.`,
  },
];

/** The whole error text for a node whose process ended before it served. */
export function describeDeath(context: DeathContext): string {
  const { node, log, how, paths } = context;
  const cure = CURES.find(({ pattern }) => pattern.test(log))?.text(context);
  const lines = log
    .split("\n")
    .filter((line) => line.trim() !== "")
    .slice(-12);
  return [
    `node "${node.name}" (${node.host}:${node.port}): redis-server ended at its start (${how}).`,
    ...(lines.length > 0 ? ["Its log says:", ...lines.map((line) => `  ${line}`)] : ["It wrote no log."]),
    cure ?? `The whole log is in ${paths.log}.`,
  ].join("\n");
}
