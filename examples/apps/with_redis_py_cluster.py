"""Package `redis-py-cluster` 2.x, which clusters of Redis 5 are mostly used with. New programs take `redis`."""

from rediscluster import RedisCluster
from redis.exceptions import RedisError
from rediscluster.exceptions import RedisClusterException

from orders import NODES, PASSWORD, POOL_SIZE, run

client = RedisCluster(
    startup_nodes=[{"host": host, "port": port} for host, port in NODES],
    password=PASSWORD,
    decode_responses=True,
    skip_full_coverage_check=True,  # it would need CONFIG
    max_connections_per_node=True,
    max_connections=POOL_SIZE,
    socket_timeout=2,
    socket_connect_timeout=2,
)
# It splits MGET over the slots by itself.
run(client, (RedisError, RedisClusterException), client.mget)
