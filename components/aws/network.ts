/** The network of a cluster: a new one over the zones, or the user's own. */
import * as pulumi from "@pulumi/pulumi";
import type { AwsSettings } from "../../config";
import { loadAws } from "./sdk";
import { tagsOf } from "./tags";

export interface NetworkArgs {
  readonly clusterName: string;
  readonly settings: AwsSettings;
  /** The declared zones, once AWS has been asked: nothing is made where they are wrong. */
  readonly checkedZones: pulumi.Input<readonly string[]>;
}

/** A VPC with a private and a public subnet a zone, and the ways out; for an existing network nothing but its ids. */
export class AwsNetwork extends pulumi.ComponentResource {
  readonly vpcId: pulumi.Output<string>;
  /** Private subnets by full name of the zone. */
  readonly privateSubnetIds: Readonly<Record<string, pulumi.Output<string>>>;
  /** Where a bastion goes; absent where there is none. */
  readonly publicSubnetId: pulumi.Output<string> | undefined;

  constructor(
    private readonly name: string,
    private readonly args: NetworkArgs,
    options: pulumi.ComponentResourceOptions,
  ) {
    super("redis-cluster-kit:index:AwsNetwork", name, {}, options);
    const { settings } = args;
    if (settings.vpcId !== undefined) {
      this.vpcId = pulumi.output(settings.vpcId);
      this.privateSubnetIds = Object.fromEntries(
        settings.subnets.map(({ zone, id = "" }) => [zone, pulumi.output(id)]),
      );
      const publicId = settings.subnets[0]?.publicId;
      this.publicSubnetId = publicId === undefined ? undefined : pulumi.output(publicId);
    } else {
      const vpc = this.createVpc();
      const publicSubnets = this.createPublicSubnets(vpc);
      this.vpcId = vpc.id;
      this.privateSubnetIds = this.createPrivateSubnets(vpc, publicSubnets);
      this.publicSubnetId = publicSubnets[0];
    }
    this.registerOutputs({ vpcId: this.vpcId });
  }

  private get child(): pulumi.CustomResourceOptions {
    return { parent: this };
  }

  private tags(name: string): Record<string, string> {
    const { clusterName, settings } = this.args;
    return tagsOf({ clusterName, tags: settings.tags }, name);
  }

  private createVpc() {
    const { vpcCidr, allowDestroy } = this.args.settings;
    const { ec2 } = loadAws();
    const tags = this.tags(`${this.name}-vpc`);
    const vpc = new ec2.Vpc(
      `${this.name}-vpc`,
      // The zones are waited for, and the block is the declared one.
      {
        cidrBlock: pulumi.output(this.args.checkedZones).apply(() => vpcCidr),
        enableDnsHostnames: true,
        enableDnsSupport: true,
        tags,
      },
      // Not `false`: that would take away the protection that the cluster may have been given in its options.
      { ...this.child, ...(allowDestroy ? {} : { protect: true }) },
    );
    // The group that AWS makes by itself lets members talk to each other; closed, since nothing uses it (FSBP EC2.2).
    new ec2.DefaultSecurityGroup(
      `${this.name}-default`,
      { vpcId: vpc.id, tags: this.tags(`${this.name}-default-closed`) },
      this.child,
    );
    return vpc;
  }

  /**
   * Backups do not go through the NAT gateway: a gateway endpoint costs nothing. It is a route in the tables that are
   * associated with it, and leads nobody anywhere without.
   */
  private createStorageRoutes(
    vpc: { readonly id: pulumi.Output<string> },
    tables: ReadonlyMap<string, pulumi.Output<string>>,
  ): void {
    const { ec2 } = loadAws();
    const name = `${this.name}-s3`;
    const endpoint = new ec2.VpcEndpoint(
      name,
      {
        vpcId: vpc.id,
        serviceName: `com.amazonaws.${this.args.settings.region}.s3`,
        vpcEndpointType: "Gateway",
        tags: this.tags(name),
      },
      this.child,
    );
    for (const [zone, routeTableId] of tables)
      new ec2.VpcEndpointRouteTableAssociation(
        `${name}-${zone}`,
        { vpcEndpointId: endpoint.id, routeTableId },
        this.child,
      );
  }

  private createPublicSubnets(vpc: { readonly id: pulumi.Output<string> }) {
    const { ec2 } = loadAws();
    const gateway = new ec2.InternetGateway(
      `${this.name}-internet`,
      { vpcId: vpc.id, tags: this.tags(`${this.name}-internet`) },
      this.child,
    );
    const table = new ec2.RouteTable(
      `${this.name}-public`,
      { vpcId: vpc.id, tags: this.tags(`${this.name}-public`) },
      this.child,
    );
    const wayOut = new ec2.Route(
      `${this.name}-public-out`,
      { routeTableId: table.id, destinationCidrBlock: "0.0.0.0/0", gatewayId: gateway.id },
      this.child,
    );
    return this.args.settings.subnets.map(({ zone, publicCidr }) => {
      const name = `${this.name}-public-${zone}`;
      const subnet = new ec2.Subnet(
        name,
        {
          vpcId: vpc.id,
          availabilityZone: zone,
          cidrBlock: publicCidr,
          mapPublicIpOnLaunch: false,
          tags: this.tags(name),
        },
        this.child,
      );
      const joined = { subnetId: subnet.id, routeTableId: table.id };
      const association = new ec2.RouteTableAssociation(name, joined, this.child);
      // Public addresses and NAT gateways are refused by AWS before the way out is there.
      return pulumi.all([subnet.id, wayOut.id, association.id]).apply(([id]) => id);
    });
  }

  private createPrivateSubnets(
    vpc: { readonly id: pulumi.Output<string> },
    publicSubnets: readonly pulumi.Output<string>[],
  ): Record<string, pulumi.Output<string>> {
    const { ec2 } = loadAws();
    const { nat, subnets } = this.args.settings;
    const gateways = publicSubnets
      .slice(0, nat === "none" ? 0 : nat === "one" ? 1 : publicSubnets.length)
      .map((subnetId, index) => this.createNat(subnetId, subnets[index]?.zone ?? ""));
    const tables = new Map<string, pulumi.Output<string>>();
    const ids = Object.fromEntries(
      subnets.map(({ zone, cidr }, index) => {
        const name = `${this.name}-private-${zone}`;
        const tags = this.tags(name);
        const subnet = new ec2.Subnet(
          name,
          { vpcId: vpc.id, availabilityZone: zone, cidrBlock: cidr, mapPublicIpOnLaunch: false, tags },
          this.child,
        );
        const table = new ec2.RouteTable(name, { vpcId: vpc.id, tags }, this.child);
        tables.set(zone, table.id);
        new ec2.RouteTableAssociation(name, { subnetId: subnet.id, routeTableId: table.id }, this.child);
        const gateway = gateways[index] ?? gateways[0];
        if (gateway !== undefined)
          new ec2.Route(
            `${name}-out`,
            { routeTableId: table.id, destinationCidrBlock: "0.0.0.0/0", natGatewayId: gateway.id },
            this.child,
          );
        return [zone, subnet.id];
      }),
    );
    this.createStorageRoutes(vpc, tables);
    return ids;
  }

  private createNat(subnetId: pulumi.Output<string>, zone: string) {
    const { ec2 } = loadAws();
    const name = `${this.name}-nat-${zone}`;
    const address = new ec2.Eip(name, { domain: "vpc", tags: this.tags(name) }, this.child);
    return new ec2.NatGateway(
      name,
      { allocationId: address.allocationId, subnetId, tags: this.tags(name) },
      this.child,
    );
  }
}
