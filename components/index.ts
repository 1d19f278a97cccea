/** What a Pulumi program imports from this package. */

export { ConfigError, type Problem } from "../config/error";
export type { TargetGroup } from "../templates/monitoring/targets";
export type { AwsArgs, AwsSubnetArgs } from "./aws-args";
export type { ConnectSnippets } from "./connect";
export { type NodeStatus, RedisCluster } from "./redis-cluster";
export type {
  BackupArgs,
  DirectiveValue,
  MonitoringArgs,
  RedisClusterArgs,
  SshArgs,
  SshServerArgs,
} from "./redis-cluster-args";
export { InvalidConfigError, stackArgs } from "./stack-config";
