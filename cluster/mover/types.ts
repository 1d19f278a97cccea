/** What the slot mover is asked, what it needs to know, what it tells. */
import type { ConnectOptions, NodeClient } from "../client";
import type { Clock } from "../clock";
import type { SlotMove } from "../plan/types";
import type { MigrationImpact } from "./impact";

export interface MoveRequest {
  /** Sources and targets by name. Slots that the target already owns are skipped, so a request may be repeated. */
  readonly moves: readonly SlotMove[];
}

/** The cluster as the mover sees it. Nodes are named as in the moves. */
export interface ClusterContext {
  /** Opens a further connection; the mover closes it. `replyTimeoutMs` must be honoured: a large key takes its time. */
  client(node: string, options?: ConnectOptions): Promise<NodeClient>;
  /** Redis node id, as last observed. Checked again before anything is changed. */
  idOf(node: string): string;
  /** Where the other nodes reach it: MIGRATE runs from server to server. */
  addressOf(node: string): { readonly host: string; readonly port: number };
  /** All primaries, those without slots included. */
  readonly primaries: readonly string[];
  replicasOf(node: string): readonly string[];
  /** As tried by `client`, whose `passwordIndex` says which one a node accepts: MIGRATE sends it from server to server. */
  readonly passwords: readonly string[];
  /** cluster-node-timeout in ms: no command may block a server near this long. */
  readonly nodeTimeoutMs: number;
  readonly clock: Clock;
  readonly signal?: AbortSignal | undefined;
}

export interface MoveContext extends ClusterContext {
  /** Default "normal". */
  readonly maxMigrationImpact?: MigrationImpact | undefined;
  progress(event: MoveProgress): void;
}

export type MoveProgress =
  | ({ readonly kind: "progress" } & MoveNumbers)
  | { readonly kind: "warning"; readonly text: string };

export interface MoveNumbers {
  readonly slotsDone: number;
  readonly slotsTotal: number;
  readonly keysMoved: number;
  /** Keys counted when the run began; clients may add and delete meanwhile. */
  readonly keysTotal: number;
  /** Memory of the moved keys at their source (MEMORY USAGE), an estimate of what goes over the wire. */
  readonly bytesMoved: number;
  readonly keysPerSecond: number;
  readonly bytesPerSecond: number;
  readonly elapsedMs: number;
  /** Undefined until something has been moved. */
  readonly etaMs?: number;
}

/** Two values of one key. The one that clients were served keeps the name, the other is kept under `quarantineKey`. */
export interface KeyConflict {
  readonly slot: number;
  readonly key: Buffer;
  /** Node whose value kept the name. */
  readonly kept: string;
  /** Node whose value was set aside. */
  readonly setAside: string;
  /** In the same slot, without a TTL. */
  readonly quarantineKey: Buffer;
}

export interface MoveResult extends MoveNumbers {
  readonly conflicts: readonly KeyConflict[];
  /** Slots that were left closed and unmoved, each with its reason, e.g. a key over 512 MB. */
  readonly refused: readonly { readonly slot: number; readonly source: string; readonly reason: string }[];
}

export type MoveErrorCode =
  /** The cluster is not in the state that the request supposes, e.g. a third node owns a slot or a role changed. */
  | "state"
  /** A key cannot be moved. */
  | "key"
  /** The target has no memory left for more. */
  | "memory"
  /** A server answered something that is neither of the above. */
  | "reply"
  /** The cluster does not serve, so no key can move. */
  | "down"
  /** Ownership did not reach all nodes in time. */
  | "agreement";

/** The move stopped where it was safe to. The next run continues from what the cluster shows. */
export class MoveError extends Error {
  constructor(
    readonly code: MoveErrorCode,
    message: string,
  ) {
    super(message);
    this.name = "MoveError";
  }
}
