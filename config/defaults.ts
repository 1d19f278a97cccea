/** The directives of the field's usual six-node set-up. The user's own `redis:` values go over them. */
import { directiveInfo } from "./directives";
import type { KitConfig } from "./types";

/** A replica moves to a primary without any only if its own keeps this many: never. */
const NO_MIGRATION = "999999";

const DIRECTIVES: Readonly<Record<string, string>> = {
  "cluster-node-timeout": "5000",
  "cluster-migration-barrier": NO_MIGRATION,
  "cluster-allow-replica-migration": "no",
  appendonly: "yes",
  appendfsync: "everysec",
  save: "900 1 300 10 60 10000",
  rdbcompression: "yes",
  "tcp-backlog": "511",
  timeout: "0",
  "tcp-keepalive": "300",
  maxclients: "10000",
  maxmemory: String(64 * 1024 ** 2),
  "maxmemory-policy": "allkeys-lru",
};

/** On a server of its own a node may hold more. */
const ON_SERVERS: Readonly<Record<string, string>> = { maxmemory: String(8 * 1024 ** 3) };

/** Those that this version knows, in canonical names and values as CONFIG GET answers them. */
export function defaultDirectives(
  version: string,
  target: KitConfig["target"] = "local",
): Record<string, string> {
  const all = target === "local" ? DIRECTIVES : { ...DIRECTIVES, ...ON_SERVERS };
  return Object.fromEntries(Object.entries(all).filter(([name]) => directiveInfo(name, version)));
}
