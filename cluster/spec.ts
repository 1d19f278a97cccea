/** The declared cluster, as plain data: what the engine is asked to bring about. */
import type { HostNode } from "../hosts/host";

export const SLOT_COUNT = 16384;

/** Inclusive range of slots, 0 to 16383. */
export interface SlotRange {
  readonly start: number;
  readonly end: number;
}

/** One declared node. Names are unique; a node is found by its address and known by its Redis node id. */
export interface NodeSpec extends HostNode {
  /** Index of the shard, from 0. */
  readonly shard: number;
  /** 0 is the preferred primary, 1 and up are replicas. */
  readonly member: number;
  readonly zone: string;
  /**
   * Declared redis.conf directives without secrets, lower-case names, as CONFIG GET answers them
   * (e.g. `{"maxmemory": "67108864", "save": "900 1 300 10 60 10000"}`). Only directives in here are watched for drift.
   * `rename-command`, which CONFIG GET does not answer, is there as redis.conf has it: sorted pairs, `DEBUG debug-1 KEYS ""`.
   */
  readonly directives: Readonly<Record<string, string>>;
  /** sha256 (hex) of the declared redis.conf, where the engine's host writes it; absent where provisioning does. */
  readonly configSha256?: string;
}

export interface ShardSpec {
  /** Relative share of the slots. 1 unless declared. 0 is not allowed. */
  readonly weight: number;
}

/** The whole declaration. Pure data; the secrets in it are plain here and wrapped everywhere outside the engine. */
export interface ClusterSpec {
  readonly name: string;
  readonly nodes: readonly NodeSpec[];
  readonly shards: readonly ShardSpec[];
  readonly replicasPerShard: number;
  /** Nodes of the previous declaration that this one no longer has: to be drained, forgotten, stopped. */
  readonly leaving: readonly NodeSpec[];
  readonly password: string;
  /** Tried, in order, where `password` is refused: a rotation that is under way. */
  readonly previousPasswords: readonly string[];
  /**
   * Whether `previousPasswords` go on opening connections beside `password` (Redis 6.0 and later): the phase in which
   * clients change over. Default false: the declared one alone does.
   */
  readonly keepPreviousPasswords?: boolean;
  /** Redis version that every node should run, resolved, e.g. "5.0.14". */
  readonly version: string;
  /** The declared directives that CONFIG SET can change in this version; the others need a restart. */
  readonly liveDirectives: readonly string[];
  /** How much of a server's time a slot migration may take (mover/impact.ts). Default "normal". */
  readonly maxMigrationImpact?: "low" | "normal" | "high" | number;
  /** Declared cluster-node-timeout in ms. */
  readonly nodeTimeoutMs: number;
  /**
   * Whether preferred primaries (member 0) get their shards back where one zone would otherwise hold more primaries than
   * declared. Default false: the plan of a rolling change chooses the best heirs, and swapped roles stay as they are.
   */
  readonly failback?: boolean;
  /** Whether a shard of which every node has lost its disk is given new, empty nodes. Default false: it is left alone. */
  readonly acceptDataLoss?: boolean;
}

/** `host:port`, the way nodes are compared with what the cluster reports. */
export function addressOf(node: { host: string; port: number }): string {
  return `${node.host}:${node.port}`;
}
