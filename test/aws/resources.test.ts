/** Every resource that the prod stack would register, under Pulumi's mocks. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { beforeAll, describe, expect, test } from "vitest";
import { launchOf } from "../../components/aws/guard";
import { RedisCluster } from "../../components/redis-cluster";
import { parseConfig } from "../../config";
import { type Answers, IMAGE, type Registered, registered } from "./support/mocked";
import { PASSWORD, prod } from "./support/prod";

const SECRET = "1b47061264138c4ac30d75fd1eb44270";
const TYPE = /^aws:/;
/** Types of AWS that have no tags. */
const UNTAGGED =
  /:(Route|(VpcEndpoint)?RouteTableAssociation|EipAssociation|VolumeAttachment|RolePolicy|RolePolicyAttachment)$/;

const declare = (answers: Answers = {}, aws: object = {}) =>
  registered(answers, () => new RedisCluster("redis", prod(aws)));

describe("the prod stack's resources", () => {
  let all: readonly Registered[];
  const named = (type: string, name: string) => {
    const found = all.find((each) => each.type.endsWith(`:${type}`) && each.name === name);
    if (found === undefined) throw new Error(`no ${type} ${name}`);
    return found;
  };
  const ofType = (type: string) => all.filter((each) => each.type.endsWith(`:${type}`));

  beforeAll(async () => {
    all = await declare();
  });

  test("are these: a rename or another parent shows here, because it would replace", async () => {
    const lines = all.map(({ type, name, parent, protect, retainOnDelete, deleteBeforeReplace }) => {
      const marks = [
        protect && "protected",
        retainOnDelete && "kept when it goes",
        deleteBeforeReplace && "deleted before it is replaced",
      ].filter((mark) => mark !== false);
      return `${type} ${name} < ${parent}${marks.length > 0 ? ` (${marks.join(", ")})` : ""}`;
    });
    await expect(`${lines.sort().join("\n")}\n`).toMatchFileSnapshot("golden/prod.txt");
  });

  test("all of AWS's have the cluster's provider, a parent, and the cluster's tags", () => {
    const aws = all.filter(({ type }) => TYPE.test(type));
    expect(aws.length).toBeGreaterThan(60);
    for (const each of aws) {
      expect([each.name, each.provider]).toEqual([each.name, "aws redis"]);
      expect(each.parent).toMatch(/^Aws/);
      if (UNTAGGED.test(each.type)) continue;
      expect([each.name, each.inputs.tags]).toEqual([
        each.name,
        expect.objectContaining({ "redis-cluster-kit:cluster": "redis-prod-redis", environment: "prod" }),
      ]);
    }
  });

  test("each node's server, address and volume are in its zone, and nothing of it is public", () => {
    for (const server of ofType("Instance").filter(({ name }) => name.includes("shard-"))) {
      expect(server.inputs).toMatchObject({
        metadataOptions: { httpTokens: "required", httpPutResponseHopLimit: 1 },
        rootBlockDevice: { encrypted: true, volumeType: "gp3" },
        disableApiTermination: true,
        ebsOptimized: true,
      });
      expect(server.inputs.associatePublicIpAddress).toBeUndefined();
      expect(server.ignoreChanges).toEqual(["userData"]);
    }
    const zoneOf = (node: string) => named("Volume", `redis-${node}-data`).inputs.availabilityZone;
    for (const shard of [1, 2, 3]) expect(zoneOf(`shard-${shard}-a`)).not.toBe(zoneOf(`shard-${shard}-b`));
    expect(new Set([1, 2, 3].map((shard) => zoneOf(`shard-${shard}-a`))).size).toBe(3);
    expect(named("NetworkInterface", "redis-shard-2-a-address").inputs.subnetId).toBe(
      "redis-private-eu-central-1b-id",
    );
    for (const subnet of ofType("Subnet")) expect(subnet.inputs.mapPublicIpOnLaunch).toBe(false);
    for (const volume of ofType("Volume"))
      expect([volume.inputs.encrypted, volume.retainOnDelete]).toEqual([true, true]);
  });

  test("the way to S3 is in the route table of every zone's private subnet", () => {
    const ways = ofType("VpcEndpointRouteTableAssociation").map(({ name, inputs }) => [name, inputs]);
    const way = (zone: string) => [
      `redis-s3-${zone}`,
      { vpcEndpointId: "redis-s3-id", routeTableId: `redis-private-${zone}-id` },
    ];
    expect(ways).toEqual(["eu-central-1a", "eu-central-1b", "eu-central-1c"].map(way));
  });

  test("password and key are secrets wherever they go", () => {
    for (const { name, type, inputs } of all) {
      const open = Object.entries(inputs).filter(([, value]) => !JSON.stringify(value).includes(SECRET));
      expect([type, name, JSON.stringify(open).includes(PASSWORD)]).toEqual([type, name, false]);
    }
  });

  test("the provider has the region, and the account that the stack's configuration names", async () => {
    const provider = (each: readonly Registered[]) =>
      each.find(({ type }) => type === "pulumi:providers:aws")?.inputs;
    expect(provider(all)).toMatchObject({ region: "eu-central-1" });
    expect(provider(all)?.profile).toBeUndefined();
    const roles = [{ roleArn: "arn:aws:iam::123456789012:role/ops" }];
    pulumi.runtime.setAllConfig({
      "aws:region": "us-east-1",
      "aws:profile": "ops",
      "aws:assumeRoles": JSON.stringify(roles),
    });
    try {
      const found = await declare();
      expect(provider(found)).toMatchObject({
        region: "eu-central-1",
        profile: "ops",
        assumeRoles: JSON.stringify(roles),
      });
      expect(found.map(({ type, name }) => [type, name])).toEqual(all.map(({ type, name }) => [type, name]));
    } finally {
      pulumi.runtime.setAllConfig({});
    }
  });

  test("pinned host keys are asked for by provisioning, handovers and the cluster", async () => {
    const hostKeys = {
      bastion: `ssh-ed25519 ${"B".repeat(68)}`,
      "shard-1-a": `ssh-ed25519 ${"N".repeat(68)}`,
    };
    const pinned = await declare({}, { hostKeys });
    const checks = pinned.filter(({ type, name }) => type.endsWith(":Command") && name.endsWith("-check"));
    const ways = new Map(checks.map(({ name, inputs }) => [name, JSON.stringify(inputs.connection)]));
    const all = [...ways.values()];
    expect(all.filter((way) => way.includes(hostKeys.bastion))).toHaveLength(6);
    expect(all.filter((way) => way.includes(hostKeys["shard-1-a"]))).toEqual([
      ways.get("redis-shard-1-a-check"),
    ]);
    for (const type of ["Topology", "Handover", "Rejoin"])
      for (const { inputs } of pinned.filter((each) => each.type.endsWith(`:${type}`)))
        for (const key of Object.values(hostKeys)) expect(JSON.stringify(inputs)).toContain(key);
  });

  test("a file of Redis is copied again to a server that is replaced", async () => {
    const folder = mkdtempSync(join(tmpdir(), "redis-cluster-kit-archive-"));
    const redisSource = join(folder, "redis.tar.gz");
    writeFileSync(redisSource, "of the test");
    const args = { ...prod({ install: "archive" }), redisSource };
    const found = await registered({}, () => new RedisCluster("redis", args));
    rmSync(folder, { recursive: true });
    const copies = found.filter(({ type }) => type.endsWith(":CopyToRemote"));
    expect(copies.map(({ name, inputs }) => [name, inputs.triggers])).toContainEqual([
      "redis-shard-1-a-archive",
      ["redis-shard-1-a-id"],
    ]);
    expect(copies).toHaveLength(6);
  });

  test("do not change with zones that appear in the account, disappear from it, or come in another order", async () => {
    const told = (each: readonly Registered[]) =>
      each.map(({ type, name, inputs }) => [type, name, inputs]).sort();
    const zones = ["eu-central-1d", "eu-central-1c", "eu-central-1a", "eu-central-1b"];
    expect(told(await declare({ zones }))).toEqual(told(all));
  });

  test("Session Manager by choice: the servers' role may open its channels, and read no parameter", async () => {
    const rolePolicies = (each: readonly Registered[]) =>
      each.filter(({ type }) => /:RolePolicy(Attachment)?$/.test(type)).map(({ name }) => name);
    expect(rolePolicies(all)).toEqual(["redis-backups"]);
    const open = await declare({}, { sessionManager: true });
    expect(rolePolicies(open).sort()).toEqual(["redis-backups", "redis-session-manager"]);
    const policy = open.find(({ name }) => name === "redis-session-manager")?.inputs.policy;
    expect(policy).toContain("ssmmessages:OpenDataChannel");
    expect(policy).not.toContain("GetParameter");
  });

  test("a spread placement group by choice: every node's server is in it", async () => {
    expect(ofType("PlacementGroup")).toEqual([]);
    const spread = await declare({}, { spreadPlacement: true });
    const group = spread.find(({ type }) => type === "aws:ec2/placementGroup:PlacementGroup");
    expect(group?.inputs).toMatchObject({ strategy: "spread" });
    const servers = spread.filter(({ type, name }) => type.endsWith(":Instance") && name.includes("shard-"));
    expect(servers.map(({ inputs }) => inputs.placementGroup)).toEqual(Array(6).fill("redis-id"));
  });

  test("the bastion keeps its image and type, and takes no harm from an address that it got later", () => {
    const { ignoreChanges } = named("Instance", "redis-bastion");
    expect(ignoreChanges).toEqual(
      expect.arrayContaining(["ami", "instanceType", "userData", "associatePublicIpAddress"]),
    );
  });

  test("a server is provisioned when the ways to it and from it are there", () => {
    for (const node of ["shard-1-a", "shard-3-b"])
      expect(named("Command", `redis-${node}-check`).dependencies).toEqual(
        expect.arrayContaining([
          `VolumeAttachment redis-${node}-data`,
          "NatGateway redis-nat-eu-central-1a",
          "Route redis-private-eu-central-1b-out",
          "RouteTableAssociation redis-private-eu-central-1b",
          "VpcEndpointRouteTableAssociation redis-s3-eu-central-1b",
          "SecurityGroupIngressRule redis-nodes-ssh-bastion",
          "SecurityGroupEgressRule redis-nodes-out-web-443",
          "EipAssociation redis-bastion",
        ]),
      );
  });

  test("rules name their sources one by one", () => {
    const rules = ofType("SecurityGroupIngressRule").map(({ inputs }) => {
      const source = String(inputs.cidrIpv4 ?? inputs.referencedSecurityGroupId);
      return `${String(inputs.securityGroupId).replace(/-id$/, "")} ${String(inputs.fromPort)} <- ${source}`;
    });
    expect(rules.sort()).toEqual([
      "redis-bastion 22 <- 203.0.113.7/32",
      "redis-nodes 16379 <- redis-nodes-id",
      "redis-nodes 22 <- redis-bastion-id",
      "redis-nodes 6379 <- redis-clients-id",
      "redis-nodes 6379 <- redis-nodes-id",
      "redis-nodes 6379 <- sg-0123456789abcdef0",
      "redis-nodes 9121 <- sg-0fedcba9876543210",
    ]);
  });
});

describe("what an application in AWS attaches to", () => {
  const outputs = async (aws: object = {}, answers: Answers = {}) => {
    const found: unknown[] = [];
    const all = await registered(answers, () => {
      const cluster = new RedisCluster("redis", prod(aws));
      const { clientSecurityGroupId, vpcId, privateSubnetIds } = cluster;
      pulumi.all([clientSecurityGroupId, vpcId, privateSubnetIds]).apply((values) => found.push(...values));
      return cluster;
    });
    return { all, found };
  };

  test("is a group that nobody is let into, that leads to Redis alone, and the network's ids", async () => {
    const { all, found } = await outputs();
    expect(found).toEqual([
      "redis-clients-id",
      "redis-vpc-id",
      ["a", "b", "c"].map((zone) => `redis-private-eu-central-1${zone}-id`),
    ]);
    const rules = all.filter(({ inputs }) => inputs.securityGroupId === "redis-clients-id");
    expect(rules.map(({ type, inputs }) => [type.split(":").at(-1), inputs])).toEqual([
      [
        "SecurityGroupEgressRule",
        expect.objectContaining({
          fromPort: 6379,
          toPort: 6379,
          referencedSecurityGroupId: "redis-nodes-id",
        }),
      ],
    ]);
  });

  test("is in the user's own network where there is one", async () => {
    const vpcId = "vpc-0123456789abcdef0";
    const nets = ["a", "b", "c"].map((zone, index) => ({
      zone,
      id: `subnet-0${zone.repeat(8)}`,
      cidr: `10.0.${index + 1}.0/24`,
    }));
    const subnets = Object.fromEntries(nets.map(({ zone, id, cidr }) => [zone, { id, cidr }]));
    const known = nets.map(({ zone, id, cidr }) => {
      return [id, { vpcId, availabilityZone: `eu-central-1${zone}`, cidrBlock: cidr }] as const;
    });
    const declared = { vpcId, subnets, access: "direct", nat: "none" };
    const { all, found } = await outputs(declared, { subnets: Object.fromEntries(known) });
    expect(found).toEqual(["redis-clients-id", vpcId, nets.map(({ id }) => id)]);
    expect(all.filter(({ type }) => /:(Vpc|Subnet|NatGateway)$/.test(type))).toEqual([]);
    const addresses = all.filter(({ type }) => type.endsWith(":NetworkInterface"));
    expect(new Set(addresses.map(({ inputs }) => inputs.subnetId))).toEqual(
      new Set(nets.map(({ id }) => id)),
    );
  });
});

describe("servers that are there", () => {
  const running = (ami: string) =>
    ["shard-1-a", "shard-1-b", "shard-2-a", "shard-2-b", "shard-3-a", "shard-3-b"].map((node) => {
      const [privateIp = "", zone = ""] = PLACES[node] ?? [];
      const config = parseConfig(prod(), { project: "redis", stack: "prod", dataRoot: "/d" });
      if (config.target !== "aws") throw new Error("prod is not on aws");
      const launch = launchOf(config.aws);
      return {
        node,
        ami,
        instanceType: "r7g.large",
        privateIp,
        availabilityZone: `eu-central-1${zone}`,
        launch,
      };
    });
  const PLACES: Record<string, readonly [string, string]> = {
    "shard-1-a": ["10.60.0.10", "a"],
    "shard-1-b": ["10.60.16.11", "b"],
    "shard-2-a": ["10.60.16.16", "b"],
    "shard-2-b": ["10.60.32.17", "c"],
    "shard-3-a": ["10.60.32.22", "c"],
    "shard-3-b": ["10.60.0.23", "a"],
  };

  test("keep their image when a newer one appears, and have no turn", async () => {
    const all = await declare({ running: running("ami-0ccccccccccccccc1") });
    const servers = all.filter(({ type, name }) => type.endsWith(":Instance") && name.includes("shard"));
    expect(servers.map(({ inputs }) => inputs.ami)).toEqual(servers.map(() => "ami-0ccccccccccccccc1"));
    const handovers = all.filter(({ type }) => type.endsWith(":Handover"));
    expect(handovers.map(({ inputs }) => inputs.turn)).toEqual(["", "", "", "", "", ""]);
  });

  test("of another architecture than declared have a turn each, with that architecture's image", async () => {
    const answers = { running: running("ami-0ccccccccccccccc1"), imageArchitecture: "x86_64" };
    const all = await declare(answers, { instanceType: "r7i.large" });
    const handovers = all.filter(({ type }) => type.endsWith(":Handover"));
    expect(handovers.map(({ inputs }) => inputs.turn)).toEqual(
      Array(6).fill(`image ami-0ccccccccccccccc1 -> ${IMAGE}, type r7g.large -> r7i.large`),
    );
    const servers = all.filter(({ type, name }) => type.endsWith(":Instance") && name.includes("shard"));
    expect(servers.map(({ inputs }) => inputs.ami)).toEqual(Array(6).fill(IMAGE));
  });

  test("stay where they are when their zone disappears from the account", async () => {
    const there = { running: running("ami-0ccccccccccccccc1") };
    const told = (each: readonly Registered[]) =>
      each.map(({ type, name, inputs }) => [type, name, inputs]).sort();
    const without = await declare({ ...there, zones: ["eu-central-1a", "eu-central-1b"] });
    expect(told(without)).toEqual(told(await declare(there)));
  });

  test("do without a declared image that is gone, as long as all have it", async () => {
    const ami = "ami-0ccccccccccccccc1";
    const failing = { "aws:ec2/getAmi:getAmi": "Your query returned no results." };
    const all = await declare({ running: running(ami), failing }, { ami });
    expect(all.filter(({ type }) => type.endsWith(":Handover")).map(({ inputs }) => inputs.turn)).toEqual(
      Array(6).fill(""),
    );
  });

  test("have a turn each for a declared image, and wait for the one before", async () => {
    const ami = "ami-0ddddddddddddddd1";
    const all = await declare({ running: running("ami-0ccccccccccccccc1") }, { ami });
    const handovers = all.filter(({ type }) => type.endsWith(":Handover"));
    expect(new Set(handovers.map(({ inputs }) => inputs.turn))).toEqual(
      new Set([`image ami-0ccccccccccccccc1 -> ${ami}`]),
    );
    const chain = handovers.map(({ name, dependencies }) => [
      name,
      ...dependencies.filter((each) => each.startsWith("Rejoin")),
    ]);
    expect(chain).toEqual([
      ["redis-shard-1-b"],
      ["redis-shard-1-a", "Rejoin redis-shard-1-b"],
      ["redis-shard-2-b", "Rejoin redis-shard-1-a"],
      ["redis-shard-2-a", "Rejoin redis-shard-2-b"],
      ["redis-shard-3-b", "Rejoin redis-shard-2-a"],
      ["redis-shard-3-a", "Rejoin redis-shard-3-b"],
    ]);
  });
});
