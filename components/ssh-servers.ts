/** The servers of target ssh, made ready; and what the engine must know to reach them. */
import * as pulumi from "@pulumi/pulumi";
import type { SshConfig, SshServer } from "../config";
import type { ExporterPlan, ServerPlan } from "../templates/server/scripts";
import { checkServer, ProvisionedServer, type ProvisionedServerArgs } from "./provisioned-server";
import { backupPlan, ServerBackup } from "./server-backup";
import { type ServerConnection, type ServerWarning, tellWarnings, warningsIn } from "./server-connection";
import { ServerExporter } from "./server-exporter";

export const SSH_SERVERS_TYPE = "redis-cluster-kit:index:SshServers";

/** Secrets of the way to the servers; they may still be promised. */
export interface SshSecrets {
  readonly privateKey?: pulumi.Input<string>;
  readonly sudoPassword?: pulumi.Input<string>;
}

export interface SshServersArgs extends SshSecrets {
  readonly config: SshConfig;
}

/** Every server of the declaration. All are checked before the first is changed. */
export class SshServers extends pulumi.ComponentResource {
  /** What the cluster depends on: one resource a server. */
  readonly ready: readonly pulumi.Resource[];

  constructor(
    private readonly name: string,
    private readonly args: SshServersArgs,
    options?: pulumi.ComponentResourceOptions,
  ) {
    super(SSH_SERVERS_TYPE, name, {}, options);
    const servers = args.config.servers.map((server) => ({
      name: `${name}-${server.name}`,
      args: serverArgs(args, server),
    }));
    const checks = servers.map((each) => checkServer(each.name, each.args, { parent: this }));
    const made = servers.map(
      (each) => new ProvisionedServer(each.name, { ...each.args, checks }, { parent: this }),
    );
    this.ready = made.map(({ ready }) => ready);
    const checked = pulumi
      .all(checks.map(({ stdout }) => stdout))
      .apply((outputs) => outputs.flatMap((text) => warningsIn(text ?? "")));
    this.tell(pulumi.all([checked, ...made.map(({ warnings }) => warnings)]).apply((lists) => lists.flat()));
    this.registerOutputs({});
  }

  /** An exporter on every server, once `after` is done: the cluster, which must know a new password first. */
  monitor(password: pulumi.Input<string>, after: pulumi.Resource): void {
    for (const server of this.args.config.servers) {
      const name = `${this.name}-${server.name}`;
      const args = {
        plan: exporterPlan(this.args.config, server),
        connection: connectionOf(this.args, server),
        password,
      };
      new ServerExporter(name, args, { parent: this, dependsOn: after });
    }
  }

  /** A backup timer on every server, where backups are declared, once `after` is done: the cluster. */
  backUp(password: pulumi.Input<string>, after: pulumi.Resource): void {
    for (const server of this.args.config.servers) {
      const plan = backupPlan(this.args.config, server.name);
      if (plan === undefined) return;
      const args = { plan, connection: connectionOf(this.args, server), password };
      new ServerBackup(`${this.name}-${server.name}`, args, { parent: this, dependsOn: after });
    }
  }

  /** Once for all servers. Warnings hold no secret, though the outputs they come from are kept as secrets. */
  private tell(warnings: pulumi.Output<ServerWarning[]>): void {
    pulumi.unsecret(warnings).apply((found) => {
      for (const line of tellWarnings(found)) void pulumi.log.warn(line, this);
    });
  }
}

function serverArgs(args: SshServersArgs, server: SshServer): ProvisionedServerArgs {
  const { config } = args;
  return {
    plan: planOf(config, server),
    connection: connectionOf(args, server),
    archive: { source: config.redisSource, sha256: config.redisSourceSha256 },
  };
}

function planOf(config: SshConfig, server: SshServer): ServerPlan {
  const { redis } = config;
  return {
    cluster: config.name,
    node: server.name,
    version: config.redisVersion,
    install: config.install,
    port: config.redisPort,
    address: server.address,
    maxmemoryBytes: Number(redis.maxmemory ?? 0),
    persistent: redis.appendonly === "yes" || (redis.save ?? "") !== "",
    backup: config.backup !== undefined,
  };
}

function exporterPlan(config: SshConfig, { name, address }: SshServer): ExporterPlan {
  const hosts = { address, all: "0.0.0.0", loopback: "127.0.0.1" };
  const listen = `${hosts[config.exporterListen]}:${config.monitoring.exporterPort}`;
  return { node: name, port: config.redisPort, listen, from: config.exporterFrom, source: "package" };
}

function connectionOf(
  { config, privateKey, sudoPassword }: SshServersArgs,
  server: SshServer,
): ServerConnection {
  const { host, port, user, hostKey } = server;
  return {
    host,
    port,
    user,
    dials: config.dials,
    ...(hostKey === undefined ? {} : { hostKey }),
    ...(privateKey === undefined ? {} : { privateKey }),
    ...(sudoPassword === undefined ? {} : { sudoPassword }),
    ...(config.bastion === undefined ? {} : { bastion: config.bastion }),
  };
}
