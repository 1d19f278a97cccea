/** The policy pack: each rule with what it catches, and the prod stack, which keeps all of them. */
import { describe, expect, test } from "vitest";
import { RedisCluster } from "../../components/redis-cluster";
import { RESOURCE_POLICIES, STACK_POLICIES } from "../../policy/rules";
import { type Registered, registered } from "./support/mocked";
import { prod } from "./support/prod";

type Looked = Pick<Registered, "type" | "name" | "inputs"> &
  Partial<Pick<Registered, "propertyDependencies">>;

/** Violations as "rule: text", of resources as an engine shows them to a pack. */
async function violations(resources: readonly Looked[], stack = "prod"): Promise<string[]> {
  const found: string[] = [];
  const shown = resources.map(({ type, name, inputs }) => ({
    type,
    name,
    props: inputs,
    urn: `urn:pulumi:${stack}::redis::${type}::${name}`,
    propertyDependencies: {} as Record<string, unknown[]>,
  }));
  for (const [index, { propertyDependencies = {} }] of resources.entries())
    for (const [key, others] of Object.entries(propertyDependencies)) {
      const isMeant = ({ type, name }: Looked) => others.includes(`${type.split(":").at(-1)} ${name}`);
      const own = shown[index];
      if (own !== undefined)
        own.propertyDependencies[key] = shown.filter((_, at) =>
          isMeant(resources[at] ?? { type: "", name: "", inputs: {} }),
        );
    }
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
const node = (name: string, cluster = "cache") => ({
  "redis-cluster-kit:node": name,
  "redis-cluster-kit:cluster": cluster,
});
const volume = (name: string, zone: string, cluster = "cache"): Looked => ({
  type: "aws:ebs/volume:Volume",
  name: `${cluster}-${name}`,
  inputs: { encrypted: true, availabilityZone: zone, tags: node(name, cluster) },
});
/** A cluster in AWS with a role of its own that may do this. */
const withRole = (cluster: string, statement?: object): Looked[] => [
  { type: "redis-cluster-kit:index:Topology", name: cluster, inputs: { target: "aws", name: cluster } },
  { type: "aws:iam/role:Role", name: cluster, inputs: { tags: { "redis-cluster-kit:cluster": cluster } } },
  ...(statement === undefined
    ? []
    : [
        {
          type: "aws:iam/rolePolicy:RolePolicy",
          name: `${cluster}-backups`,
          inputs: { policy: JSON.stringify({ Statement: [statement] }) },
          propertyDependencies: { role: [`Role ${cluster}`] },
        },
      ]),
];
const WRITES = { Effect: "Allow", Action: ["s3:PutObject", "s3:GetObject"], Resource: "*" };
const INTERFACE: Looked = {
  type: "aws:ec2/networkInterface:NetworkInterface",
  name: "cache-shard-1-a-address",
  inputs: { id: "eni-1", privateIps: ["10.0.0.1"], tags: node("shard-1-a") },
};
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
      /^three-zones: the 3 nodes of cluster cache are in z1 and z2/,
      [volume("shard-1-a", "z1"), volume("shard-2-b", "z2"), volume("shard-3-b", "z1")],
    ],
    [
      "two zones beside another cluster, which has the third",
      /^three-zones: the 2 nodes of cluster cache are in z1 and z2/,
      [
        volume("shard-1-a", "z1"),
        volume("shard-1-b", "z2"),
        ...["z1", "z2", "z3"].map((zone, shard) => volume(`shard-${shard}-a`, zone, "sessions")),
      ],
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
    ["a production cluster without backups", /^backups-in-production: /, withRole("cache")],
    [
      "a production cluster whose servers may not, beside somebody who may",
      /^backups-in-production: the servers of the production cluster cache /,
      [
        ...withRole("cache", { Effect: "Deny", Action: "s3:PutObject", Resource: "*" }),
        ...withRole("sessions", WRITES),
        {
          type: "aws:iam/rolePolicy:RolePolicy",
          name: "app",
          inputs: { role: "app", policy: JSON.stringify({ Statement: [WRITES] }) },
        },
      ],
    ],
    [
      "an open exporter port of one's own",
      /^no-open-exporter-port: port 9300 is open to 0.0.0.0\/0/,
      [
        {
          type: "redis-cluster-kit:index:Topology",
          name: "cache",
          inputs: { target: "local", monitoring: { exporters: { "shard-1-a": 9300 } } },
        },
        ...one(INGRESS, { ipProtocol: "tcp", fromPort: 9300, toPort: 9300, cidrIpv4: "0.0.0.0/0" }),
      ],
    ],
    [
      "an elastic address of a node's interface, new",
      /^no-elastic-address: cache-shard-1-a-address is a node's/,
      [
        INTERFACE,
        {
          type: "aws:ec2/eipAssociation:EipAssociation",
          name: "x",
          inputs: {},
          propertyDependencies: { networkInterfaceId: ["NetworkInterface cache-shard-1-a-address"] },
        },
      ],
    ],
    [
      "an elastic address of a node's interface, by its id",
      /^no-elastic-address: cache-shard-1-a-address is a node's/,
      [INTERFACE, ...one("aws:ec2/eip:Eip", { networkInterface: "eni-1" })],
    ],
    [
      "an elastic address of a node's server",
      /^no-elastic-address: x is a node's/,
      [
        ...one(INSTANCE, { ...GOOD_SERVER, id: "i-1", tags: node("shard-1-a") }),
        { type: "aws:ec2/eip:Eip", name: "address", inputs: { instance: "i-1" } },
      ],
    ],
    [
      "a node with an IPv6 address",
      /^no-public-address: the interface of a node has no IPv6/,
      [{ ...INTERFACE, inputs: { ...INTERFACE.inputs, ipv6AddressCount: 1 } }],
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
    expect(await violations(withRole("cache"), "dev")).toEqual([]);
    expect(await violations(withRole("cache", WRITES))).toEqual([]);
  });
});
