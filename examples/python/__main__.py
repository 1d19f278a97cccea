import pulumi
import pulumi_redis_cluster_kit as kit

config = pulumi.Config()

cluster = kit.RedisCluster(
    "cache",
    shards=3,
    base_port=config.get_int("basePort") or 7000,
    password=config.require_secret("password"),
    redis={"maxmemory": "64mb", "maxmemory-policy": "noeviction"},
)

pulumi.export("endpoints", cluster.endpoints)
pulumi.export("password", cluster.password)
# Ready to paste; reads the password from REDISCLI_AUTH.
pulumi.export("ioredis", cluster.connect.ioredis)
