/** The directives of the field's usual six-node set-up. The user's own `redis:` values go over them. */
import { directiveInfo } from "./directives";

/** A replica moves to a primary without any only if its own keeps this many: never. */
const NO_MIGRATION = "999999";

const DIRECTIVES: Readonly<Record<string, string>> = {
  "cluster-node-timeout": "5000",
  "cluster-migration-barrier": NO_MIGRATION,
  "cluster-allow-replica-migration": "no",
  appendonly: "yes",
  appendfsync: "everysec",
  save: "900 1 300 10 60 10000",
  "tcp-backlog": "511",
  timeout: "0",
  "tcp-keepalive": "300",
  maxclients: "10000",
  maxmemory: String(64 * 1024 ** 2),
  "maxmemory-policy": "allkeys-lru",
};

/** Those that this version knows, in canonical names and values as CONFIG GET answers them. */
export function defaultDirectives(version: string): Record<string, string> {
  return Object.fromEntries(Object.entries(DIRECTIVES).filter(([name]) => directiveInfo(name, version)));
}
