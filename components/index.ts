/** What a Pulumi program imports from this package. */
export type { ConnectSnippets } from "./connect";
export { type NodeStatus, RedisCluster } from "./redis-cluster";
export type { DirectiveValue, RedisClusterArgs, SshArgs, SshServerArgs } from "./redis-cluster-args";
export { InvalidConfigError, stackArgs } from "./stack-config";
