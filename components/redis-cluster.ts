/** `RedisCluster`: the declared cluster as one component. */
import * as pulumi from "@pulumi/pulumi";
import { ConfigError, type KitConfig, passwordProblems } from "../config";
import { Topology } from "../provider/resource";
import { type NodeStatus, REDIS_CLUSTER_TYPE } from "../provider/types";
import { type ConnectSnippets, connectSnippets } from "./connect";
import { declarePublic, renderFiles } from "./declaration";
import type { RedisClusterArgs } from "./redis-cluster-args";
import { checkConfig, InvalidConfigError } from "./stack-config";

export type { NodeStatus };

const PASSWORD_COMMAND = "pulumi stack output password --show-secrets";

/**
 * A Redis Cluster with its shards, replicas and settings. `pulumi preview` shows what a change does to the data,
 * `pulumi up` brings it about without downtime and heals what is not as declared, `pulumi refresh` tells what that is.
 * @example
 * const cluster = new RedisCluster("cache", { shards: 3, password: config.requireSecret("password") });
 * export const endpoints = cluster.endpoints;
 */
export class RedisCluster extends pulumi.ComponentResource {
  /** `host:port` of every node, ordered by shard. Any of them lets a cluster client in. */
  readonly endpoints: pulumi.Output<string[]>;
  readonly nodes: pulumi.Output<NodeStatus[]>;
  /** Secret. */
  readonly password: pulumi.Output<string>;
  /** Ready-to-paste commands and code, which read the password from the environment. */
  readonly connect: pulumi.Output<ConnectSnippets>;
  /** What the last `pulumi refresh` found not to be as declared. */
  readonly drift: pulumi.Output<string[]>;
  /** Secret. The declaration as JSON, for `redis-cluster-kit --declaration FILE` where the stack is not at hand. */
  readonly declaration: pulumi.Output<string>;

  constructor(name: string, args: RedisClusterArgs, options?: pulumi.ComponentResourceOptions) {
    super(REDIS_CLUSTER_TYPE, name, {}, options);
    const config = checkArgs(name, args);
    this.warn(config);
    this.password = checkedPassword(args.password);
    const topology = this.createTopology(name, config, args);
    this.nodes = topology.nodes;
    this.endpoints = topology.endpoints;
    this.drift = topology.drift;
    this.connect = this.connectWith(PASSWORD_COMMAND);
    this.declaration = this.describe(config, args);
    this.registerOutputs({ endpoints: this.endpoints, nodes: this.nodes });
  }

  /** `connect` for stacks whose password is read by another command than `pulumi stack output password --show-secrets`. */
  connectWith(passwordCommand: string): pulumi.Output<ConnectSnippets> {
    return this.nodes.apply((nodes) => {
      const primariesFirst = [...nodes].sort(
        (one, other) => one.member - other.member || one.shard - other.shard,
      );
      return connectSnippets(primariesFirst, passwordCommand);
    });
  }

  private warn(config: KitConfig): void {
    for (const warning of config.warnings) void pulumi.log.warn(warning, this);
  }

  private createTopology(name: string, config: KitConfig, args: RedisClusterArgs): Topology {
    const files = pulumi.secret(this.password.apply((password) => renderFiles(config, password)));
    return new Topology(
      name,
      { ...declarePublic(config, args), password: this.password, files },
      { parent: this },
    );
  }

  private describe(config: KitConfig, args: RedisClusterArgs): pulumi.Output<string> {
    const text = this.password.apply((password) =>
      JSON.stringify({ ...declarePublic(config, args), password, files: renderFiles(config, password) }),
    );
    return pulumi.secret(text);
  }
}

function checkArgs(
  name: string,
  { password: _, purgeOnDestroy: _purge, ...args }: RedisClusterArgs,
): KitConfig {
  const clusterName = args.name ?? `${pulumi.getProject()}-${pulumi.getStack()}-${name}`;
  return checkConfig({ ...args, name: clusterName });
}

function checkedPassword(password: pulumi.Input<string>): pulumi.Output<string> {
  const checked = pulumi.output(password).apply((text) => {
    const problems = passwordProblems(text);
    if (problems.length > 0) throw new InvalidConfigError(new ConfigError(problems));
    return text;
  });
  return pulumi.secret(checked);
}
