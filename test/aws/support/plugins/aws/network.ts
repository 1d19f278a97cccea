/** Networks, addresses and security groups. */
import * as sdk from "@aws-sdk/client-ec2";
import { type Bag, ec2, type Kind, must, optional, tagged, text } from "./client";
import { tell } from "./machines";

const vpc: Kind = {
  forceNew: ["cidrBlock"],
  async create(inputs) {
    const { Vpc } = await ec2.send(
      new sdk.CreateVpcCommand({ CidrBlock: text(inputs, "cidrBlock"), ...tagged("vpc", inputs) }),
    );
    const id = must(Vpc?.VpcId, "VpcId");
    for (const attribute of ["EnableDnsSupport", "EnableDnsHostnames"] as const)
      await ec2.send(new sdk.ModifyVpcAttributeCommand({ VpcId: id, [attribute]: { Value: true } }));
    return { id };
  },
  delete: (id) => ec2.send(new sdk.DeleteVpcCommand({ VpcId: id })),
};

const subnet: Kind = {
  forceNew: ["vpcId", "cidrBlock", "availabilityZone"],
  async create(inputs) {
    const { Subnet } = await ec2.send(
      new sdk.CreateSubnetCommand({
        VpcId: text(inputs, "vpcId"),
        CidrBlock: text(inputs, "cidrBlock"),
        AvailabilityZone: text(inputs, "availabilityZone"),
        ...tagged("subnet", inputs),
      }),
    );
    return { id: must(Subnet?.SubnetId, "SubnetId") };
  },
  delete: (id) => ec2.send(new sdk.DeleteSubnetCommand({ SubnetId: id })),
};

const internetGateway: Kind = {
  forceNew: [],
  async create(inputs) {
    const answer = await ec2.send(new sdk.CreateInternetGatewayCommand(tagged("internet-gateway", inputs)));
    const id = must(answer.InternetGateway?.InternetGatewayId, "InternetGatewayId");
    await ec2.send(
      new sdk.AttachInternetGatewayCommand({ InternetGatewayId: id, VpcId: text(inputs, "vpcId") }),
    );
    return { id };
  },
  async delete(id, state) {
    await ec2.send(
      new sdk.DetachInternetGatewayCommand({ InternetGatewayId: id, VpcId: text(state, "vpcId") }),
    );
    await ec2.send(new sdk.DeleteInternetGatewayCommand({ InternetGatewayId: id }));
  },
};

const routeTable: Kind = {
  forceNew: ["vpcId"],
  async create(inputs) {
    const { RouteTable } = await ec2.send(
      new sdk.CreateRouteTableCommand({ VpcId: text(inputs, "vpcId"), ...tagged("route-table", inputs) }),
    );
    return { id: must(RouteTable?.RouteTableId, "RouteTableId") };
  },
  delete: (id) => ec2.send(new sdk.DeleteRouteTableCommand({ RouteTableId: id })),
};

const route: Kind = {
  forceNew: ["routeTableId", "destinationCidrBlock"],
  async create(inputs, name) {
    const target = {
      RouteTableId: text(inputs, "routeTableId"),
      DestinationCidrBlock: text(inputs, "destinationCidrBlock"),
      GatewayId: optional(inputs, "gatewayId"),
      NatGatewayId: optional(inputs, "natGatewayId"),
    };
    await ec2.send(new sdk.CreateRouteCommand(target));
    return { id: `r-${name}` };
  },
  delete: (_id, state) =>
    ec2.send(
      new sdk.DeleteRouteCommand({
        RouteTableId: text(state, "routeTableId"),
        DestinationCidrBlock: text(state, "destinationCidrBlock"),
      }),
    ),
};

const routeTableAssociation: Kind = {
  forceNew: ["subnetId"],
  async create(inputs) {
    const { AssociationId } = await ec2.send(
      new sdk.AssociateRouteTableCommand({
        RouteTableId: text(inputs, "routeTableId"),
        SubnetId: text(inputs, "subnetId"),
      }),
    );
    return { id: must(AssociationId, "AssociationId") };
  },
  delete: (id) => ec2.send(new sdk.DisassociateRouteTableCommand({ AssociationId: id })),
};

const eip: Kind = {
  forceNew: ["domain"],
  async create(inputs) {
    const { AllocationId, PublicIp } = await ec2.send(
      new sdk.AllocateAddressCommand({ Domain: "vpc", ...tagged("elastic-ip", inputs) }),
    );
    const id = must(AllocationId, "AllocationId");
    // moto makes addresses up that lead nowhere.
    const { publicIp = must(PublicIp, "PublicIp") } = await tell("allocate", { allocationId: id });
    return { id, allocationId: id, publicIp };
  },
  delete: (id) => ec2.send(new sdk.ReleaseAddressCommand({ AllocationId: id })),
};

const natGateway: Kind = {
  forceNew: ["allocationId", "subnetId"],
  async create(inputs) {
    const { NatGateway } = await ec2.send(
      new sdk.CreateNatGatewayCommand({
        AllocationId: text(inputs, "allocationId"),
        SubnetId: text(inputs, "subnetId"),
        ...tagged("natgateway", inputs),
      }),
    );
    return { id: must(NatGateway?.NatGatewayId, "NatGatewayId") };
  },
  delete: (id) => ec2.send(new sdk.DeleteNatGatewayCommand({ NatGatewayId: id })),
};

const eipAssociation: Kind = {
  forceNew: ["allocationId", "instanceId"],
  async create(inputs) {
    const allocationId = text(inputs, "allocationId");
    const instanceId = text(inputs, "instanceId");
    // In a VPC AWS takes an address away from another server by itself; moto must be told.
    const move = { AllowReassociation: true };
    const { AssociationId } = await ec2.send(
      new sdk.AssociateAddressCommand({ AllocationId: allocationId, InstanceId: instanceId, ...move }),
    );
    await tell("associate", { allocationId, instanceId });
    return { id: must(AssociationId, "AssociationId") };
  },
  async isThere(_id, state) {
    const { Addresses } = await ec2.send(
      new sdk.DescribeAddressesCommand({ AllocationIds: [text(state, "allocationId")] }),
    );
    return Addresses?.[0]?.InstanceId === state.instanceId;
  },
  async delete(id) {
    try {
      await ec2.send(new sdk.DisassociateAddressCommand({ AssociationId: id }));
    } catch (error) {
      // It went with its server, or with the address to another one.
      if (!(error instanceof Error) || error.name !== "InvalidAssociationID.NotFound") throw error;
    }
  },
};

const vpcEndpoint: Kind = {
  forceNew: ["vpcId", "serviceName", "vpcEndpointType"],
  async create(inputs) {
    const { VpcEndpoint } = await ec2.send(
      new sdk.CreateVpcEndpointCommand({
        VpcId: text(inputs, "vpcId"),
        ServiceName: text(inputs, "serviceName"),
        VpcEndpointType: "Gateway",
        ...tagged("vpc-endpoint", inputs),
      }),
    );
    return { id: must(VpcEndpoint?.VpcEndpointId, "VpcEndpointId") };
  },
  delete: (id) => ec2.send(new sdk.DeleteVpcEndpointsCommand({ VpcEndpointIds: [id] })),
};

/** A gateway endpoint leads only those who have it in their route table. */
const vpcEndpointRouteTableAssociation: Kind = {
  forceNew: ["routeTableId", "vpcEndpointId"],
  async create(inputs, name) {
    const table = { AddRouteTableIds: [text(inputs, "routeTableId")] };
    await ec2.send(
      new sdk.ModifyVpcEndpointCommand({ VpcEndpointId: text(inputs, "vpcEndpointId"), ...table }),
    );
    return { id: `a-${name}` };
  },
  delete: (_id, state) =>
    ec2.send(
      new sdk.ModifyVpcEndpointCommand({
        VpcEndpointId: text(state, "vpcEndpointId"),
        RemoveRouteTableIds: [text(state, "routeTableId")],
      }),
    ),
};

/** A new group lets everything out; the real provider takes that rule away. */
const securityGroup: Kind = {
  forceNew: ["description", "vpcId", "name"],
  async create(inputs, name) {
    const { GroupId } = await ec2.send(
      new sdk.CreateSecurityGroupCommand({
        GroupName: name,
        Description: text(inputs, "description"),
        VpcId: text(inputs, "vpcId"),
        ...tagged("security-group", inputs),
      }),
    );
    const id = must(GroupId, "GroupId");
    const IpPermissions = [{ IpProtocol: "-1", IpRanges: [{ CidrIp: "0.0.0.0/0" }] }];
    await ec2.send(new sdk.RevokeSecurityGroupEgressCommand({ GroupId: id, IpPermissions }));
    return { id };
  },
  delete: (id) => ec2.send(new sdk.DeleteSecurityGroupCommand({ GroupId: id })),
};

/** Takes over the group that AWS has made, and takes all of its rules away. Deleting leaves it as it is. */
const defaultSecurityGroup: Kind = {
  forceNew: ["vpcId"],
  async create(inputs) {
    const { SecurityGroups } = await ec2.send(
      new sdk.DescribeSecurityGroupsCommand({
        Filters: [
          { Name: "vpc-id", Values: [text(inputs, "vpcId")] },
          { Name: "group-name", Values: ["default"] },
        ],
      }),
    );
    const group = must(SecurityGroups?.[0], "the default group");
    const GroupId = must(group.GroupId, "GroupId");
    if (group.IpPermissions?.length)
      await ec2.send(
        new sdk.RevokeSecurityGroupIngressCommand({ GroupId, IpPermissions: group.IpPermissions }),
      );
    if (group.IpPermissionsEgress?.length)
      await ec2.send(
        new sdk.RevokeSecurityGroupEgressCommand({ GroupId, IpPermissions: group.IpPermissionsEgress }),
      );
    return { id: GroupId };
  },
  delete: async () => undefined,
};

function permission(inputs: Bag): sdk.IpPermission {
  const cidr = optional(inputs, "cidrIpv4");
  const group = optional(inputs, "referencedSecurityGroupId");
  const Description = optional(inputs, "description");
  return {
    IpProtocol: text(inputs, "ipProtocol"),
    FromPort: Number(inputs.fromPort),
    ToPort: Number(inputs.toPort),
    ...(cidr === undefined ? {} : { IpRanges: [{ CidrIp: cidr, Description }] }),
    ...(group === undefined ? {} : { UserIdGroupPairs: [{ GroupId: group, Description }] }),
  };
}

/** A rule's other fields can change in place; the stand-in does not follow that. */
function rule(direction: "Ingress" | "Egress"): Kind {
  const isIn = direction === "Ingress";
  return {
    forceNew: ["securityGroupId"],
    async create(inputs) {
      const request = {
        GroupId: text(inputs, "securityGroupId"),
        IpPermissions: [permission(inputs)],
        ...tagged("security-group-rule", inputs),
      };
      const { SecurityGroupRules } = await (isIn
        ? ec2.send(new sdk.AuthorizeSecurityGroupIngressCommand(request))
        : ec2.send(new sdk.AuthorizeSecurityGroupEgressCommand(request)));
      await tell("rules", {});
      return { id: must(SecurityGroupRules?.[0]?.SecurityGroupRuleId, "SecurityGroupRuleId") };
    },
    async delete(id, state) {
      const request = { GroupId: text(state, "securityGroupId"), SecurityGroupRuleIds: [id] };
      await (isIn
        ? ec2.send(new sdk.RevokeSecurityGroupIngressCommand(request))
        : ec2.send(new sdk.RevokeSecurityGroupEgressCommand(request)));
      await tell("rules", {});
    },
  };
}

export const NETWORK: Readonly<Record<string, Kind>> = {
  "aws:ec2/vpc:Vpc": vpc,
  "aws:ec2/subnet:Subnet": subnet,
  "aws:ec2/internetGateway:InternetGateway": internetGateway,
  "aws:ec2/routeTable:RouteTable": routeTable,
  "aws:ec2/route:Route": route,
  "aws:ec2/routeTableAssociation:RouteTableAssociation": routeTableAssociation,
  "aws:ec2/eip:Eip": eip,
  "aws:ec2/natGateway:NatGateway": natGateway,
  "aws:ec2/eipAssociation:EipAssociation": eipAssociation,
  "aws:ec2/vpcEndpoint:VpcEndpoint": vpcEndpoint,
  "aws:ec2/vpcEndpointRouteTableAssociation:VpcEndpointRouteTableAssociation":
    vpcEndpointRouteTableAssociation,
  "aws:ec2/securityGroup:SecurityGroup": securityGroup,
  "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": defaultSecurityGroup,
  "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": rule("Ingress"),
  "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": rule("Egress"),
};
