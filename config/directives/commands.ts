/** Commands that `rename-command` may rename or take away. */
import type { Line } from "./types";

/**
 * Commands that neither Redis Cluster nor replication, clients or the kit itself need, with the first line that has
 * them. Any other stays: without CLUSTER, CONFIG, MIGRATE, PSYNC or REPLCONF, say, there is no cluster to run.
 */
export const RENAMEABLE_COMMANDS: Readonly<Record<string, Line>> = {
  DEBUG: "5.0",
  EVAL: "5.0",
  EVALSHA: "5.0",
  EVAL_RO: "7.0",
  EVALSHA_RO: "7.0",
  FCALL: "7.0",
  FCALL_RO: "7.0",
  FLUSHALL: "5.0",
  FLUSHDB: "5.0",
  FUNCTION: "7.0",
  KEYS: "5.0",
  LATENCY: "5.0",
  LOLWUT: "5.0",
  MODULE: "5.0",
  MONITOR: "5.0",
  MOVE: "5.0",
  RANDOMKEY: "5.0",
  SCRIPT: "5.0",
  SLOWLOG: "5.0",
  SORT: "5.0",
  SORT_RO: "7.0",
  SWAPDB: "5.0",
};
