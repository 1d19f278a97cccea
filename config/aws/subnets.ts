/** Which subnet each zone's nodes live in. Keyed by the zone's name: zones that come or go elsewhere move nobody. */
import { type Problem, printable } from "../error";
import { type Block, formatBlock, overlaps, parseBlock, partOf, sizeOf } from "./cidr";
import type { AwsValues } from "./schema";
import type { AwsSubnet } from "./types";

/** Most members a shard can have; see topology.ts, which gives each shard that many addresses. */
const ADDRESSES_PER_SHARD = 6;

/** A new network is cut into 16 equal parts: 8 private ones for the zones a to h, then 8 public ones. */
const PART_BITS = 4;
const PARTS = 8;
const LETTERS = "abcdefgh";

export interface SubnetContext {
  /** Full names. */
  readonly zones: readonly string[];
  readonly region: string;
  readonly shards: number;
}

export function fullZone(zone: string, region: string): string {
  return /^[a-z]$/.test(zone) ? `${region}${zone}` : zone;
}

export function readSubnets(
  values: AwsValues,
  context: SubnetContext,
): { readonly subnets: readonly AwsSubnet[]; readonly problems: readonly Problem[] } {
  const found = values.vpcId === undefined ? newSubnets(values, context) : givenSubnets(values, context);
  const problems = [
    ...found.problems,
    ...sizeProblems(found.subnets, values, context),
    ...overlapProblems(found.subnets),
  ];
  return { subnets: found.subnets, problems };
}

interface Found {
  readonly subnets: readonly AwsSubnet[];
  readonly problems: readonly Problem[];
}

function newSubnets(values: AwsValues, { zones }: SubnetContext): Found {
  const block = parseBlock(values.vpcCidr) ?? { base: 0, prefix: 16 };
  const problems: Problem[] = [];
  if (block.prefix < 16 || block.prefix > 24)
    problems.push(
      problem(
        "vpcCidr",
        values.vpcCidr,
        "a block from /16 to /24: AWS takes no bigger network, and a sixteenth of a smaller one is no subnet",
        "pulumi config set --path aws.vpcCidr 10.60.0.0/16",
      ),
    );
  if (Object.keys(values.subnets).length > 0)
    problems.push(
      problem(
        "subnets",
        Object.keys(values.subnets),
        "nothing, since vpcId is not set and the kit creates the network",
        "pulumi config rm --path aws.subnets, or set aws.vpcId",
      ),
    );
  const far = zones.find((zone) => !LETTERS.includes(zone.at(-1) ?? ""));
  if (far !== undefined)
    problems.push(
      problem(
        "vpcCidr",
        far,
        `zones ${LETTERS.at(0)} to ${LETTERS.at(-1)}: the kit's network has a part for each of these letters`,
        "name other zones, or bring your own network: aws.vpcId and aws.subnets",
      ),
    );
  const subnets = zones.map((zone) => {
    const index = Math.max(0, LETTERS.indexOf(zone.at(-1) ?? ""));
    const own = partOf(block, PART_BITS, index);
    const publicCidr = formatBlock(partOf(block, PART_BITS, PARTS + index));
    return { zone, cidr: formatBlock(own), base: own.base, publicCidr };
  });
  return { subnets, problems };
}

function givenSubnets(values: AwsValues, { zones, region }: SubnetContext): Found {
  const given = new Map(Object.entries(values.subnets).map(([zone, net]) => [fullZone(zone, region), net]));
  const problems: Problem[] = [];
  const subnets = zones.flatMap((zone): AwsSubnet[] => {
    const net = given.get(zone);
    if (net === undefined) {
      problems.push(
        problem(
          "subnets",
          [...given.keys()],
          `a subnet for each of the zones ${zones.join(", ")}; ${zone} has none`,
          `pulumi config set --path "aws.subnets.${zone.slice(region.length)}.id" subnet-0123456789abcdef0, and the same for its cidr`,
        ),
      );
      return [];
    }
    const { base } = parseBlock(net.cidr) ?? { base: 0 };
    const publicPart = net.publicId === undefined ? {} : { publicId: net.publicId };
    return [{ zone, cidr: net.cidr, base, id: net.id, ...publicPart }];
  });
  const ids = subnets.map((subnet) => subnet.id);
  if (new Set(ids).size < ids.length)
    problems.push(
      problem(
        "subnets",
        ids,
        "a subnet of its own for each zone: a subnet lies in one zone, so these nodes would all be lost with it",
        "give each zone the id of a subnet that lies in it",
      ),
    );
  if (values.access === "bastion" && subnets[0] !== undefined && subnets[0].publicId === undefined)
    problems.push(
      problem(
        "subnets",
        "no publicId",
        `a public subnet of ${subnets[0].zone} for the bastion`,
        `pulumi config set --path "aws.subnets.${subnets[0].zone.slice(region.length)}.publicId" subnet-0123456789abcdef0, or pulumi config set --path aws.access direct`,
      ),
    );
  return { subnets, problems };
}

/** The last node's address must be one that AWS gives out: all but the last of the block. */
function sizeProblems(
  subnets: readonly AwsSubnet[],
  values: AwsValues,
  { shards }: SubnetContext,
): Problem[] {
  const last = values.addressOffset + ADDRESSES_PER_SHARD * shards - 1;
  const small = subnets.find(({ cidr }) => last > sizeOf(blockOf(cidr)) - 2);
  if (small === undefined) return [];
  const needed = Math.floor(32 - Math.log2(last + 2));
  return [
    problem(
      values.vpcId === undefined ? "vpcCidr" : "subnets",
      small.cidr,
      `a subnet of at least /${needed} in ${small.zone}: ${shards} shards take the addresses up to number ${last} of it`,
      values.vpcId === undefined
        ? `pulumi config set --path aws.vpcCidr 10.60.0.0/${Math.max(16, needed - PART_BITS)}`
        : "name a bigger subnet, or declare fewer shards or a lower aws.addressOffset",
    ),
  ];
}

function overlapProblems(subnets: readonly AwsSubnet[]): Problem[] {
  for (const [index, one] of subnets.entries())
    for (const other of subnets.slice(index + 1))
      if (overlaps(blockOf(one.cidr), blockOf(other.cidr)))
        return [
          problem(
            "subnets",
            `${one.cidr} in ${one.zone} and ${other.cidr} in ${other.zone}`,
            "blocks that do not overlap: an address would be in both",
            "look the blocks up: aws ec2 describe-subnets",
          ),
        ];
  return [];
}

function blockOf(cidr: string): Block {
  return parseBlock(cidr) ?? { base: 0, prefix: 32 };
}

function problem(key: string, value: unknown, expected: string, cure: string): Problem {
  return { property: `aws.${key}`, value: printable(value), expected, cure };
}
