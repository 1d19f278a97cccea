/** Type tokens: the package's public names in stacks of every language. Changing one would replace resources. */
export const PACKAGE = "redis-cluster-kit";
export const TOPOLOGY_TYPE = `${PACKAGE}:index:Topology`;
export const HANDOVER_TYPE = `${PACKAGE}:index:Handover`;
export const REJOIN_TYPE = `${PACKAGE}:index:Rejoin`;
export const LOCAL_MONITORING_TYPE = `${PACKAGE}:index:LocalMonitoring`;
export const REDIS_CLUSTER_TYPE = `${PACKAGE}:index:RedisCluster`;

/** A node as it is declared. An interface, and not the schema's type: programs that use the package need no zod to be type-checked. */
export interface DeclaredNode {
  /** Unique; the node's identity in declarations. */
  readonly name: string;
  /** IPv4 address that the node announces. */
  readonly host: string;
  readonly port: number;
  readonly busPort: number;
  /** Index of the shard, from 0. */
  readonly shard: number;
  /** 0 is the preferred primary. */
  readonly member: number;
  readonly zone: string;
}

/** One node as the cluster showed it last. */
export interface NodeStatus extends DeclaredNode {
  readonly role: "primary" | "replica";
  /** Redis node id, 40 hex digits: the node's identity as long as it keeps its disk. */
  readonly id: string;
}
