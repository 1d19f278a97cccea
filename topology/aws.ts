/** Fixed private addresses of nodes in AWS. Pure. */

export interface AwsPlan {
  /** Subnet of each zone with its lowest address as a number. */
  readonly subnets: readonly { readonly zone: string; readonly base: number }[];
  readonly addressOffset: number;
}

/** Most members of a shard: a primary with five replicas. */
const MAX_MEMBERS = 6;

/**
 * The address of a node in its zone's subnet. Like a local port it depends on nothing but shard and member, so that more
 * shards or replicas move nobody.
 */
export function awsAddress(
  { subnets, addressOffset }: AwsPlan,
  node: { readonly shard: number; readonly member: number; readonly zone: string },
): string {
  const base = subnets.find(({ zone }) => zone === node.zone)?.base ?? 0;
  const address = base + addressOffset + node.shard * MAX_MEMBERS + node.member;
  return [24, 16, 8, 0].map((bits) => Math.floor(address / 2 ** bits) % 256).join(".");
}
