/** The functions that the kit calls: what AWS has. */
import * as sdk from "@aws-sdk/client-ec2";
import { type Bag, ec2, must, ROOT_DEVICE, text } from "./client";

type Filters = { name: string; values: string[] }[];

export async function lookUp(token: string, inputs: Bag): Promise<Bag> {
  switch (token) {
    case "aws:index/getAvailabilityZones:getAvailabilityZones":
      return zones();
    case "aws:ec2/getInstances:getInstances":
      return instances(inputs);
    case "aws:ec2/getInstance:getInstance":
      return instance(text(inputs, "instanceId"));
    case "aws:ec2/getInstanceType:getInstanceType":
      return instanceType(text(inputs, "instanceType"));
    case "aws:ec2/getSubnet:getSubnet":
      return subnet(text(inputs, "id"));
    case "aws:ec2/getRouteTables:getRouteTables":
      return routeTables(inputs);
    case "aws:ec2/getRouteTable:getRouteTable":
      return routeTable(text(inputs, "routeTableId"));
    case "aws:ec2/getNetworkInterfaces:getNetworkInterfaces":
      return networkInterfaces(inputs);
    case "aws:ec2/getNetworkInterface:getNetworkInterface":
      return networkInterface(text(inputs, "id"));
    case "aws:ec2/getAmi:getAmi":
      return image(inputs);
    default:
      throw new Error(`the stand-in does not know ${token}`);
  }
}

async function zones(): Promise<Bag> {
  const { AvailabilityZones = [] } = await ec2.send(new sdk.DescribeAvailabilityZonesCommand({}));
  return { id: "zones", names: AvailabilityZones.map((zone) => zone.ZoneName ?? "") };
}

async function instances({ instanceTags, instanceStateNames }: Bag): Promise<Bag> {
  const tags = Object.entries((instanceTags ?? {}) as Record<string, string>);
  const Filters = [
    ...tags.map(([key, value]) => ({ Name: `tag:${key}`, Values: [value] })),
    { Name: "instance-state-name", Values: instanceStateNames as string[] },
  ];
  const { Reservations = [] } = await ec2.send(new sdk.DescribeInstancesCommand({ Filters }));
  const ids = Reservations.flatMap(({ Instances = [] }) =>
    Instances.map(({ InstanceId }) => InstanceId ?? ""),
  );
  return { id: "instances", ids };
}

async function instance(id: string): Promise<Bag> {
  const { Reservations } = await ec2.send(new sdk.DescribeInstancesCommand({ InstanceIds: [id] }));
  const found = must(Reservations?.[0]?.Instances?.[0], `the server ${id}`);
  const { availabilityZone } = await subnet(
    must(found.NetworkInterfaces?.[0]?.SubnetId ?? found.SubnetId, "SubnetId"),
  );
  return {
    id,
    instanceId: id,
    ami: found.ImageId,
    instanceType: found.InstanceType,
    instanceState: found.State?.Name,
    privateIp: found.NetworkInterfaces?.[0]?.PrivateIpAddress ?? found.PrivateIpAddress,
    availabilityZone,
    tags: Object.fromEntries((found.Tags ?? []).map(({ Key, Value }) => [Key, Value])),
    ...(await blockDevices(found)),
  };
}

/** The root is the device that the launch asked for: moto's images have it by another name. */
async function blockDevices({ BlockDeviceMappings = [] }: sdk.Instance): Promise<Bag> {
  const VolumeIds = BlockDeviceMappings.flatMap(({ Ebs }) => Ebs?.VolumeId ?? []);
  const { Volumes = [] } = await ec2.send(new sdk.DescribeVolumesCommand({ VolumeIds }));
  const devices = BlockDeviceMappings.map(({ DeviceName, Ebs }) => ({
    deviceName: DeviceName,
    volumeId: Ebs?.VolumeId,
    volumeSize: Volumes.find(({ VolumeId }) => VolumeId === Ebs?.VolumeId)?.Size,
  }));
  const isRoot = ({ deviceName }: { deviceName: string | undefined }) => deviceName === ROOT_DEVICE;
  return {
    rootBlockDevices: devices.filter(isRoot),
    ebsBlockDevices: devices.filter((device) => !isRoot(device)),
  };
}

async function instanceType(name: string): Promise<Bag> {
  const asked = { InstanceTypes: [name as sdk._InstanceType] };
  const { InstanceTypes } = await ec2.send(new sdk.DescribeInstanceTypesCommand(asked));
  const found = must(InstanceTypes?.[0], `the instance type ${name}`);
  return {
    id: name,
    memorySize: found.MemoryInfo?.SizeInMiB,
    supportedArchitectures: found.ProcessorInfo?.SupportedArchitectures,
  };
}

async function subnet(id: string): Promise<Bag> {
  const { Subnets } = await ec2.send(new sdk.DescribeSubnetsCommand({ SubnetIds: [id] }));
  const found = must(Subnets?.[0], `the subnet ${id}`);
  return {
    id,
    vpcId: found.VpcId,
    availabilityZone: found.AvailabilityZone,
    cidrBlock: found.CidrBlock,
    mapPublicIpOnLaunch: found.MapPublicIpOnLaunch ?? false,
  };
}

function asFilters(filters: unknown): sdk.Filter[] {
  return (filters as Filters).map(({ name, values }) => ({ Name: name, Values: values }));
}

async function routeTables({ vpcId, filters }: Bag): Promise<Bag> {
  const Filters = [{ Name: "vpc-id", Values: [String(vpcId)] }, ...asFilters(filters)];
  const { RouteTables = [] } = await ec2.send(new sdk.DescribeRouteTablesCommand({ Filters }));
  return { id: "tables", ids: RouteTables.map(({ RouteTableId }) => RouteTableId) };
}

async function routeTable(id: string): Promise<Bag> {
  const { RouteTables } = await ec2.send(new sdk.DescribeRouteTablesCommand({ RouteTableIds: [id] }));
  const { Routes = [] } = must(RouteTables?.[0], `the route table ${id}`);
  // The real one has "" for what a route does not lead to.
  const routes = Routes.map((route) => ({
    cidrBlock: route.DestinationCidrBlock ?? "",
    gatewayId: route.GatewayId ?? "",
    natGatewayId: route.NatGatewayId ?? "",
  }));
  return { id, routes };
}

async function networkInterfaces({ filters }: Bag): Promise<Bag> {
  const { NetworkInterfaces = [] } = await ec2.send(
    new sdk.DescribeNetworkInterfacesCommand({ Filters: asFilters(filters) }),
  );
  return { id: "interfaces", ids: NetworkInterfaces.map(({ NetworkInterfaceId }) => NetworkInterfaceId) };
}

async function networkInterface(id: string): Promise<Bag> {
  const { NetworkInterfaces } = await ec2.send(
    new sdk.DescribeNetworkInterfacesCommand({ NetworkInterfaceIds: [id] }),
  );
  const { PrivateIpAddresses = [], TagSet = [] } = must(NetworkInterfaces?.[0], `the interface ${id}`);
  const tags = Object.fromEntries(TagSet.map(({ Key, Value }) => [Key, Value]));
  return { id, privateIps: PrivateIpAddresses.map(({ PrivateIpAddress }) => PrivateIpAddress), tags };
}

async function image({ filters, owners, includeDeprecated }: Bag): Promise<Bag> {
  const Filters = (filters as Filters).map(({ name, values }) => ({ Name: name, Values: values }));
  const Owners = owners as string[] | undefined;
  const { Images = [] } = await ec2.send(
    new sdk.DescribeImagesCommand({
      Filters,
      IncludeDeprecated: includeDeprecated === true,
      ...(Owners ? { Owners } : {}),
    }),
  );
  // The real one goes by the date of creation, which moto cannot load; Debian's names have it.
  const newest = [...Images].sort((one, other) => ((one.Name ?? "") < (other.Name ?? "") ? 1 : -1))[0];
  if (newest === undefined)
    throw new Error("Your query returned no results. Please change your search criteria and try again.");
  return { id: newest.ImageId, architecture: newest.Architecture };
}
