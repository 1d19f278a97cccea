import { describe, expect, test } from "vitest";
import { type AwsConfig, ConfigError, parseConfig } from "../../../config";
import { formatBlock, isOpenToTheWorld, overlaps, parseBlock, partOf } from "../../../config/aws/cidr";
import { architectureOf } from "../../../config/aws/instance-types";
import { layOut } from "../../../topology";
import { CONTEXT } from "./context";

const GOOD = {
  region: "eu-central-1",
  sshPublicKey: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA ops",
  sshCidrs: ["203.0.113.7/32"],
  clientCidrs: ["10.1.0.0/16"],
};

const GROUP = "sg-0123456789abcdef0";
const HOST_KEY = `ssh-ed25519 ${"A".repeat(68)}`;

const OWN_SUBNETS = {
  a: { id: "subnet-0aaaaaaaa", cidr: "10.0.1.0/24", publicId: "subnet-0dddddddd" },
  b: { id: "subnet-0bbbbbbbb", cidr: "10.0.2.0/24" },
  c: { id: "subnet-0cccccccc", cidr: "10.0.3.0/24" },
};

function read(aws: object = {}, rest: object = {}): AwsConfig {
  const raw = { target: "aws", redis: { maxmemory: "8gb" }, aws: { ...GOOD, ...aws }, ...rest };
  const config = parseConfig(raw, CONTEXT);
  if (config.target !== "aws") throw new Error("not aws");
  return config;
}

function problemsOf(aws: object, rest: object = {}) {
  try {
    read(aws, rest);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

describe("the target aws", () => {
  test("places six nodes over three zones, each with an address of its own that more shards do not change", () => {
    const nodes = layOut(read()).nodes.map(({ name, zone, host, port }) => `${name} ${zone} ${host}:${port}`);
    expect(nodes).toEqual([
      "shard-1-a eu-central-1a 10.60.0.10:6379",
      "shard-1-b eu-central-1b 10.60.16.11:6379",
      "shard-2-a eu-central-1b 10.60.16.16:6379",
      "shard-2-b eu-central-1c 10.60.32.17:6379",
      "shard-3-a eu-central-1c 10.60.32.22:6379",
      "shard-3-b eu-central-1a 10.60.0.23:6379",
    ]);
    const more = layOut(read({}, { shards: 30 })).nodes;
    expect(more.slice(0, 6).map(({ name, zone, host, port }) => `${name} ${zone} ${host}:${port}`)).toEqual(
      nodes,
    );
    expect(new Set(more.map(({ host }) => host)).size).toBe(60);
  });

  test("keeps each zone's block, whatever other zones are declared", () => {
    const blocks = (zones: string[]) =>
      new Map(read({}, { zones }).aws.subnets.map((net) => [net.zone, net.cidr]));
    expect(blocks(["c", "eu-central-1f", "a"]).get("eu-central-1c")).toBe(
      blocks(["a", "b", "c"]).get("eu-central-1c"),
    );
  });

  test("takes the user's own network", () => {
    const { aws } = read({ vpcId: "vpc-0123456789abcdef0", subnets: OWN_SUBNETS });
    expect(aws.subnets).toMatchObject([
      { zone: "eu-central-1a", id: "subnet-0aaaaaaaa", publicId: "subnet-0dddddddd" },
      { zone: "eu-central-1b", id: "subnet-0bbbbbbbb" },
      { zone: "eu-central-1c", id: "subnet-0cccccccc" },
    ]);
  });

  test("warns of two zones, says what is lost, and warns of one that is allowed", () => {
    expect(read({}, { zones: ["a", "b"] }).warnings.join("\n")).toMatch(/Two zones.*no failover happens/);
    expect(read({ allowOneZone: true }, { zones: ["a"] }).warnings.join("\n")).toMatch(/One zone.*are lost/);
    expect(read().warnings.join("\n")).not.toMatch(/Two zones|One zone/);
  });

  test("does not warn where only the kit's own group lets clients in", () => {
    expect(read({ clientCidrs: [], clientSecurityGroups: [] }).warnings).toEqual(read().warnings);
  });

  test("warns of little memory beside maxmemory, of none declared, and of types it does not know", () => {
    expect(read({}, { redis: { maxmemory: "12gb" } }).warnings.join("\n")).toContain("75 % of r7g.large");
    expect(read({}, { redis: {} }).warnings.join("\n")).toContain("maxmemory is not set");
    expect(read({ instanceType: "x9q.large" }).warnings.join("\n")).toContain("not in the kit's table");
    expect(read({ sessionManager: true }).warnings.join("\n")).toContain("Debian's image has no SSM agent");
    const own = { sessionManager: true, ami: "ami-0123456789abcdef0" };
    expect(read(own).warnings.join("\n")).not.toContain("SSM agent");
  });
});

describe("what the target aws refuses", () => {
  test.each([
    [{ region: undefined }, {}, "aws.region", "the region of everything"],
    [{ region: "Frankfurt" }, {}, "aws.region", "a region such as"],
    [{ sshPublicKey: undefined }, {}, "aws.sshPublicKey", "the public key"],
    [{ sshCidrs: [] }, {}, "aws.sshCidrs", "with none, nobody can provision"],
    [{ instnceType: "r7g.large" }, {}, "aws.instnceType", "one of the keys"],
    [{}, { zones: ["a", "us-east-1b", "c"] }, "zones", "zones of eu-central-1"],
    [{}, { zones: ["a"] }, "zones", "three zones"],
    [{ vpcCidr: "10.0.0.0/25" }, {}, "aws.vpcCidr", "from /16 to /24"],
    [{ vpcCidr: "10.0.0.0/24" }, {}, "aws.vpcCidr", "a subnet of at least /27"],
    [{ vpcCidr: "10.0.0.1/16" }, {}, "aws.vpcCidr", "without bits to the right"],
    [{}, { redis: { maxmemory: "15gb" } }, "redis.maxmemory", "at most 13.6 GiB on r7g.large"],
    [{ clientCidrs: ["0.0.0.0/0"] }, {}, "aws.clientCidrs", "the whole internet"],
    [{ sshCidrs: ["128.0.0.0/1"] }, {}, "aws.sshCidrs", "the whole internet"],
    [{ clientCidrs: ["0.0.0.0/2", "64.0.0.0/2"] }, {}, "aws.clientCidrs", "bigger than anybody's"],
    [{ clientCidrs: ["0.0.0.0/00"] }, {}, "aws.clientCidrs", "zeros before a number"],
    [{ sshCidrs: ["128.0.0.0/01"] }, {}, "aws.sshCidrs", "zeros before a number"],
    [{ clientCidrs: ["10.1.0.0/16", "10.1.0.0/16"] }, {}, "aws.clientCidrs", "every entry once"],
    [{ sshCidrs: ["203.0.113.7/32", "203.0.113.7/32"] }, {}, "aws.sshCidrs", "every entry once"],
    [{ clientSecurityGroups: [GROUP, GROUP] }, {}, "aws.clientSecurityGroups", "every entry once"],
    [{ monitoringSecurityGroups: [GROUP, GROUP] }, {}, "aws.monitoringSecurityGroups", "every entry once"],
    [{ tags: { "aws:team": "x" } }, {}, "aws.tags", "names of your own"],
    [{ tags: { "AWS:team": "x" } }, {}, "aws.tags", "names of your own"],
    [{ spreadPlacement: true }, { shards: 12 }, "aws.spreadPlacement", "eu-central-1a has 8"],
    [{ subnets: OWN_SUBNETS }, {}, "aws.subnets", "nothing, since vpcId is not set"],
    [{ ami: "debian" }, {}, "aws.ami", "an image id"],
    [{ install: "package" }, {}, "aws.install", '"source" or "archive"'],
    [{ install: "archive" }, {}, "redisSource", "a tar.gz with redis-server"],
    [{ hostKeys: { "shard-4-a": HOST_KEY } }, {}, "aws.hostKeys", "shard-1-a to shard-3-b) or bastion"],
    [{ hostKeys: { bastion: "SHA256:abc" } }, {}, "aws.hostKeys", "by node name"],
    [{}, { host: "10.0.0.1" }, "host", "nothing, since target aws has no use for it"],
  ])("%j %j", (aws, rest, property, expected) => {
    const problems = problemsOf(aws, rest);
    expect(problems.map((problem) => problem.property)).toContain(property);
    const problem = problems.find((each) => each.property === property);
    expect(problem?.expected).toContain(expected);
    expect(problem?.cure).not.toBe("");
  });

  test.each([
    ["in one zone", { b: { ...OWN_SUBNETS.b, id: "subnet-0aaaaaaaa" } }, "a subnet of its own for each zone"],
    ["that overlap", { b: { ...OWN_SUBNETS.b, cidr: "10.0.1.128/25" } }, "blocks that do not overlap"],
    ["that are too small", { b: { ...OWN_SUBNETS.b, cidr: "10.0.2.0/28" } }, "a subnet of at least /27"],
    ["that miss a zone", { b: undefined }, "a subnet for each of the zones"],
    [
      "without a public one for the bastion",
      { a: { id: "subnet-0aaaaaaaa", cidr: "10.0.1.0/24" } },
      "a public subnet",
    ],
  ])("own subnets %s", (_, change, expected) => {
    const subnets = Object.fromEntries(
      Object.entries({ ...OWN_SUBNETS, ...change }).filter(([, net]) => net !== undefined),
    );
    const problems = problemsOf({ vpcId: "vpc-0123456789abcdef0", subnets });
    expect(
      problems
        .filter((problem) => problem.property === "aws.subnets")
        .map((each) => each.expected)
        .join("\n"),
    ).toContain(expected);
  });

  test("not what is just within: seven servers a zone, tags that only look like AWS's, blocks beside each other", () => {
    const groups = [GROUP, "sg-0123456789abcdef1"];
    expect(problemsOf({ spreadPlacement: true }, { shards: 9 })).toEqual([]);
    expect(problemsOf({ spreadPlacement: false }, { shards: 12 })).toEqual([]);
    expect(problemsOf({ tags: { awsome: "x", "team:aws:": "y" }, clientSecurityGroups: groups })).toEqual([]);
  });

  test("the whole internet only behind the flag that says so", () => {
    expect(problemsOf({ clientCidrs: ["0.0.0.0/0"], exposeToTheWholeInternet: true })).toEqual([]);
  });
});

test("pinned host keys are kept without their comments", () => {
  const { aws } = read({ hostKeys: { bastion: `${HOST_KEY} root@gate`, "shard-3-b": HOST_KEY } });
  expect(aws.hostKeys).toEqual({ bastion: HOST_KEY, "shard-3-b": HOST_KEY });
});

describe("arithmetic of blocks", () => {
  test("cuts, compares and writes them", () => {
    const block = parseBlock("10.60.0.0/16") ?? { base: 0, prefix: 0 };
    expect(formatBlock(partOf(block, 4, 15))).toBe("10.60.240.0/20");
    expect(overlaps(block, partOf(block, 4, 3))).toBe(true);
    expect(overlaps(partOf(block, 4, 2), partOf(block, 4, 3))).toBe(false);
    for (const bad of [
      "10.0.0.0",
      "10.0.0.0/33",
      "256.0.0.0/8",
      "10.0.0.1/24",
      "a/8",
      "0.0.0.0/00",
      "010.0.0.0/8",
    ])
      expect(parseBlock(bad)).toBeUndefined();
  });

  test.each<[boolean, readonly string[]]>([
    [true, ["0.0.0.0/0", "0.0.0.0/00", "128.0.0.0/01", "0.0.0.0/2", "64.0.0.0/2", "8.0.0.0/7", "1.2.3.4/0"]],
    [true, ["10.0.0.0/7", "172.0.0.0/6", "::/0", "::/00", "2000::/3", "8000::/1", "2600::/12"]],
    [true, ["anywhere", "10.0.0.0", "10.0.0.0/33", "256.0.0.0/8", ":/", "10.0.0.0/8 "]],
    [false, ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "10.1.2.3/32", "10.1.2.3/9"]],
    [false, ["8.0.0.0/8", "203.0.113.7/32", "fc00::/7", "fd12:3456::/48", "2001:db8::/32", "::1/128"]],
  ])("open to the world: %s, %j", (expected, sources) => {
    expect(sources.map((source) => [source, isOpenToTheWorld(source)])).toEqual(
      sources.map((source) => [source, expected]),
    );
  });

  test("four quarters of the addresses never pass, however they are cut", () => {
    for (let prefix = 0; prefix < 8; prefix++) {
      const parts = Array.from({ length: 2 ** prefix }, (_, index) =>
        partOf({ base: 0, prefix: 0 }, prefix, index),
      );
      expect(parts.filter((part) => !isOpenToTheWorld(formatBlock(part)))).toEqual([]);
    }
  });

  test("tells architectures by name where the table does not know the type", () => {
    expect(["r7g.large", "r8gd.xlarge", "a1.large"].map(architectureOf)).toEqual(["arm64", "arm64", "arm64"]);
    expect(["r7i.large", "g5.xlarge", "m7a.large"].map(architectureOf)).toEqual([
      "x86_64",
      "x86_64",
      "x86_64",
    ]);
  });
});
