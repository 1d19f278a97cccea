/** Ready-to-paste ways into a cluster. None holds the password: all read it from the environment. */

/** Commands and code, by client. */
export interface ConnectSnippets {
  /** How the password gets into the environment of the others, as a shell command. */
  readonly auth: string;
  readonly redisCli: string;
  /** Package `redis-py-cluster`. */
  readonly pythonRediscluster: string;
  /** Package `redis`, version 4.1 and later. */
  readonly pythonRedis: string;
  /** Package `ioredis`. */
  readonly ioredis: string;
}

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** Nodes that are named as entrances; a client finds the others by itself. */
const ENTRANCES = 3;

const HASH_TAGS =
  "Keys with the same text in braces are in the same slot, so one command, MULTI or script can use several.";

/** `nodes` in order of preference; at least one. `passwordCommand` prints the password. */
export function connectSnippets(nodes: readonly Address[], passwordCommand: string): ConnectSnippets {
  const entrances = nodes.slice(0, ENTRANCES);
  const [first = { host: "127.0.0.1", port: 6379 }] = entrances;
  const dicts = (portOf: (port: number) => string) =>
    entrances.map(({ host, port }) => `{"host": "${host}", "port": ${portOf(port)}}`).join(", ");
  return {
    auth: `export REDISCLI_AUTH="$(${passwordCommand})"`,
    redisCli: `redis-cli -c -h ${first.host} -p ${first.port}`,
    pythonRediscluster: `import os
from rediscluster import RedisCluster

client = RedisCluster(
    startup_nodes=[${dicts((port) => `"${port}"`)}],
    decode_responses=True,
    password=os.environ["REDISCLI_AUTH"],
    skip_full_coverage_check=True,
    max_connections_per_node=50,
)
# ${HASH_TAGS}
client.mset({"{user:1}:name": "Ada", "{user:1}:city": "London"})
print(client.mget("{user:1}:name", "{user:1}:city"))`,
    pythonRedis: `import os
from redis.cluster import ClusterNode, RedisCluster

client = RedisCluster(
    startup_nodes=[${entrances.map(({ host, port }) => `ClusterNode("${host}", ${port})`).join(", ")}],
    decode_responses=True,
    password=os.environ["REDISCLI_AUTH"],
    protocol=2,  # redis-py asks for RESP3 otherwise, which Redis 5 does not know
)
# ${HASH_TAGS}
client.mset({"{user:1}:name": "Ada", "{user:1}:city": "London"})
print(client.mget("{user:1}:name", "{user:1}:city"))`,
    ioredis: `const { Cluster } = require("ioredis");

const client = new Cluster([${entrances.map(({ host, port }) => `{ host: "${host}", port: ${port} }`).join(", ")}], {
  redisOptions: { password: process.env.REDISCLI_AUTH },
});
// ${HASH_TAGS}
client
  .mset({ "{user:1}:name": "Ada", "{user:1}:city": "London" })
  .then(() => client.mget("{user:1}:name", "{user:1}:city"))
  .then(console.log)
  .finally(() => client.quit());`,
  };
}
