/** Memory: limits, eviction, lazy freeing, defragmentation, encodings of small values. */
import { choice, type Directive, integer, LONG_MAX, memory, type Traits, yesno } from "./types";

const POLICIES = [
  "volatile-lru",
  "volatile-lfu",
  "volatile-random",
  "volatile-ttl",
  "allkeys-lru",
  "allkeys-lfu",
  "allkeys-random",
  "noeviction",
];

/** 7.0 calls its small encoding listpack; the name before that, ziplist, goes on working. */
function renamed(directive: Directive): Directive {
  const before = { name: directive.name.replace("listpack", "ziplist"), since: "5.0" } as const;
  return { ...directive, aliases: [before], readable: "5.0" };
}

const SINCE_7: Traits = { since: "7.0" };

export const MEMORY_DIRECTIVES: readonly Directive[] = [
  memory("maxmemory"),
  choice("maxmemory-policy", POLICIES),
  integer("maxmemory-samples", { min: 1n }),
  integer("maxmemory-eviction-tenacity", { max: 100n }, { since: "6.2" }),
  yesno("replica-ignore-maxmemory", { aliases: ["slave-ignore-maxmemory"] }),
  integer("lfu-log-factor"),
  integer("lfu-decay-time", { unit: "minutes" }),
  integer("active-expire-effort", { min: 1n, max: 10n }, { since: "6.2" }),
  yesno("activerehashing"),
  yesno("lazyfree-lazy-eviction"),
  yesno("lazyfree-lazy-expire"),
  yesno("lazyfree-lazy-server-del"),
  yesno("lazyfree-lazy-user-del", { since: "6.2" }),
  yesno("lazyfree-lazy-user-flush", { since: "6.2" }),
  yesno("replica-lazy-flush", { aliases: ["slave-lazy-flush"] }),
  yesno("activedefrag"),
  memory("active-defrag-ignore-bytes", 1n),
  integer("active-defrag-threshold-lower", { max: 1000n, unit: "percent" }),
  integer("active-defrag-threshold-upper", { max: 1000n, unit: "percent" }),
  integer("active-defrag-cycle-min", { min: 1n, max: 99n, unit: "percent" }),
  integer("active-defrag-cycle-max", { min: 1n, max: 99n, unit: "percent" }),
  integer("active-defrag-max-scan-fields", { min: 1n, max: LONG_MAX }),
  yesno("jemalloc-bg-thread", { since: "6.2" }),
  renamed(integer("hash-max-listpack-entries", { max: LONG_MAX }, SINCE_7)),
  renamed(memory("hash-max-listpack-value", 0n, SINCE_7)),
  renamed(integer("list-max-listpack-size", { min: -2_147_483_648n }, SINCE_7)),
  renamed(integer("zset-max-listpack-entries", { max: LONG_MAX }, SINCE_7)),
  renamed(memory("zset-max-listpack-value", 0n, SINCE_7)),
  integer("list-compress-depth"),
  integer("set-max-intset-entries", { max: LONG_MAX }),
  memory("hll-sparse-max-bytes"),
  memory("stream-node-max-bytes"),
  integer("stream-node-max-entries"),
];
