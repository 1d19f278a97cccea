/** The directives of the field's usual six-node set-up. The user's own `redis:` values go over them. */

/** Canonical names and values as CONFIG GET answers them. */
export function defaultDirectives(version: string): Record<string, string> {
  const directives: Record<string, string> = {
    "cluster-node-timeout": "5000",
    "cluster-migration-barrier": "999",
    appendonly: "yes",
    appendfsync: "everysec",
    save: "900 1 300 10 60 10000",
    "tcp-backlog": "511",
    timeout: "0",
    "tcp-keepalive": "300",
    maxclients: "10000",
    maxmemory: String(64 * 1024 * 1024),
    "maxmemory-policy": "allkeys-lru",
  };
  if (!version.startsWith("5.") && !version.startsWith("6.0.")) {
    directives["cluster-allow-replica-migration"] = "no";
  }
  return directives;
}
