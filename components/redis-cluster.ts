/** `RedisCluster`: the declared cluster as one component. */
import * as pulumi from "@pulumi/pulumi";
import { ConfigError, type KitConfig, passwordProblems } from "../config";
import { LocalMonitoring } from "../provider/monitoring-resource";
import { Topology } from "../provider/resource";
import { type NodeStatus, REDIS_CLUSTER_TYPE } from "../provider/types";
import type { TargetGroup } from "../templates/monitoring/targets";
import { type ConnectSnippets, connectSnippets } from "./connect";
import { declarePublic, declareTargets, renderFiles, sshAccess } from "./declaration";
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
  /** The nodes' exporters as Prometheus's file_sd and static_configs take them; empty where monitoring is off. */
  readonly scrapeTargets: pulumi.Output<readonly TargetGroup[]>;
  /** Target `"aws"`: the security group for applications: its members may reach Redis. Empty elsewhere. */
  readonly clientSecurityGroupId: pulumi.Output<string>;
  /** Target `"aws"`: the network that the nodes are in. Empty elsewhere. */
  readonly vpcId: pulumi.Output<string>;
  /** Target `"aws"`: the nodes' subnets in it, in the order of the zones. Empty elsewhere. */
  readonly privateSubnetIds: pulumi.Output<string[]>;
  /**
   * Secret. Who reads it holds the cluster and its servers: the declaration as JSON with the password, every node's redis.conf
   * and, where they were given, `sshPrivateKey` and `sudoPassword`. `npx redis-cluster-kit` needs it: from a stack that exports
   * it, or from a file of mode 0600 (`--declaration FILE`). Export it only where those commands are used.
   */
  readonly declaration: pulumi.Output<string>;

  constructor(name: string, args: RedisClusterArgs, options?: pulumi.ComponentResourceOptions) {
    super(REDIS_CLUSTER_TYPE, name, {}, options);
    const config = checkArgs(name, args);
    this.warn(config);
    this.password = checkedPassword(args.password);
    const reach = this.reachServers(name, config, args);
    const topology = this.createTopology(name, config, args, reach);
    reach.monitor?.(topology);
    reach.backUp?.(topology);
    this.createMonitoring(name, config, topology);
    this.nodes = topology.nodes;
    this.endpoints = topology.endpoints;
    this.drift = topology.drift;
    this.connect = this.connectWith(PASSWORD_COMMAND);
    this.scrapeTargets = pulumi.output(declareTargets(config));
    // Empty instead of undefined: an undefined output of a stack is a warning in every `up`.
    this.clientSecurityGroupId = reach.clients?.clientSecurityGroupId ?? pulumi.output("");
    this.vpcId = reach.clients?.vpcId ?? pulumi.output("");
    this.privateSubnetIds = reach.clients?.privateSubnetIds ?? pulumi.output([]);
    this.declaration = this.describe(config, args, reach);
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

  /** Makes the servers ready, where there are any, and says how they are reached. */
  private reachServers(name: string, config: KitConfig, args: RedisClusterArgs): Reach {
    if (config.target === "local") return { ready: [] };
    if (config.target === "aws") {
      // Loaded only here: other stacks need no @pulumi/aws.
      const { reachAws } = require("./aws/reach") as typeof import("./aws/reach");
      return reachAws(name, { config, password: this.password, sshPrivateKey: args.sshPrivateKey }, this);
    }
    // Loaded only here: a local stack needs no @pulumi/command.
    const { SshServers } = require("./ssh-servers") as typeof import("./ssh-servers");
    const { sshPrivateKey, sudoPassword } = args;
    const servers = new SshServers(
      name,
      {
        config,
        ...(sshPrivateKey === undefined ? {} : { privateKey: sshPrivateKey }),
        ...(sudoPassword === undefined ? {} : { sudoPassword }),
      },
      { parent: this },
    );
    const access = pulumi
      .all([sshPrivateKey, sudoPassword])
      .apply(([key, password]) => sshAccess(config, { sshPrivateKey: key, sudoPassword: password }));
    const monitor = (topology: Topology) => servers.monitor(this.password, topology);
    const backUp = (topology: Topology) => servers.backUp(this.password, topology);
    return {
      ready: servers.ready,
      access: pulumi.secret(access),
      backUp,
      ...(config.monitoring.enabled ? { monitor } : {}),
    };
  }

  private createTopology(
    name: string,
    config: KitConfig,
    args: RedisClusterArgs,
    { ready, access }: Reach,
  ): Topology {
    const files = pulumi.secret(this.password.apply((password) => renderFiles(config, password)));
    const ssh = access === undefined ? {} : { ssh: access };
    const declared = { ...declarePublic(config, args), password: this.password, files, ...ssh };
    return new Topology(name, declared, { parent: this, dependsOn: [...ready] });
  }

  /** Exporters beside the nodes. On servers they are part of making the server ready. */
  private createMonitoring(name: string, config: KitConfig, topology: Topology): void {
    const { dataDirectory, nodes, monitoring } = declarePublic(config);
    if (config.target !== "local" || monitoring === undefined) return;
    const { host } = config;
    const args = { name: config.name, dataDirectory, host, nodes, monitoring, password: this.password };
    new LocalMonitoring(name, args, { parent: this, dependsOn: topology });
  }

  private describe(config: KitConfig, args: RedisClusterArgs, { access }: Reach): pulumi.Output<string> {
    const text = pulumi.all([this.password, access]).apply(([password, ssh]) =>
      JSON.stringify({
        ...declarePublic(config, args),
        password,
        files: renderFiles(config, password),
        ssh,
      }),
    );
    return pulumi.secret(text);
  }
}

/** Servers that are ready, and the way to them; nothing on the local target. */
interface Reach {
  readonly ready: readonly pulumi.Resource[];
  /** Of the target aws alone. */
  readonly clients?: Pick<RedisCluster, "clientSecurityGroupId" | "vpcId" | "privateSubnetIds">;
  readonly access?: pulumi.Output<ReturnType<typeof sshAccess>>;
  /** Exporters on the servers; they follow the cluster. */
  readonly monitor?: (topology: Topology) => void;
  /** Backup timers on the servers, where backups are declared. */
  readonly backUp?: (topology: Topology) => void;
}

function checkArgs(
  name: string,
  {
    password: _,
    purgeOnDestroy: _purge,
    sshPrivateKey: _key,
    sudoPassword: _sudo,
    ...args
  }: RedisClusterArgs,
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
