/** What AWS knows of subnets that are the user's own: where they lie, where they lead, and which addresses are taken. */
import type * as pulumi from "@pulumi/pulumi";
import { loadAws } from "./sdk";
import { CLUSTER_TAG } from "./tags";

export interface AwsSubnetFacts {
  readonly id: string;
  readonly vpcId: string;
  readonly zone: string;
  readonly cidr: string;
  /** What its route for 0.0.0.0/0 leads to. */
  readonly wayOut: "internet gateway" | "something else" | "nothing";
  /** Of the asked addresses, those that somebody else has. */
  readonly taken: readonly string[];
}

export interface SubnetRequest {
  readonly id: string;
  /** The nodes' addresses in it. */
  readonly addresses: readonly string[];
}

export async function subnetFacts(
  { id, addresses }: SubnetRequest,
  clusterName: string,
  options: pulumi.InvokeOptions,
): Promise<AwsSubnetFacts> {
  const { vpcId, availabilityZone: zone, cidrBlock: cidr } = await loadAws().ec2.getSubnet({ id }, options);
  const [wayOut, taken] = await Promise.all([
    askWayOut(id, vpcId, options),
    askTaken(id, addresses, clusterName, options),
  ]);
  return { id, vpcId, zone, cidr, wayOut, taken };
}

/** A subnet without a route table of its own has its network's. */
async function askWayOut(
  subnetId: string,
  vpcId: string,
  options: pulumi.InvokeOptions,
): Promise<AwsSubnetFacts["wayOut"]> {
  const { ec2 } = loadAws();
  const tables = async (name: string, value: string) =>
    (await ec2.getRouteTables({ vpcId, filters: [{ name, values: [value] }] }, options)).ids;
  const own = await tables("association.subnet-id", subnetId);
  const [routeTableId] = own.length > 0 ? own : await tables("association.main", "true");
  if (routeTableId === undefined) return "nothing";
  const { routes } = await ec2.getRouteTable({ routeTableId }, options);
  const route = routes.find(({ cidrBlock }) => cidrBlock === "0.0.0.0/0");
  if (route === undefined) return "nothing";
  return route.gatewayId.startsWith("igw-") ? "internet gateway" : "something else";
}

/** An interface of a node of this cluster is where it should be. */
async function askTaken(
  subnetId: string,
  addresses: readonly string[],
  clusterName: string,
  options: pulumi.InvokeOptions,
): Promise<string[]> {
  if (addresses.length === 0) return [];
  const { ec2 } = loadAws();
  const filters = [
    { name: "subnet-id", values: [subnetId] },
    { name: "addresses.private-ip-address", values: [...addresses] },
  ];
  const { ids } = await ec2.getNetworkInterfaces({ filters }, options);
  const found = await Promise.all(ids.map((id) => ec2.getNetworkInterface({ id }, options)));
  return found
    .filter(({ tags }) => tags[CLUSTER_TAG] !== clusterName)
    .flatMap(({ privateIps }) => privateIps.filter((address) => addresses.includes(address)))
    .sort();
}
