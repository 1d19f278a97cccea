/** Who may reach what: security groups whose rules are resources of their own, so that each can come and go by itself. */
import * as pulumi from "@pulumi/pulumi";
import type { AwsSettings } from "../../config";
import { loadAws } from "./sdk";
import { tagsOf } from "./tags";

export const REDIS_PORT = 6379;
export const BUS_PORT = 16_379;
const SSH_PORT = 22;

export interface SecurityArgs {
  readonly clusterName: string;
  readonly settings: AwsSettings;
  readonly vpcId: pulumi.Input<string>;
  readonly exporterPort: number;
}

interface Rule {
  /** Last part of the resource's name: what and whom it is about, so that a changed list moves no other rule. */
  readonly name: string;
  readonly port: number;
  readonly description: string;
  readonly from: { readonly cidr: string } | { readonly group: pulumi.Input<string> };
}

interface WayOut {
  readonly port: number;
  readonly description: string;
  readonly to: { readonly cidrIpv4: string } | { readonly referencedSecurityGroupId: pulumi.Input<string> };
}

/** Where packages are fetched. Names are asked of the network's own resolver, which no rule keeps anybody from. */
const WEB_PORTS = [80, 443];

function webRule(port: number, description: string): WayOut & { readonly name: string } {
  return { name: `web-${port}`, port, description, to: { cidrIpv4: "0.0.0.0/0" } };
}

export class AwsSecurity extends pulumi.ComponentResource {
  readonly nodesGroupId: pulumi.Output<string>;
  /** For whoever is to reach Redis: its members may, and nobody may reach them by it. */
  readonly clientsGroupId: pulumi.Output<string>;
  /** Absent where the servers are reached directly. */
  readonly bastionGroupId: pulumi.Output<string> | undefined;

  constructor(
    private readonly name: string,
    private readonly args: SecurityArgs,
    options: pulumi.ComponentResourceOptions,
  ) {
    super("redis-cluster-kit:index:AwsSecurity", name, {}, options);
    const { settings } = args;
    this.nodesGroupId = this.createGroup("nodes", "Redis nodes of");
    this.bastionGroupId =
      settings.access === "bastion" ? this.createGroup("bastion", "Way to the Redis nodes of") : undefined;
    this.clientsGroupId = this.createGroup("clients", "Clients of the Redis nodes of");
    this.allowAll(`${name}-nodes`, this.nodesGroupId, nodeRules(args, this.groups));
    this.allowOut();
    this.egress(`${name}-clients-out-redis`, this.clientsGroupId, {
      port: REDIS_PORT,
      description: "Redis nodes",
      to: { referencedSecurityGroupId: this.nodesGroupId },
    });
    if (this.bastionGroupId !== undefined) this.openBastion(this.bastionGroupId);
    this.registerOutputs({ nodesGroupId: this.nodesGroupId });
  }

  private get groups(): Groups {
    return { nodes: this.nodesGroupId, clients: this.clientsGroupId, bastion: this.bastionGroupId };
  }

  private createGroup(name: string, description: string): pulumi.Output<string> {
    const { clusterName, settings, vpcId } = this.args;
    const full = `${this.name}-${name}`;
    const group = new (loadAws().ec2.SecurityGroup)(
      full,
      {
        vpcId,
        description: `${description} ${clusterName}`,
        tags: tagsOf({ clusterName, tags: settings.tags }, full),
      },
      { parent: this },
    );
    return group.id;
  }

  private allowAll(prefix: string, securityGroupId: pulumi.Input<string>, rules: readonly Rule[]): void {
    const { clusterName, settings } = this.args;
    const { SecurityGroupIngressRule } = loadAws().vpc;
    for (const { name, port, description, from } of rules) {
      const full = `${prefix}-${name}`;
      const source = "cidr" in from ? { cidrIpv4: from.cidr } : { referencedSecurityGroupId: from.group };
      const tags = tagsOf({ clusterName, tags: settings.tags }, full);
      new SecurityGroupIngressRule(
        full,
        { securityGroupId, ipProtocol: "tcp", fromPort: port, toPort: port, description, ...source, tags },
        { parent: this },
      );
    }
  }

  /** Among the nodes, and to where packages and backups are: no rule opens everything (checkov CKV_AWS_382). */
  private allowOut(): void {
    const nodes = (name: string, port: number) =>
      ({
        name,
        port,
        description: "Among the nodes",
        to: { referencedSecurityGroupId: this.nodesGroupId },
      }) as const;
    const web = WEB_PORTS.map((port) => webRule(port, "Packages, AWS and backups"));
    for (const rule of [nodes("redis", REDIS_PORT), nodes("bus", BUS_PORT), ...web])
      this.egress(`${this.name}-nodes-out-${rule.name}`, this.nodesGroupId, rule);
  }

  private openBastion(bastion: pulumi.Output<string>): void {
    const rules = this.args.settings.sshCidrs.map((cidr) => ({
      name: `ssh-${cidr}`,
      port: SSH_PORT,
      description: "Way to the nodes",
      from: { cidr },
    }));
    this.allowAll(`${this.name}-bastion`, bastion, rules);
    this.egress(`${this.name}-bastion-out-ssh`, bastion, {
      port: SSH_PORT,
      description: "ssh to the nodes",
      to: { referencedSecurityGroupId: this.nodesGroupId },
    });
    for (const port of WEB_PORTS)
      this.egress(
        `${this.name}-bastion-out-web-${port}`,
        bastion,
        webRule(port, "Updates of its own packages"),
      );
  }

  private egress(name: string, securityGroupId: pulumi.Input<string>, rule: WayOut): void {
    const { clusterName, settings } = this.args;
    const { port, description, to } = rule;
    const tags = tagsOf({ clusterName, tags: settings.tags }, name);
    new (loadAws().vpc.SecurityGroupEgressRule)(
      name,
      { securityGroupId, ipProtocol: "tcp", fromPort: port, toPort: port, description, ...to, tags },
      { parent: this },
    );
  }
}

interface Groups {
  readonly nodes: pulumi.Input<string>;
  readonly clients: pulumi.Input<string>;
  readonly bastion: pulumi.Input<string> | undefined;
}

function nodeRules({ settings, exporterPort }: SecurityArgs, { nodes, clients, bastion }: Groups): Rule[] {
  const { clientSecurityGroups, clientCidrs, monitoringSecurityGroups } = settings;
  const redis = { port: REDIS_PORT, description: "Redis clients" };
  const exporter = { port: exporterPort, description: "Monitoring reads the exporters" };
  const ssh = { port: SSH_PORT, description: "Provisioning" };
  const direct = settings.sshCidrs.map((cidr) => ({ name: `ssh-${cidr}`, ...ssh, from: { cidr } }));
  return [
    { name: "redis-nodes", port: REDIS_PORT, description: "Among the nodes: data", from: { group: nodes } },
    {
      name: "bus-nodes",
      port: BUS_PORT,
      description: "Among the nodes: cluster bus",
      from: { group: nodes },
    },
    { name: "redis-clients", ...redis, from: { group: clients } },
    ...clientSecurityGroups.map((group) => ({ name: `redis-${group}`, ...redis, from: { group } })),
    ...clientCidrs.map((cidr) => ({ name: `redis-${cidr}`, ...redis, from: { cidr } })),
    ...monitoringSecurityGroups.map((group) => ({ name: `exporter-${group}`, ...exporter, from: { group } })),
    ...(bastion === undefined ? direct : [{ name: "ssh-bastion", ...ssh, from: { group: bastion } }]),
  ];
}
