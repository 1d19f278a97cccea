/** What was observed, as plain data. Unreachable is data, not an exception. */
import type { DataState, HostFacts, ProcessState } from "../hosts/host";
import type { SlotRange } from "./spec";

/** Flags of a CLUSTER NODES line that the engine reads (https://redis.io/commands/cluster-nodes). */
export type PeerFlag =
  | "myself"
  | "master"
  | "slave"
  | "fail?"
  | "fail"
  | "handshake"
  | "noaddr"
  | "nofailover";

/** One line of CLUSTER NODES, as one node tells it. */
export interface PeerView {
  readonly id: string;
  readonly host: string;
  readonly port: number;
  readonly busPort: number;
  readonly flags: readonly PeerFlag[];
  readonly primaryId?: string;
  readonly epoch: number;
  readonly connected: boolean;
  readonly slots: readonly SlotRange[];
}

export interface OpenSlot {
  readonly slot: number;
  /** Node id of the other side: the target of a migrating, the source of an importing slot. */
  readonly peerId: string;
}

interface Base {
  readonly name: string;
  readonly process: ProcessState;
  readonly data: DataState;
  readonly host: HostFacts;
}

/** A node that did not answer as a usable member. */
export interface NodeDown extends Base {
  readonly reachable: false;
  /** `auth`: it answers, and none of the known passwords is right. `foreign`: it answers and is no cluster node of ours. */
  readonly why: "refused" | "timeout" | "auth" | "loading" | "foreign" | "error";
  readonly detail: string;
}

/** A node that answered every question. */
export interface NodeUp extends Base {
  readonly reachable: true;
  readonly id: string;
  readonly version: string;
  readonly role: "primary" | "replica";
  readonly configEpoch: number;
  readonly currentEpoch: number;
  readonly clusterState: "ok" | "fail";
  /** Own slots as this node claims them. */
  readonly slots: readonly SlotRange[];
  readonly migrating: readonly OpenSlot[];
  readonly importing: readonly OpenSlot[];
  /** Everything this node knows of the others, itself excluded. */
  readonly peers: readonly PeerView[];
  /** Replica only. */
  readonly primaryId?: string;
  readonly linkUp?: boolean;
  /** Replication offset: master_repl_offset of a primary, slave_repl_offset of a replica. */
  readonly offset: number;
  readonly keys: number;
  readonly usedMemoryBytes: number;
  /** What the keys take (used_memory_dataset); absent where the server does not tell. */
  readonly datasetBytes?: number;
  /** 0: no limit. */
  readonly maxmemoryBytes: number;
  readonly uptimeSeconds: number;
  /** Live values of the declared directives (and cluster-node-timeout), as CONFIG GET answers. */
  readonly settings: Readonly<Record<string, string>>;
  /** First of `acceptedPasswords`; -1 where none is set on the server. */
  readonly passwordIndex: number;
  /** Indexes into [password, ...previousPasswords] of those that open a new connection, ascending. */
  readonly acceptedPasswords: readonly number[];
  /** Further passwords that open one. Before 6.0 there is only one at a time. */
  readonly otherPasswords: number;
  /** Index of the one that the node shows to a primary (masterauth); -1: none, or an unknown one. */
  readonly linkPasswordIndex: number;
  /** Names of clients that hold the advisory lock on this node. */
  readonly lockHolders: readonly string[];
}

export type NodeView = NodeUp | NodeDown;

export interface View {
  /** One entry for each declared and each leaving node, in the order of the spec, leaving nodes last. */
  readonly nodes: readonly NodeView[];
}
