"""The two libraries behind one face: what differs between them, and nothing else."""

import os


def connect(library, host, port):
    """A client that knows one node only. The password comes from REDISCLI_AUTH."""
    password = os.environ["REDISCLI_AUTH"]
    if library == "rediscluster":
        from rediscluster import RedisCluster

        return RedisCluster(
            startup_nodes=[{"host": host, "port": str(port)}],
            decode_responses=True,
            password=password,
            skip_full_coverage_check=True,
            max_connections_per_node=50,
        )
    from redis.cluster import ClusterNode, RedisCluster

    # RESP3, its default, needs Redis 6.
    return RedisCluster(
        startup_nodes=[ClusterNode(host, port)], decode_responses=True, password=password, protocol=2
    )


def mget_across_slots(library, client, keys):
    """redis-py-cluster splits MGET by itself, redis-py has a command of its own for that."""
    return client.mget(keys) if library == "rediscluster" else client.mget_nonatomic(keys)


def count_redirects(library):
    """A function that tells how many MOVED replies the library has been given since."""
    if library == "rediscluster":
        from rediscluster.exceptions import MovedError
    else:
        from redis.exceptions import MovedError

    seen = []
    original = MovedError.__init__

    def counting(self, *args, **kwargs):
        seen.append(1)
        original(self, *args, **kwargs)

    MovedError.__init__ = counting
    return lambda: len(seen)
