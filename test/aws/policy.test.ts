/** The policy pack: each rule with what it catches, and the prod stack, which keeps all of them. */
import { describe, expect, test } from "vitest";
import { RedisCluster } from "../../components/redis-cluster";
import { RESOURCE_POLICIES, STACK_POLICIES } from "../../policy/rules";
import { type Registered, registered } from "./support/mocked";
import { prod } from "./support/prod";

type Looked = Pick<Registered, "type" | "name" | "inputs">;

/** Violations as "rule: text", of resources as an engine shows them to a pack. */
async function violations(resources: readonly Looked[], stack = "prod"): Promise<string[]> {
  const found: string[] = [];
  const shown = resources.map(({ type, name, inputs }) => ({
    type,
    name,
    props: inputs,
    urn: `urn:pulumi:${stack}::redis::${type}::${name}`,
  }));
  // A rule gets more than it looks at: no engine is asked here.
  for (const { name, validateResource } of RESOURCE_POLICIES)
    for (const resource of shown)
      for (const validate of [validateResource ?? []].flat())
        await validate(resource as unknown as Parameters<typeof validate>[0], (text) =>
          found.push(`${name}: ${text}`),
        );
  for (const { name, validateStack } of STACK_POLICIES)
    await validateStack({ resources: shown } as unknown as Parameters<typeof validateStack>[0], (text) =>
      found.push(`${name}: ${text}`),
    );
  return found;
}

const INGRESS = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule";
const INSTANCE = "aws:ec2/instance:Instance";
const GOOD_SERVER = { metadataOptions: { httpTokens: "required" }, rootBlockDevice: { encrypted: true } };
const node = (name: string) => ({ "redis-cluster-kit:node": name });
const volume = (name: string, zone: string): Looked => ({
  type: "aws:ebs/volume:Volume",
  name,
  inputs: { encrypted: true, availabilityZone: zone, tags: node(name) },
});
const one = (type: string, inputs: Record<string, unknown>): Looked[] => [{ type, name: "x", inputs }];

describe("the policy pack", () => {
  test("has nothing to say against the prod stack", async () => {
    const all = await registered({}, () => new RedisCluster("redis", prod()));
    expect(all.length).toBeGreaterThan(100);
    expect(await violations(all)).toEqual([]);
  });

  test("catches what the kit itself lets through behind a flag", async () => {
    const open = { clientCidrs: ["0.0.0.0/0"], exposeToTheWholeInternet: true };
    const all = await registered({}, () => new RedisCluster("redis", prod(open)));
    expect(await violations(all)).toEqual([
      expect.stringMatching(/^no-open-redis-port: port 6379 is open to 0.0.0.0\/0/),
    ]);
  });

  test.each<[string, RegExp, Looked[]]>([
    [
      "an open Redis port",
      /^no-open-redis-port: port 6379 is open to 0.0.0.0\/0/,
      one(INGRESS, { ipProtocol: "tcp", fromPort: 6379, toPort: 6379, cidrIpv4: "0.0.0.0/0" }),
    ],
    [
      "an open bus port, in half of the internet",
      /port 16379 is open to 128.0.0.0\/1/,
      one(INGRESS, { ipProtocol: "tcp", fromPort: 16_000, toPort: 17_000, cidrIpv4: "128.0.0.0/1" }),
    ],
    [
      "a quarter of the internet, written with a zero",
      /port 6379 is open to 64.0.0.0\/02/,
      one(INGRESS, { ipProtocol: "tcp", fromPort: 6379, toPort: 6379, cidrIpv4: "64.0.0.0/02" }),
    ],
    [
      "ssh open over IPv6",
      /port 22 is open to ::\/0/,
      one(INGRESS, { ipProtocol: "tcp", fromPort: 22, toPort: 22, cidrIpv6: "::/0" }),
    ],
    ["everything open", /port 6379 is open/, one(INGRESS, { ipProtocol: "-1", cidrIpv4: "0.0.0.0/0" })],
    [
      "an open port in a rule of the old kind",
      /port 9121 is open/,
      one("aws:ec2/securityGroupRule:SecurityGroupRule", {
        type: "ingress",
        protocol: "tcp",
        fromPort: 9121,
        toPort: 9121,
        cidrBlocks: ["10.0.0.0/8", "0.0.0.0/0"],
      }),
    ],
    [
      "an open port within a group",
      /port 6379 is open/,
      one("aws:ec2/securityGroup:SecurityGroup", {
        ingress: [{ protocol: "tcp", fromPort: 6379, toPort: 6379, cidrBlocks: ["0.0.0.0/0"] }],
      }),
    ],
    [
      "IMDSv1",
      /^imdsv2-only: /,
      one(INSTANCE, { ...GOOD_SERVER, metadataOptions: { httpTokens: "optional" } }),
    ],
    ["no word on metadata", /^imdsv2-only: /, one(INSTANCE, { rootBlockDevice: { encrypted: true } })],
    ["an open data volume", /^encrypted-volumes: the volume/, one("aws:ebs/volume:Volume", {})],
    [
      "an open root volume",
      /^encrypted-volumes: rootBlockDevice/,
      one(INSTANCE, { ...GOOD_SERVER, rootBlockDevice: {} }),
    ],
    [
      "another open volume",
      /ebsBlockDevices: \/dev\/sdg/,
      one(INSTANCE, { ...GOOD_SERVER, ebsBlockDevices: [{ deviceName: "/dev/sdg" }] }),
    ],
    [
      "a node with a public address",
      /^no-public-address: the server/,
      one(INSTANCE, { ...GOOD_SERVER, associatePublicIpAddress: true, tags: node("shard-1-a") }),
    ],
    [
      "a subnet that gives them out",
      /^no-public-address: mapPublicIpOnLaunch/,
      one("aws:ec2/subnet:Subnet", { mapPublicIpOnLaunch: true }),
    ],
    [
      "a node in two networks",
      /^no-public-address: the interface/,
      one("aws:ec2/networkInterface:NetworkInterface", {
        privateIps: ["10.0.0.1", "10.0.0.2"],
        tags: node("shard-1-a"),
      }),
    ],
    [
      "two zones",
      /^three-zones: the cluster's 3 nodes are in z1 and z2/,
      [volume("shard-1-a", "z1"), volume("shard-2-b", "z2"), volume("shard-3-b", "z1")],
    ],
    [
      "a zone with most primaries",
      /^three-zones: z1 holds 2 of 3 primaries/,
      [
        volume("shard-1-a", "z1"),
        volume("shard-2-a", "z1"),
        volume("shard-3-a", "z2"),
        volume("shard-3-b", "z3"),
      ],
    ],
    [
      "a production cluster without backups",
      /^backups-in-production: /,
      one("redis-cluster-kit:index:Topology", { target: "aws" }),
    ],
  ])("catches %s", async (_, expected, resources) => {
    const found = await violations(resources);
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(expected);
  });

  test("lets private blocks in, whatever their size, and public ones that somebody owns", async () => {
    const rules = ["10.0.0.0/8", "100.64.0.0/10", "203.0.113.0/24"].flatMap((cidrIpv4) =>
      one(INGRESS, { ipProtocol: "tcp", fromPort: 6379, toPort: 6379, cidrIpv4 }),
    );
    const group = one(INGRESS, {
      ipProtocol: "tcp",
      fromPort: 6379,
      toPort: 6379,
      referencedSecurityGroupId: "sg-1",
    });
    expect(await violations([...rules, ...group])).toEqual([]);
  });

  test("lets a stack that is not for production do without backups", async () => {
    expect(await violations(one("redis-cluster-kit:index:Topology", { target: "aws" }), "dev")).toEqual([]);
  });
});
