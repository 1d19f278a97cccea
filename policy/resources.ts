/** Resources as plain data: their types by token, their tags, and what they open. */
import { isOpenToTheWorld } from "../config/aws/cidr";

export const CLUSTER_TAG = "redis-cluster-kit:cluster";
export const NODE_TAG = "redis-cluster-kit:node";

export const INSTANCE = "aws:ec2/instance:Instance";
export const VOLUME = "aws:ebs/volume:Volume";
export const SUBNET = "aws:ec2/subnet:Subnet";
export const INTERFACE = "aws:ec2/networkInterface:NetworkInterface";
export const ADDRESS = "aws:ec2/eip:Eip";
export const ASSOCIATION = "aws:ec2/eipAssociation:EipAssociation";
export const ROLE = "aws:iam/role:Role";
export const ROLE_POLICY = "aws:iam/rolePolicy:RolePolicy";
export const TOPOLOGY = "redis-cluster-kit:index:Topology";
const INGRESS_RULE = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule";
const OLD_RULE = "aws:ec2/securityGroupRule:SecurityGroupRule";
const GROUP = "aws:ec2/securityGroup:SecurityGroup";

export type Bag = Readonly<Record<string, unknown>>;

export function bag(value: unknown): Bag {
  return typeof value === "object" && value !== null ? (value as Bag) : {};
}

export function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** A property that is a text; "" where it is not, or where a preview does not know it yet: asking for such a one throws. */
export function textOf(props: Bag, key: string): string {
  try {
    const value = props[key];
    return typeof value === "string" ? value : "";
  } catch {
    return "";
  }
}

/** A tag's value; "" where it is not there. */
export function tagOf(props: Bag, tag: string): string {
  try {
    return textOf(bag(props.tags), tag);
  } catch {
    return "";
  }
}

export interface Looked {
  readonly type: string;
  readonly props: Bag;
}

/** What is wrong with a rule that opens one of the ports to the world; `undefined` where none does. */
export function openPort({ type, props }: Looked, ports: readonly number[]): string | undefined {
  for (const { from, to, source } of openings(type, props)) {
    const port = ports.find((each) => from <= each && each <= to);
    if (port !== undefined && source !== "" && isOpenToTheWorld(source))
      return `port ${port} is open to ${source}: name the security groups or blocks that need it`;
  }
  return undefined;
}

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
