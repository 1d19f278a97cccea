"""Package `redis`, 4.1 and later."""

from redis.backoff import ExponentialBackoff
from redis.cluster import ClusterNode, RedisCluster
from redis.exceptions import RedisError
from redis.retry import Retry

from orders import NODES, PASSWORD, POOL_SIZE, run

client = RedisCluster(
    startup_nodes=[ClusterNode(host, int(port)) for host, port in NODES],
    password=PASSWORD,
    decode_responses=True,
    protocol=2,  # it asks for RESP3 otherwise, which Redis 5 does not know
    socket_timeout=2,
    socket_connect_timeout=2,
    max_connections=POOL_SIZE,
    retry=Retry(ExponentialBackoff(cap=1, base=0.05), 3),
)
# Keys of any slots: asked slot by slot, hence not atomic.
run(client, RedisError, client.mget_nonatomic)
