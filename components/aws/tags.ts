/** Tags by which the kit knows its own in an account. */

/** Every resource of a cluster has it, with the cluster's name. */
export const CLUSTER_TAG = "redis-cluster-kit:cluster";
/** Name of the node that a server, volume or network interface belongs to. */
export const NODE_TAG = "redis-cluster-kit:node";
/** "node" or "bastion". */
export const ROLE_TAG = "redis-cluster-kit:role";
/** What a server was launched with and cannot change in place. */
export const LAUNCH_TAG = "redis-cluster-kit:launch";

/** Name by which a server's data volume is attached. It is no tag, but known by it as well. */
export const DATA_DEVICE = "/dev/sdf";

export type Tags = Readonly<Record<string, string>>;

export interface TagSource {
  readonly clusterName: string;
  /** The user's own. */
  readonly tags: Tags;
}

/** `name` is what consoles show. The kit's own win: it finds its servers by them. */
export function tagsOf(
  { clusterName, tags }: TagSource,
  name: string,
  more: Tags = {},
): Record<string, string> {
  return { ...tags, Name: name, [CLUSTER_TAG]: clusterName, ...more };
}
