/** The prod stack with servers that boot: moto as AWS, the lab as its data centre, everything of the kit's own as it is. */
import { connect } from "node:net";
import { join } from "node:path";
import * as sdk from "@aws-sdk/client-ec2";
import { AwsStack, startAws } from "../../aws/support/stack";
import { ROOT } from "../../program/support/stack";
import { type RedisLine, redisBinaries } from "../../support/redis-binaries";
import { type Lab, startLab } from "./lab";
import { Machines } from "./machines";
import { commandPlugin, packRedis } from "./server-stack";

/** Offsets of the nodes' addresses in the lab's /24, in the order in which servers have their turn. */
export const PLACES = {
  "shard-1-b": 64 + 11,
  "shard-1-a": 10,
  "shard-2-b": 128 + 17,
  "shard-2-a": 64 + 16,
  "shard-3-b": 23,
  "shard-3-a": 128 + 22,
} as const;
export type NodeName = keyof typeof PLACES;
export const NODES = Object.keys(PLACES) as NodeName[];

const LINE: RedisLine = "5.0";

export class AwsLab {
  /** Nodes that did not answer at the moment in which AWS stopped a server, by that server. */
  readonly stops: { readonly node: string; readonly down: readonly string[] }[] = [];

  private constructor(
    readonly lab: Lab,
    readonly machines: Machines,
    readonly stack: AwsStack,
  ) {}

  /** An empty data centre and a configured stack. The caller must call `end`. */
  static async create(): Promise<AwsLab> {
    const lab = await startLab({ hosts: 0 });
    const moto = await startAws();
    let found: AwsLab | undefined;
    const machines = await Machines.start(lab, moto, async (address) => found?.look(address));
    const { version } = await redisBinaries(LINE);
    const archive = join(lab.folder, "redis.tar.gz");
    await packRedis(await redisBinaries(LINE), archive);
    const stack = await AwsStack.create(
      {
        ...(await network(machines.ec2, lab.network.prefix)),
        redisVersion: version,
        redisSource: archive,
        "redis.maxmemory": "64mb",
        "aws.dataVolumeGib": "1",
        "aws.install": "archive",
        "aws.sshPublicKey": lab.publicKey,
        // This machine, where Pulumi runs and a client is.
        "aws.sshCidrs[0]": `${lab.network.prefix}.1/32`,
        "aws.clientCidrs[0]": `${lab.network.prefix}.1/32`,
      },
      {
        moto,
        env: machines.env,
        plugins: { command: commandPlugin(), "redis-cluster-kit": join(ROOT, "bin") },
        secrets: { sshPrivateKey: lab.privateKey },
      },
    );
    found = new AwsLab(lab, machines, stack);
    return found;
  }

  address(node: NodeName): string {
    return `${this.lab.network.prefix}.${PLACES[node]}`;
  }

  /** The server that has a node's address now. */
  async instanceOf(node: NodeName): Promise<string> {
    const Filters = [
      { Name: "tag:redis-cluster-kit:node", Values: [node] },
      { Name: "instance-state-name", Values: ["running"] },
    ];
    const { Reservations } = await this.machines.ec2.send(new sdk.DescribeInstancesCommand({ Filters }));
    return Reservations?.[0]?.Instances?.[0]?.InstanceId ?? "";
  }

  /** Hardware dies, and AWS ends the server behind everybody's back. Its id. */
  async loseServer(node: NodeName): Promise<string> {
    const id = await this.instanceOf(node);
    await this.machines.lose(id);
    return id;
  }

  /** Another network interface at a node's address. */
  async takeAddress(node: NodeName): Promise<{ release(): Promise<void> }> {
    const { ec2 } = this.machines;
    const zone = `${this.lab.network.prefix}.${PLACES[node] - (PLACES[node] % 64)}/26`;
    const Filters = [{ Name: "cidr-block", Values: [zone] }];
    const { Subnets } = await ec2.send(new sdk.DescribeSubnetsCommand({ Filters }));
    const place = { SubnetId: Subnets?.[0]?.SubnetId ?? "", PrivateIpAddress: this.address(node) };
    const { NetworkInterface } = await ec2.send(new sdk.CreateNetworkInterfaceCommand(place));
    const NetworkInterfaceId = NetworkInterface?.NetworkInterfaceId ?? "";
    const release = async () => {
      await ec2.send(new sdk.DeleteNetworkInterfaceCommand({ NetworkInterfaceId }));
    };
    return { release };
  }

  private async look(address: string): Promise<void> {
    const node = NODES.find((name) => this.address(name) === address);
    if (node === undefined) return;
    const answers = await Promise.all(NODES.map((name) => opens(this.address(name))));
    this.stops.push({ node, down: NODES.filter((_, index) => answers[index] !== true) });
  }

  /** A shell script on a node's server, as root and not by way of ssh. */
  sh(node: NodeName, script: string): Promise<string> {
    return this.lab.sh(this.machines.at(this.address(node)).host, script);
  }

  /** Host keys as the servers' consoles show them, by node and "bastion". */
  async hostKeys(): Promise<Record<string, string>> {
    const nodes = await Promise.all(
      NODES.map(async (node) => [node, await this.sh(node, PUBLIC_KEY)] as const),
    );
    const [gate] = this.machines.addresses.filter(
      (address) => !NODES.some((node) => this.address(node) === address),
    );
    const bastion = await this.lab.sh(this.machines.at(gate ?? "").host, PUBLIC_KEY);
    return Object.fromEntries(
      [...nodes, ["bastion", bastion] as const].map(([name, key]) => [name, key.trim()]),
    );
  }

  async end(): Promise<void> {
    await this.stack.end();
    await this.machines.end();
    await this.lab.stop();
  }
}

const PUBLIC_KEY = "cut -d ' ' -f 1,2 /etc/ssh/ssh_host_ed25519_key.pub";

/** Whether Redis takes a connection there. */
export function opens(host: string, port = 6379): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: 2_000 });
    const end = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.once("connect", () => end(true));
    socket.once("timeout", () => end(false));
    socket.once("error", () => end(false));
  });
}

/** Somebody's own VPC over the lab's /24: a private subnet a zone, and a public one. */
async function network(ec2: sdk.EC2Client, prefix: string): Promise<Record<string, string>> {
  const { Vpc } = await ec2.send(new sdk.CreateVpcCommand({ CidrBlock: `${prefix}.0/24` }));
  const vpcId = Vpc?.VpcId ?? "";
  const subnet = async (zone: string, first: number) => {
    const cidr = `${prefix}.${first}/26`;
    const request = { VpcId: vpcId, CidrBlock: cidr, AvailabilityZone: `eu-central-1${zone}` };
    const { Subnet } = await ec2.send(new sdk.CreateSubnetCommand(request));
    return { id: Subnet?.SubnetId ?? "", cidr };
  };
  const open = await subnet("a", 192);
  const { InternetGateway } = await ec2.send(new sdk.CreateInternetGatewayCommand({}));
  const GatewayId = InternetGateway?.InternetGatewayId ?? "";
  await ec2.send(new sdk.AttachInternetGatewayCommand({ InternetGatewayId: GatewayId, VpcId: vpcId }));
  const { RouteTable } = await ec2.send(new sdk.CreateRouteTableCommand({ VpcId: vpcId }));
  const RouteTableId = RouteTable?.RouteTableId ?? "";
  await ec2.send(new sdk.AssociateRouteTableCommand({ RouteTableId, SubnetId: open.id }));
  const out = { DestinationCidrBlock: "0.0.0.0/0" };
  await ec2.send(new sdk.CreateRouteCommand({ ...out, RouteTableId, GatewayId }));
  await leadOut(ec2, vpcId, open.id);
  const keys: Record<string, string> = { "aws.vpcId": vpcId };
  for (const [zone, first] of [
    ["a", 0],
    ["b", 64],
    ["c", 128],
  ] as const) {
    const { id, cidr } = await subnet(zone, first);
    keys[`aws.subnets.${zone}.id`] = id;
    keys[`aws.subnets.${zone}.cidr`] = cidr;
  }
  return { ...keys, "aws.subnets.a.publicId": open.id };
}

/** The main route table, which private subnets have, leads to a NAT gateway. */
async function leadOut(ec2: sdk.EC2Client, vpcId: string, SubnetId: string): Promise<void> {
  const { AllocationId } = await ec2.send(new sdk.AllocateAddressCommand({ Domain: "vpc" }));
  const { NatGateway } = await ec2.send(new sdk.CreateNatGatewayCommand({ AllocationId, SubnetId }));
  const Filters = [
    { Name: "vpc-id", Values: [vpcId] },
    { Name: "association.main", Values: ["true"] },
  ];
  const { RouteTables } = await ec2.send(new sdk.DescribeRouteTablesCommand({ Filters }));
  const RouteTableId = RouteTables?.[0]?.RouteTableId ?? "";
  await ec2.send(
    new sdk.CreateRouteCommand({
      RouteTableId,
      DestinationCidrBlock: "0.0.0.0/0",
      NatGatewayId: NatGateway?.NatGatewayId ?? "",
    }),
  );
}
