/**
 * Rules over resources as plain data, so that a test can ask them without an engine. They look at types by their tokens and
 * need no @pulumi/aws. They hold for every resource of a stack, the kit's own or not; what is known by the kit's tags says so.
 */
import type {
  PolicyResource,
  ReportViolation,
  ResourceValidationArgs,
  ResourceValidationPolicy,
  StackValidationArgs,
  StackValidationPolicy,
} from "@pulumi/policy";
import { isOpenToTheWorld } from "../config/aws/cidr";

const NODE_TAG = "redis-cluster-kit:node";
const INSTANCE = "aws:ec2/instance:Instance";
const VOLUME = "aws:ebs/volume:Volume";
const SUBNET = "aws:ec2/subnet:Subnet";
const INTERFACE = "aws:ec2/networkInterface:NetworkInterface";
const INGRESS_RULE = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule";
const OLD_RULE = "aws:ec2/securityGroupRule:SecurityGroupRule";
const GROUP = "aws:ec2/securityGroup:SecurityGroup";
const ROLE_POLICY = "aws:iam/rolePolicy:RolePolicy";
const TOPOLOGY = "redis-cluster-kit:index:Topology";

/** Redis, its bus, the exporter, ssh. */
const PORTS = [6379, 16_379, 9121, 22];
/** Stacks that hold what must not be lost. */
const PRODUCTION = /(^|[-_.])(prod|production)([-_.]|$)/;

type Bag = Readonly<Record<string, unknown>>;

function bag(value: unknown): Bag {
  return typeof value === "object" && value !== null ? (value as Bag) : {};
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

const noOpenPort: ResourceValidationPolicy = {
  name: "no-open-redis-port",
  description:
    "Redis, its bus, the exporter and ssh are open to named sources only, never to the whole internet.",
  enforcementLevel: "mandatory",
  validateResource: ({ type, props }: ResourceValidationArgs, report: ReportViolation) => {
    for (const { from, to, source } of openings(type, props)) {
      const port = PORTS.find((each) => from <= each && each <= to);
      if (port !== undefined && source !== "" && isOpenToTheWorld(source))
        report(`port ${port} is open to ${source}: name the security groups or blocks that need it`);
    }
  },
};

interface Opening {
  readonly from: number;
  readonly to: number;
  readonly source: string;
}

/** What a resource opens, in the three ways in which @pulumi/aws can say it. */
function openings(type: string, props: Bag): Opening[] {
  if (type === INGRESS_RULE) return [opening(props, [props.cidrIpv4, props.cidrIpv6])];
  if (type === OLD_RULE && props.type === "ingress") return blocksOf(props);
  if (type === GROUP) return list(props.ingress).flatMap((rule) => blocksOf(bag(rule)));
  return [];
}

function blocksOf(rule: Bag): Opening[] {
  return [...list(rule.cidrBlocks), ...list(rule.ipv6CidrBlocks)].map((block) => opening(rule, [block]));
}

/** Protocol -1 means all ports, whatever else is said. */
function opening(rule: Bag, sources: readonly unknown[]): Opening {
  const source = sources.find((each) => typeof each === "string");
  const isAll = String(rule.ipProtocol ?? rule.protocol) === "-1";
  return {
    from: isAll ? 0 : Number(rule.fromPort ?? 0),
    to: isAll ? 65_535 : Number(rule.toPort ?? 65_535),
    source: typeof source === "string" ? source : "",
  };
}

const imdsv2: ResourceValidationPolicy = {
  name: "imdsv2-only",
  description: "Servers answer for their metadata (and the role's credentials in it) to IMDSv2 only.",
  enforcementLevel: "mandatory",
  validateResource: ({ type, props }, report) => {
    if (type === INSTANCE && bag(props.metadataOptions).httpTokens !== "required")
      report('metadataOptions.httpTokens must be "required"');
  },
};

const encrypted: ResourceValidationPolicy = {
  name: "encrypted-volumes",
  description: "Every volume is encrypted: data, roots, and what a server brings along.",
  enforcementLevel: "mandatory",
  validateResource: ({ type, props }, report) => {
    if (type === VOLUME && props.encrypted !== true) report("the volume must be encrypted");
    if (type !== INSTANCE) return;
    if (bag(props.rootBlockDevice).encrypted !== true) report("rootBlockDevice must be encrypted");
    for (const device of list(props.ebsBlockDevices))
      if (bag(device).encrypted !== true)
        report(`ebsBlockDevices: ${String(bag(device).deviceName)} must be encrypted`);
  },
};

const noPublicAddress: ResourceValidationPolicy = {
  name: "no-public-address",
  description: "No server of a node has a public address, and no subnet gives one out by itself.",
  enforcementLevel: "mandatory",
  validateResource: ({ type, props }, report) => {
    if (type === SUBNET && props.mapPublicIpOnLaunch === true)
      report("mapPublicIpOnLaunch must be false: whatever starts here would be on the internet");
    const isNode = bag(props.tags)[NODE_TAG] !== undefined;
    if (type === INSTANCE && isNode && props.associatePublicIpAddress === true)
      report("the server of a node must have no public address");
    if (type === INTERFACE && isNode && list(props.privateIps).length !== 1)
      report("the interface of a node has one private address, which is its own");
  },
};

const threeZones: StackValidationPolicy = {
  name: "three-zones",
  description: "The nodes of a cluster are spread over three zones, so that losing one leaves a majority.",
  enforcementLevel: "mandatory",
  validateStack: ({ resources }: StackValidationArgs, report) => {
    const volumes = resources.filter(
      ({ type, props }) => type === VOLUME && bag(props.tags)[NODE_TAG] !== undefined,
    );
    const zones = new Set(volumes.map(({ props }) => String(props.availabilityZone)));
    if (volumes.length > 0 && zones.size < 3)
      report(`the cluster's ${volumes.length} nodes are in ${[...zones].join(" and ")}: declare three zones`);
    const primaries = new Map<string, number>();
    for (const { props } of volumes)
      if (/-a$/.test(String(bag(props.tags)[NODE_TAG])))
        primaries.set(
          String(props.availabilityZone),
          (primaries.get(String(props.availabilityZone)) ?? 0) + 1,
        );
    const all = [...primaries.values()].reduce((sum, count) => sum + count, 0);
    for (const [zone, count] of primaries)
      if (all >= 3 && all - count < Math.floor(all / 2) + 1)
        report(`${zone} holds ${count} of ${all} primaries: without it there is no majority`);
  },
};

const backupsInProduction: StackValidationPolicy = {
  name: "backups-in-production",
  description: "A cluster in AWS in a production stack has somewhere to put its backups.",
  enforcementLevel: "mandatory",
  validateStack: ({ resources }, report) => {
    for (const cluster of resources.filter(
      ({ type, urn }) => type === TOPOLOGY && PRODUCTION.test(stackOf(urn)),
    )) {
      if (cluster.props.target === "aws" && !resources.some(writesBackups))
        report(
          "the servers of this production cluster may write no backups: pulumi config set --path backup.to s3://BUCKET/PREFIX",
          cluster.urn,
        );
    }
  },
};

/** urn:pulumi:STACK::... */
function stackOf(urn: string): string {
  return urn.split(":")[2] ?? "";
}

function writesBackups({ type, props }: PolicyResource): boolean {
  return type === ROLE_POLICY && String(props.policy).includes("s3:PutObject");
}

export const RESOURCE_POLICIES: readonly ResourceValidationPolicy[] = [
  noOpenPort,
  imdsv2,
  encrypted,
  noPublicAddress,
];
export const STACK_POLICIES: readonly StackValidationPolicy[] = [threeZones, backupsInProduction];
export const POLICIES = [...RESOURCE_POLICIES, ...STACK_POLICIES];
