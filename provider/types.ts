/** Type tokens: the package's public names in stacks of every language. Changing one would replace resources. */
export const PACKAGE = "redis-cluster-kit";
export const TOPOLOGY_TYPE = `${PACKAGE}:index:Topology`;
export const REDIS_CLUSTER_TYPE = `${PACKAGE}:index:RedisCluster`;
