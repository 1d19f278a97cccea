/** Servers in AWS for a cluster: made, provisioned over ssh as a user's own are, and how the engine reaches them. */
import * as pulumi from "@pulumi/pulumi";
import type { AwsConfig } from "../../config";
import type { Declaration } from "../../provider/declaration";
import { SERVER_USER } from "../../templates/aws/user-data";
import type { ExporterPlan } from "../../templates/server/scripts";
import { layOut } from "../../topology";
import { declarePublic, renderFiles } from "../declaration";
import { ProvisionedServer } from "../provisioned-server";
import { backupPlan, ServerBackup } from "../server-backup";
import type { ServerConnection } from "../server-connection";
import { ServerExporter } from "../server-exporter";
import { providerFor } from "./provider";
import { AwsServers, type ClientAccess, type ServerLink } from "./servers";

export interface ReachArgs {
  readonly config: AwsConfig;
  /** Secret; checked. */
  readonly password: pulumi.Output<string>;
  /** Secret. Without it the ssh agent is asked. */
  readonly sshPrivateKey?: pulumi.Input<string> | undefined;
}

export interface Reach {
  readonly ready: readonly pulumi.Resource[];
  readonly clients: ClientAccess;
  /** Secret. */
  readonly access: pulumi.Output<NonNullable<Declaration["ssh"]>>;
  /** Backup timers on the servers, where backups are declared; they follow the cluster. */
  readonly backUp: (topology: pulumi.Resource) => void;
  /** Exporters on the servers; they follow the cluster too. */
  readonly monitor: (topology: pulumi.Resource) => void;
}

/** `parent` is the cluster's component. Its AWS provider is used; where it was given none, one is made for the region. */
export function reachAws(name: string, args: ReachArgs, parent: pulumi.ComponentResource): Reach {
  const { config } = args;
  const given = parent.getProvider("aws:ec2:Instance");
  const provider = given ?? providerFor(name, config.aws.region, parent);
  const links: ServerLink[] = [];
  const servers = new AwsServers(
    name,
    {
      config,
      declaration: (bastion) => declarationWith(args, bastion),
      provision: (link, options) => {
        links.push(link);
        return provision(name, args, link, options);
      },
    },
    { parent, providers: { aws: provider } },
  );
  // Not below the servers: the cluster waits for all that is there, and these wait for the cluster.
  const backUp: Reach["backUp"] = (topology) => {
    for (const link of links) backUpServer(name, args, link, { parent, dependsOn: topology });
  };
  const monitor: Reach["monitor"] = (topology) => {
    if (!config.monitoring.enabled) return;
    for (const link of links) monitorServer(name, args, link, { parent, dependsOn: topology });
  };
  // All of it, rules and routes too: so `destroy` begins with the cluster, and where that refuses nothing has been deleted.
  const { clients, bastion } = servers;
  return { ready: [servers], clients, access: accessOf(args, bastion), backUp, monitor };
}

function accessOf({ config, sshPrivateKey }: ReachArgs, bastion: ServerLink["bastion"]): Reach["access"] {
  const servers = Object.fromEntries(
    layOut(config).nodes.map(({ name, host }) => [
      name,
      { host, port: SSH_PORT, user: SERVER_USER, ...pinned(config, name) },
    ]),
  );
  const access = pulumi.all([sshPrivateKey, bastion?.host]).apply(([privateKey, host]) => ({
    servers,
    ...(privateKey === undefined ? {} : { privateKey }),
    ...(host === undefined
      ? {}
      : { bastion: { host, port: SSH_PORT, user: SERVER_USER, ...pinned(config, "bastion") } }),
  }));
  return pulumi.secret(access);
}

/** The declared host key of a node, or of the bastion. */
function pinned({ aws }: AwsConfig, name: string): { readonly hostKey?: string } {
  const hostKey = aws.hostKeys[name];
  return hostKey === undefined ? {} : { hostKey };
}

/** What handovers need of the declaration; redis.conf with it, because a node that comes back is started with its own. */
function declarationWith(args: ReachArgs, bastion: ServerLink["bastion"]): pulumi.Output<Declaration> {
  const { config, password } = args;
  const declared = pulumi.all([password, accessOf(args, bastion)]).apply(([text, ssh]) => ({
    ...declarePublic(config),
    password: text,
    files: renderFiles(config, text),
    ssh,
  }));
  return pulumi.secret(declared);
}

function backUpServer(
  name: string,
  args: ReachArgs,
  link: ServerLink,
  options: pulumi.ComponentResourceOptions,
): void {
  const plan = backupPlan(args.config, link.node.name);
  if (plan === undefined) return;
  const { password } = args;
  new ServerBackup(
    `${name}-${link.node.name}`,
    { plan, connection: connectionOf(args, link), password, serverId: link.instanceId },
    options,
  );
}

/** The security group decides who may ask it. */
function monitorServer(
  name: string,
  args: ReachArgs,
  link: ServerLink,
  options: pulumi.ComponentResourceOptions,
): void {
  const { node, instanceId: serverId } = link;
  const listen = `${node.host}:${args.config.monitoring.exporterPort}`;
  const plan: ExporterPlan = { node: node.name, port: node.port, listen, from: [], source: "package" };
  const { password } = args;
  new ServerExporter(
    `${name}-${node.name}`,
    { plan, connection: connectionOf(args, link), password, serverId },
    options,
  );
}

function connectionOf(
  { config, sshPrivateKey }: ReachArgs,
  { node, user, bastion }: ServerLink,
): ServerConnection {
  return {
    host: node.host,
    user,
    ...pinned(config, node.name),
    ...(bastion === undefined ? {} : { bastion: { ...bastion, ...pinned(config, "bastion") } }),
    ...(sshPrivateKey === undefined ? {} : { privateKey: sshPrivateKey }),
  };
}

function provision(
  name: string,
  args: ReachArgs,
  link: ServerLink,
  options: pulumi.ComponentResourceOptions,
): pulumi.Resource {
  const { config } = args;
  const { node, instanceId } = link;
  const { redis } = config;
  const server = new ProvisionedServer(
    `${name}-${node.name}`,
    {
      plan: {
        cluster: config.name,
        node: node.name,
        version: config.redisVersion,
        install: config.aws.install,
        port: node.port,
        address: node.host,
        maxmemoryBytes: Number(redis.maxmemory ?? 0),
        persistent: redis.appendonly === "yes" || (redis.save ?? "") !== "",
        backup: config.backup !== undefined,
        volumeGib: config.aws.dataVolumeGib,
      },
      connection: connectionOf(args, link),
      archive: { source: config.redisSource, sha256: config.redisSourceSha256 },
      serverId: instanceId,
    },
    options,
  );
  return server.ready;
}

const SSH_PORT = 22;
