/** All that a cluster needs in AWS: network, rules, role, bastion, and one server a node, replaced one after another. */
import * as pulumi from "@pulumi/pulumi";
import type { AwsConfig } from "../../config";
import { Handover, type HandoverArgs, Rejoin } from "../../provider/turn-resource";
import { SERVER_USER } from "../../templates/aws/user-data";
import { layOut, type PlannedNode } from "../../topology";
import { AwsBastion } from "./bastion";
import { monthlyEstimate } from "./cost";
import { type AwsFacts, askAws } from "./facts";
import { planServers, type RolloutPlan, type ServerPlan } from "./guard";
import { AwsNetwork } from "./network";
import { AwsRole } from "./role";
import { loadAws } from "./sdk";
import { AwsSecurity } from "./security";
import { AwsServer } from "./server";
import type { SubnetRequest } from "./subnet-facts";
import { tagsOf } from "./tags";

/** How one server is reached, for those who provision it. */
export interface ServerLink {
  readonly node: PlannedNode;
  readonly user: string;
  /** Another one means another machine at the same address. */
  readonly instanceId: pulumi.Output<string>;
  readonly bastion: { readonly host: pulumi.Output<string>; readonly user: string } | undefined;
}

/** What an application in AWS attaches to. */
export interface ClientAccess {
  /** Its members may reach Redis. */
  readonly clientSecurityGroupId: pulumi.Output<string>;
  readonly vpcId: pulumi.Output<string>;
  /** In the order of the zones. */
  readonly privateSubnetIds: pulumi.Output<string[]>;
}

export interface ServersArgs {
  readonly config: AwsConfig;
  /** The declaration for handovers. Called once, with the way in. */
  readonly declaration: (bastion: ServerLink["bastion"]) => HandoverArgs["declaration"];
  /** Brings a server to the state in which the engine can start Redis on it. */
  readonly provision: (link: ServerLink, options: pulumi.ComponentResourceOptions) => pulumi.Resource;
}

export class AwsServers extends pulumi.ComponentResource {
  readonly bastion: ServerLink["bastion"];
  readonly clients: ClientAccess;

  private readonly plan: pulumi.Output<RolloutPlan>;
  /** Whole: a server is provisioned over every part of it (routes, rules, the bastion's address), and fetches packages. */
  private readonly wayIn: readonly pulumi.Resource[];
  private readonly nodes: readonly PlannedNode[];

  constructor(
    private readonly name: string,
    private readonly args: ServersArgs,
    options: pulumi.ComponentResourceOptions,
  ) {
    super("redis-cluster-kit:index:AwsServers", name, {}, options);
    const { config } = args;
    this.nodes = layOut(config).nodes;
    void pulumi.log.info(monthlyEstimate(config.aws, this.nodes.length), this);
    this.plan = this.ask().apply((facts) => this.planWith(facts));
    const network = this.createNetwork();
    const security = this.createSecurity(network);
    const bastion = this.createBastion(network, security);
    this.bastion = bastion && { host: bastion.address, user: SERVER_USER };
    this.wayIn = [network, security, ...(bastion === undefined ? [] : [bastion])];
    this.clients = {
      clientSecurityGroupId: security.clientsGroupId,
      vpcId: network.vpcId,
      privateSubnetIds: pulumi.all(Object.values(network.privateSubnetIds)),
    };
    this.createServers(network, security);
    this.registerOutputs({});
  }

  private get source() {
    const { name: clusterName, aws: settings } = this.args.config;
    return { clusterName, settings };
  }

  private ask(): pulumi.Output<AwsFacts> {
    const { clusterName, settings } = this.source;
    const { ami, architecture, instanceType } = settings;
    const subnets = this.ownSubnets();
    const known = { clusterName, architecture, instanceType, subnets };
    const request = { ...known, ...(ami === undefined ? {} : { ami }) };
    return pulumi.output(askAws(request, { parent: this }));
  }

  private planWith(facts: AwsFacts): RolloutPlan {
    const { redis } = this.args.config;
    const maxmemoryBytes = Number(redis.maxmemory ?? 0);
    const { settings } = this.source;
    const plan = planServers({ nodes: this.nodes, settings, maxmemoryBytes }, facts);
    for (const warning of plan.warnings) void pulumi.log.warn(warning, this);
    return plan;
  }

  /** The user's, with the addresses that nodes will have in them. */
  private ownSubnets(): SubnetRequest[] {
    return this.args.config.aws.subnets.flatMap(({ id, publicId, zone }) => {
      const addresses = this.nodes.filter((node) => node.zone === zone).map(({ host }) => host);
      return [
        ...(id === undefined ? [] : [{ id, addresses }]),
        ...(publicId === undefined ? [] : [{ id: publicId, addresses: [] }]),
      ];
    });
  }

  private serverPlan(node: PlannedNode): pulumi.Output<ServerPlan> {
    return this.plan.apply(({ servers }) => {
      const plan = servers[node.name];
      if (plan === undefined) throw new Error(`no plan for the server of ${node.name}`);
      return plan;
    });
  }

  private createNetwork(): AwsNetwork {
    const checkedZones = this.plan.apply(() => this.args.config.zones);
    return new AwsNetwork(this.name, { ...this.source, checkedZones }, { parent: this });
  }

  private createSecurity({ vpcId }: AwsNetwork): AwsSecurity {
    const { exporterPort } = this.args.config.monitoring;
    return new AwsSecurity(this.name, { ...this.source, vpcId, exporterPort }, { parent: this });
  }

  private createBastion(network: AwsNetwork, security: AwsSecurity): AwsBastion | undefined {
    const [first] = this.nodes;
    const { bastionGroupId } = security;
    if (bastionGroupId === undefined || network.publicSubnetId === undefined || first === undefined)
      return undefined;
    const { ami } = this.serverPlan(first);
    const place = { subnetId: network.publicSubnetId, securityGroupId: bastionGroupId };
    const args = { ...this.source, ami, ...place, rules: security };
    return new AwsBastion(`${this.name}-bastion`, args, { parent: this });
  }

  /** A spread group holds seven servers a zone, and one at most on a rack. */
  private createPlacementGroup(): pulumi.Output<string> | undefined {
    const { clusterName, settings } = this.source;
    if (!settings.spreadPlacement) return undefined;
    const tags = tagsOf({ clusterName, tags: settings.tags }, this.name);
    const group = new (loadAws().ec2.PlacementGroup)(
      this.name,
      { strategy: "spread", tags },
      { parent: this },
    );
    return group.id;
  }

  /**
   * Servers that are there form a chain, so that whatever changes on them changes on one after another: the next one's
   * handover waits for the one before to be in sync. New ones wait for nobody. Replicas come before the preferred primary
   * of their shard: mostly that is one failover a shard, to a replica that has had its turn.
   */
  private createServers(network: AwsNetwork, security: AwsSecurity): void {
    const { backup } = this.args.config;
    const { instanceProfileName } = new AwsRole(
      this.name,
      { ...this.source, backupsTo: backup?.to },
      { parent: this },
    );
    const placementGroup = this.createPlacementGroup();
    const declaration = this.args.declaration(this.bastion);
    const inOrder = [...this.nodes].sort(
      (one, other) => one.shard - other.shard || other.member - one.member,
    );
    const done: { readonly node: PlannedNode; readonly rejoin: pulumi.Resource }[] = [];
    for (const node of inOrder) {
      const before = this.predecessor([...done]);
      const plan = this.serverPlan(node);
      const name = `${this.name}-${node.name}`;
      const earlier = done.map((each) => each.node.name);
      const handover = this.createHandover(node, earlier, { declaration, dependsOn: before });
      const server = new AwsServer(
        name,
        {
          ...this.source,
          node,
          ami: plan.ami,
          subnetId: network.privateSubnetIds[node.zone] ?? "",
          securityGroupId: security.nodesGroupId,
          instanceProfile: instanceProfileName,
          placementGroup,
          turnAfter: before.apply((resources) => [...resources, handover]),
        },
        { parent: this },
      );
      const link = { node, user: SERVER_USER, instanceId: server.instanceId, bastion: this.bastion };
      const provisioned = this.args.provision(link, this.onceReachable(server));
      const rolling = this.plan.apply(({ isRolling }) => isRolling);
      const rejoin = new Rejoin(
        name,
        { node: node.name, rolling, declaration },
        { parent: this, dependsOn: [provisioned, server.attachment] },
      );
      done.push({ node, rejoin });
    }
  }

  private onceReachable({ attachment }: AwsServer): pulumi.ComponentResourceOptions {
    return { parent: this, dependsOn: [...this.wayIn, attachment] };
  }

  private createHandover(
    node: PlannedNode,
    after: readonly string[],
    given: Pick<HandoverArgs, "declaration"> & { readonly dependsOn: pulumi.Output<pulumi.Resource[]> },
  ): Handover {
    const { turn, off, exists } = this.serverPlan(node);
    const { declaration, dependsOn } = given;
    return new Handover(
      `${this.name}-${node.name}`,
      { node: node.name, turn, off, exists, after, declaration },
      { parent: this, dependsOn },
    );
  }

  /**
   * Who is waited for: the last of those whose servers are there, and where servers are replaced simply the last, since an
   * interrupted run leaves one that is not there and must be back before the next one goes.
   */
  private predecessor(
    done: readonly { readonly node: PlannedNode; readonly rejoin: pulumi.Resource }[],
  ): pulumi.Output<pulumi.Resource[]> {
    return this.plan.apply(({ servers, isRolling }) => {
      const last = isRolling ? done.at(-1) : done.findLast(({ node }) => servers[node.name]?.exists);
      return last === undefined ? [] : [last.rejoin];
    });
  }
}
