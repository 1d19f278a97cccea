/**
 * The prod stack's servers through their life, on the real Pulumi engine, against moto as AWS. Plugins are stand-ins: that of
 * AWS makes real calls, those of provisioning and of the cluster itself only keep a log (turn.test.ts has real Redis for
 * them). The steps build on each other, in order.
 */

import * as sdk from "@aws-sdk/client-ec2";
import { DescribeImagesCommand, EC2Client } from "@aws-sdk/client-ec2";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { indexOf, overlapping, turnOf, turns } from "./support/calls";
import { discover } from "./support/discovery";
import type { Entry } from "./support/plugins/call-log";
import { dataVolumeOf, NODE_TAG, rulesIn, serversIn, tagOf } from "./support/seen";
import { AwsStack, NEWEST_IMAGE, OLD_IMAGE, X86_IMAGE } from "./support/stack";

const ORDER = ["shard-1-b", "shard-1-a", "shard-2-b", "shard-2-a", "shard-3-b", "shard-3-a"];

describe("servers in AWS (moto), provisioning and cluster as stand-ins", () => {
  let stack: AwsStack;
  let ec2: EC2Client;
  /** Of the `up` that makes everything. */
  let first: readonly Entry[] = [];

  beforeAll(async () => {
    stack = await AwsStack.create();
    ec2 = new EC2Client({
      endpoint: stack.moto.url,
      region: "eu-central-1",
      credentials: { accessKeyId: "test", secretAccessKey: "test" },
    });
  });
  afterAll(async () => {
    ec2?.destroy();
    await stack?.end();
  });

  const servers = (role = "node") => serversIn(ec2, role);
  const byNode = async () =>
    new Map((await servers()).map((server) => [tagOf(server.Tags, NODE_TAG), server] as const));

  test("up makes six closed servers over three zones, each with its address and its encrypted volume", async () => {
    const { output, calls } = await stack.up();
    first = calls;
    expect(output).toMatch(/Estimate: about \d+ USD a month in eu-central-1/);
    const made = await byNode();
    expect([...made.keys()].sort()).toEqual([...ORDER].sort());
    for (const server of made.values()) {
      expect(server.ImageId).toBe(NEWEST_IMAGE);
      expect(server.PublicIpAddress).toBeUndefined();
      expect(server.MetadataOptions).toMatchObject({ HttpTokens: "required" });
      expect(server.BlockDeviceMappings?.length).toBe(2);
    }
    const { Volumes = [] } = await ec2.send(new sdk.DescribeVolumesCommand({}));
    expect(Volumes.every((volume) => volume.Encrypted)).toBe(true);
    const { NetworkInterfaces = [] } = await ec2.send(new sdk.DescribeNetworkInterfacesCommand({}));
    const addresses = NetworkInterfaces.filter((each) => tagOf(each.TagSet, NODE_TAG) !== "").map(
      (each) => `${tagOf(each.TagSet, NODE_TAG)} ${each.PrivateIpAddress} ${each.AvailabilityZone}`,
    );
    expect(addresses.sort()).toEqual([
      "shard-1-a 10.60.0.10 eu-central-1a",
      "shard-1-b 10.60.16.11 eu-central-1b",
      "shard-2-a 10.60.16.16 eu-central-1b",
      "shard-2-b 10.60.32.17 eu-central-1c",
      "shard-3-a 10.60.32.22 eu-central-1c",
      "shard-3-b 10.60.0.23 eu-central-1a",
    ]);
  });

  test("nothing was fetched before the whole network was there: routes, NAT, addresses, rules", async () => {
    const ways =
      /^(Route|RouteTableAssociation|NatGateway|EipAssociation|SecurityGroup(In|E)gressRule|VpcEndpoint)/;
    const network = first.filter(({ moment, type }) => moment === "end" && ways.test(type));
    expect(network.length).toBeGreaterThan(30);
    const ready = Math.max(...network.map((call) => first.indexOf(call)));
    const provisioned = ORDER.map((node) =>
      indexOf(first, "begin", "create", "Command", `redis-${node}-check`),
    );
    expect(Math.min(...provisioned)).toBeGreaterThan(ready);
    // The bastion fetches packages at its first boot.
    const rules = first.filter(
      ({ type, name }) => type === "SecurityGroupEgressRule" && /bastion/.test(name),
    );
    const bastion = indexOf(first, "begin", "create", "Instance", "redis-bastion");
    expect(Math.max(...rules.map((call) => first.indexOf(call)))).toBeLessThan(bastion);
  });

  test("describe-security-group-rules: only the intended ports, only to the intended sources", async () => {
    const rules = await rulesIn(ec2, (await servers())[0]?.VpcId ?? "");
    expect(rules).toEqual([
      "redis-bastion 22 -> redis-nodes",
      "redis-bastion 22 <- 203.0.113.7/32",
      "redis-bastion 443 -> 0.0.0.0/0",
      "redis-bastion 80 -> 0.0.0.0/0",
      "redis-clients 6379 -> redis-nodes",
      "redis-nodes 16379 -> redis-nodes",
      "redis-nodes 16379 <- redis-nodes",
      "redis-nodes 22 <- redis-bastion",
      "redis-nodes 443 -> 0.0.0.0/0",
      "redis-nodes 6379 -> redis-nodes",
      "redis-nodes 6379 <- 10.1.0.0/16",
      "redis-nodes 6379 <- redis-clients",
      "redis-nodes 6379 <- redis-nodes",
      "redis-nodes 80 -> 0.0.0.0/0",
    ]);
  });

  test("describe-vpc-endpoints: S3 is reached from the private subnets' route tables, not through the NAT gateway", async () => {
    const [server] = await servers();
    const { VpcEndpoints = [] } = await ec2.send(new sdk.DescribeVpcEndpointsCommand({}));
    expect(VpcEndpoints.map(({ ServiceName, VpcId }) => [ServiceName, VpcId])).toEqual([
      ["com.amazonaws.eu-central-1.s3", server?.VpcId],
    ]);
    const RouteTableIds = VpcEndpoints[0]?.RouteTableIds ?? [];
    const { RouteTables = [] } = await ec2.send(new sdk.DescribeRouteTablesCommand({ RouteTableIds }));
    expect(RouteTables.map(({ Tags }) => tagOf(Tags, "Name")).sort()).toEqual(
      ["a", "b", "c"].map((zone) => `redis-private-eu-central-1${zone}`),
    );
  });

  test("the stack's outputs have what an application attaches to", async () => {
    const network = JSON.parse(await stack.must("stack", "output", "--json", "network")) as Record<
      string,
      unknown
    >;
    const { SecurityGroups = [] } = await ec2.send(new sdk.DescribeSecurityGroupsCommand({}));
    const clients = SecurityGroups.find(({ GroupName }) => GroupName === "redis-clients");
    const { Subnets = [] } = await ec2.send(new sdk.DescribeSubnetsCommand({}));
    const zoneOf = (id: unknown) => Subnets.find(({ SubnetId }) => SubnetId === id)?.AvailabilityZone;
    expect(network).toMatchObject({ clientSecurityGroupId: clients?.GroupId, vpcId: clients?.VpcId });
    expect([network.privateSubnetIds].flat().map(zoneOf)).toEqual(
      ["a", "b", "c"].map((zone) => `eu-central-1${zone}`),
    );
  });

  test("Prometheus finds the nodes by their tags, with the labels of dashboard and alerts, and no bastion", async () => {
    const made = await byNode();
    const cluster = tagOf(made.get("shard-1-a")?.Tags, "redis-cluster-kit:cluster");
    expect(await servers("bastion")).toHaveLength(1);
    const expected = [...made].map(([node, server]) => ({
      instance: `${server.PrivateIpAddress}:9121`,
      // moto says the region's first zone of every server.
      labels: { cluster, node, shard: node.split("-")[1], zone: server.Placement?.AvailabilityZone },
    }));
    expect(await discover(cluster, stack.moto, ORDER.length)).toEqual(
      expected.sort((one, other) => (one.instance < other.instance ? -1 : 1)),
    );
  });

  test("a second up changes nothing", async () => {
    const { output, calls } = await stack.up();
    expect(output).toMatch(/Resources:\s+\d+ unchanged/);
    expect(calls).toEqual([]);
  });

  test("nor does one after a refresh: AWS tells the bastion's address as one that it was launched with", async () => {
    const [bastion] = await servers("bastion");
    expect(bastion?.PublicIpAddress).toBeDefined();
    const { calls } = await stack.up("--refresh");
    expect(calls).toEqual([]);
    expect((await servers("bastion"))[0]?.InstanceId).toBe(bastion?.InstanceId);
  });

  test("other tags change in place: no server, address or volume is replaced, and none has a turn", async () => {
    const before = await byNode();
    await stack.set("aws.tags.team", "platform");
    const { calls } = await stack.up();
    expect(new Set(calls.map(({ what }) => what))).toEqual(new Set(["update"]));
    expect(calls.filter(({ type }) => ["Handover", "Rejoin", "Command"].includes(type))).toEqual([]);
    for (const [node, server] of await byNode()) {
      expect(server.InstanceId).toBe(before.get(node)?.InstanceId);
      expect(tagOf(server.Tags, "team")).toBe("platform");
    }
    const { Volumes = [] } = await ec2.send(new sdk.DescribeVolumesCommand({}));
    expect(Volumes.map(({ Tags }) => tagOf(Tags, "team"))).toEqual(Volumes.map(() => "platform"));
    await stack.must("config", "rm", "--path", "aws.tags.team");
    await stack.up();
    for (const server of (await byNode()).values()) expect(tagOf(server.Tags, "team")).toBe("");
  });

  test("a bastion, and a server with its volume, that are gone: up --refresh makes them again at their addresses", async () => {
    const [bastion] = await servers("bastion");
    const lost = (await byNode()).get("shard-2-b");
    const InstanceId = lost?.InstanceId ?? "";
    const VolumeId = dataVolumeOf(lost);
    await ec2.send(
      new sdk.ModifyInstanceAttributeCommand({ InstanceId, DisableApiTermination: { Value: false } }),
    );
    await ec2.send(new sdk.DetachVolumeCommand({ InstanceId, VolumeId }));
    await ec2.send(new sdk.DeleteVolumeCommand({ VolumeId }));
    await ec2.send(
      new sdk.TerminateInstancesCommand({ InstanceIds: [InstanceId, bastion?.InstanceId ?? ""] }),
    );
    const { calls } = await stack.up("--refresh");
    const instances = calls.filter(({ type, moment }) => type === "Instance" && moment === "end");
    expect(instances.map(({ what, name }) => `${what} ${name}`).sort()).toEqual([
      "create redis-bastion",
      "create redis-shard-2-b",
    ]);
    expect((await servers("bastion"))[0]?.PublicIpAddress).toBe(bastion?.PublicIpAddress);
    const made = (await byNode()).get("shard-2-b");
    expect(made?.NetworkInterfaces?.[0]?.PrivateIpAddress).toBe("10.60.32.17");
    // It looks for the volume that it has, by its id.
    const asked = { InstanceId: made?.InstanceId ?? "", Attribute: "userData" } as const;
    const { UserData } = await ec2.send(new sdk.DescribeInstanceAttributeCommand(asked));
    expect(dataVolumeOf(made)).not.toBe(VolumeId);
    expect(Buffer.from(UserData?.Value ?? "", "base64").toString()).toContain(
      `volume=${dataVolumeOf(made).replace("-", "")}\n`,
    );
    expect((await stack.up()).calls).toEqual([]);
  });

  test.each([
    [
      "another zone under servers that are there",
      "zones",
      '["a", "b", "f"]',
      /zone eu-central-1\w -> eu-central-1f[\s\S]*no change while the cluster exists/,
    ],
    [
      "an image of another architecture",
      "aws.ami",
      X86_IMAGE,
      /is for x86_64[\s\S]*arm64, the architecture of r7g.large/,
    ],
    [
      "an image that there is not",
      "aws.ami",
      "ami-0123456789abcdef0",
      /aws\.ami: ami-0123456789abcdef0: AWS does not know it[\s\S]*describe-images/,
    ],
    [
      "an instance type that there is not",
      "aws.instanceType",
      "x9q.large",
      /aws\.instanceType: x9q\.large: AWS does not know it[\s\S]*describe-instance-type-offerings/,
    ],
    [
      "a type that is not in the table and too small for maxmemory",
      "aws.instanceType",
      "c6g.large",
      /redis\.maxmemory: 8\.0 GiB[\s\S]*at most 3\.4 GiB on c6g\.large, which has 4 GiB/,
    ],
    [
      "another network under the servers",
      "aws.vpcCidr",
      "10.61.0.0/16",
      /shard-1-a: address 10.60.0.10 -> 10.61.0.10[\s\S]*both members of each shard/,
    ],
    [
      "a smaller volume",
      "aws.dataVolumeGib",
      "40",
      /aws.dataVolumeGib: 40 GiB, and shard-1-a, [\s\S]*have 50 GiB[\s\S]*cannot make a volume smaller/,
    ],
  ])("preview refuses %s", async (_, key, value, expected) => {
    await stack.must("config", "set", ...(key === "zones" ? [] : ["--path"]), key, value);
    const preview = await stack.pulumi("preview");
    await stack.must("config", "rm", "--path", key);
    expect(preview.code).not.toBe(0);
    expect(preview.output).toMatch(expected);
  });

  test("another image for all six in one up: one server at a time, each handed over before and in sync after", async () => {
    expect((await ec2.send(new DescribeImagesCommand({ ImageIds: [OLD_IMAGE] }))).Images).toHaveLength(1);
    const before = await byNode();
    await stack.set("aws.ami", OLD_IMAGE);
    const { calls } = await stack.up();
    for (const [node, server] of await byNode()) {
      expect(server.ImageId).toBe(OLD_IMAGE);
      expect(server.InstanceId).not.toBe(before.get(node)?.InstanceId);
      expect(server.NetworkInterfaces?.[0]?.NetworkInterfaceId).toBe(
        before.get(node)?.NetworkInterfaces?.[0]?.NetworkInterfaceId,
      );
    }
    expect(turns(calls)).toEqual(ORDER.flatMap(turnOf));
    expect(overlapping(calls)).toEqual([]);
    const { calls: again } = await stack.up();
    expect(again).toEqual([]);
  });

  test("another instance type: servers stop and start with it, one at a time, each handed over before", async () => {
    const before = await byNode();
    await stack.set("aws.instanceType", "r7g.xlarge");
    const { calls } = await stack.up();
    for (const [node, server] of await byNode()) {
      expect(server.InstanceType).toBe("r7g.xlarge");
      expect(server.InstanceId).toBe(before.get(node)?.InstanceId);
    }
    const step = (node: string) =>
      ["Handover", "Instance", "Rejoin"].map((type) => `update ${type} redis-${node}`);
    expect(turns(calls)).toEqual(ORDER.flatMap(step));
    expect(overlapping(calls)).toEqual([]);
  });

  test("without credentials the preview says what to give, and changes nothing", async () => {
    stack.env.AWS_ACCESS_KEY_ID = "";
    const { code, output, calls } = await stack.attempt("preview");
    delete stack.env.AWS_ACCESS_KEY_ID;
    expect(code).not.toBe(0);
    expect(output).toMatch(/AWS could not be asked: [^\n]*[\s\S]*give Pulumi credentials \(AWS_PROFILE/);
    expect(calls).toEqual([]);
  });

  test("a shard more: new servers side by side, nobody who was there is touched", async () => {
    const before = await byNode();
    await stack.set("shards", "4");
    const { calls } = await stack.up();
    const after = await byNode();
    expect([...after.keys()].filter((node) => !before.has(node)).sort()).toEqual(["shard-4-a", "shard-4-b"]);
    for (const [node, server] of before) expect(after.get(node)?.InstanceId).toBe(server.InstanceId);
    // The declared image, not a newer one.
    expect(after.get("shard-4-a")?.ImageId).toBe(OLD_IMAGE);
    const touched = calls.filter(({ name, type }) => /shard-[123]/.test(name) && type !== "Command");
    expect(touched).toEqual([]);
    const formed = indexOf(calls, "begin", "update", "Topology", "redis");
    const ready = ["shard-4-a", "shard-4-b"].map((node) =>
      indexOf(calls, "end", "create", "Rejoin", `redis-${node}`),
    );
    expect(Math.min(...ready)).toBeGreaterThan(-1);
    expect(Math.max(...ready)).toBeLessThan(formed);
  });

  test("a shard fewer: the cluster lets go of it first; its data volumes stay in AWS", async () => {
    await stack.set("shards", "3");
    const { calls } = await stack.up();
    expect((await byNode()).size).toBe(6);
    const drained = indexOf(calls, "end", "update", "Topology", "redis");
    const gone = ["a", "b"].map((member) =>
      indexOf(calls, "begin", "delete", "Instance", `redis-shard-4-${member}`),
    );
    expect(drained).toBeGreaterThan(-1);
    expect(Math.min(...gone)).toBeGreaterThan(drained);
    const Filters = [{ Name: "tag:redis-cluster-kit:node", Values: ["shard-4-a", "shard-4-b"] }];
    const { Volumes = [] } = await ec2.send(new sdk.DescribeVolumesCommand({ Filters }));
    expect(Volumes.map((volume) => volume.State)).toEqual(["available", "available"]);
  });

  test("another architecture, no image declared: servers are replaced one at a time with its own; the bastion stays as it is", async () => {
    const [bastion] = await servers("bastion");
    await stack.must("config", "rm", "--path", "aws.ami");
    await stack.set("aws.instanceType", "r7i.large");
    const { calls } = await stack.up();
    for (const server of (await byNode()).values())
      expect([server.ImageId, server.InstanceType]).toEqual([X86_IMAGE, "r7i.large"]);
    expect(turns(calls)).toEqual(ORDER.flatMap(turnOf));
    expect(overlapping(calls)).toEqual([]);
    const [still] = await servers("bastion");
    expect([still?.InstanceId, still?.InstanceType]).toEqual([bastion?.InstanceId, "t4g.nano"]);
    const { calls: again } = await stack.up();
    expect(again).toEqual([]);
  });

  test("destroy is refused until it is allowed, and then goes from the cluster down to the network", async () => {
    const refused = await stack.attempt("destroy", "--yes", "--skip-preview");
    expect(refused.code).not.toBe(0);
    expect(refused.output).toContain("the cluster is protected");
    // Nothing else was begun: no rule, no route. Exporters come after the cluster; their deletion does nothing on a server.
    const begun = new Set(
      refused.calls.map(({ type, name }) => (/-exporter$/.test(name) ? "exporter" : type)),
    );
    expect(begun).toEqual(new Set(["exporter", "Topology"]));
    expect((await byNode()).size).toBe(6);

    await stack.set("aws.allowDestroy", "true");
    await stack.up();
    const { calls } = await stack.watched("destroy", "--yes", "--skip-preview");
    expect(await servers()).toEqual([]);
    expect(await servers("bastion")).toEqual([]);
    const at = (type: string, name: string) => indexOf(calls, "end", "delete", type, name);
    const cluster = at("Topology", "redis");
    expect(cluster).toBeGreaterThan(-1);
    for (const node of ORDER) {
      const server = indexOf(calls, "begin", "delete", "Instance", `redis-${node}`);
      expect(server).toBeGreaterThan(cluster);
      expect(at("Volume", `redis-${node}-data`)).toBeGreaterThan(server);
    }
    const network = calls.filter(({ type }) => ["Subnet", "SecurityGroup", "InternetGateway"].includes(type));
    for (const { type, name } of network) expect(at("Vpc", "redis-vpc")).toBeGreaterThan(at(type, name));
  });
});
