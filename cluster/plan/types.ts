/** Findings, steps, plans and refusals: decisions are values, each with its reason. */
import type { SlotRange } from "../spec";

/** One thing about the live cluster that is not as declared. */
export interface Finding {
  readonly severity: "info" | "warning" | "critical";
  /** Stable kebab-case code, e.g. "node-down", "link-down", "slot-uncovered". */
  readonly code: string;
  /** Node or shard it is about, for tables. */
  readonly subject: string;
  /** One sentence: what was found, what was expected. */
  readonly text: string;
}

export interface SlotAssignment {
  readonly node: string;
  readonly slots: readonly SlotRange[];
}

/** Slots that change their primary, both named; nothing else about the slots changes. */
export interface SlotMove {
  readonly source: string;
  readonly target: string;
  readonly slots: readonly SlotRange[];
}

/** From live counts, keys taken as spread evenly over a primary's slots. */
export interface MoveEstimate {
  readonly keys: number;
  readonly bytes: number;
  readonly durationMs: number;
}

interface Reasoned {
  /** Why this step is in the plan, one sentence for the operator. */
  readonly reason: string;
}

/**
 * What the engine can do to a cluster. Each may be repeated, and each leaves the invariants intact.
 * Nodes are named by their spec names.
 */
export type Step = Reasoned &
  (
    | { readonly kind: "startNodes"; readonly nodes: readonly string[] }
    /** Writes the declared files beside running nodes; takes effect at their next start. */
    | { readonly kind: "writeFiles"; readonly nodes: readonly string[] }
    | { readonly kind: "checkReach"; readonly nodes: readonly string[] }
    /** CONFIG SET of one directive on running nodes. */
    | {
        readonly kind: "setLive";
        readonly nodes: readonly string[];
        readonly directive: string;
        readonly value: string;
      }
    | {
        readonly kind: "setEpochs";
        readonly epochs: readonly { readonly node: string; readonly epoch: number }[];
      }
    | { readonly kind: "assignSlots"; readonly assignments: readonly SlotAssignment[] }
    /** Introduces every newcomer to every member, and the other way round. */
    | { readonly kind: "meet"; readonly newcomers: readonly string[]; readonly members: readonly string[] }
    | {
        readonly kind: "replicate";
        readonly links: readonly { readonly replica: string; readonly primary: string }[];
      }
    /**
     * Waits until all nodes agree on members, roles and slots and every replica is in sync; with `agreementOnly` not for
     * replication links and cluster_state, which may need a later step first.
     */
    | { readonly kind: "settle"; readonly nodes: readonly string[]; readonly agreementOnly?: boolean }
    | { readonly kind: "forget"; readonly id: string; readonly node?: string; readonly on: readonly string[] }
    | {
        readonly kind: "failover";
        readonly shard: number;
        readonly replica: string;
        readonly primary: string;
        /** `planned`: CLUSTER FAILOVER, loses nothing. `force`: the primary is proven dead; the unreplicated tail is lost. */
        readonly mode: "planned" | "force";
      }
    | { readonly kind: "moveSlots"; readonly moves: readonly SlotMove[]; readonly estimate: MoveEstimate }
    | { readonly kind: "repairSlots"; readonly slots: readonly SlotRange[] }
    /**
     * A node that is no longer declared leaves: proven to own no slot and, as a primary, to hold no key; then reset,
     * forgotten by every node in `on`, and stopped. Its files stay.
     */
    | {
        readonly kind: "removeNode";
        readonly node: string;
        readonly id: string;
        readonly on: readonly string[];
      }
    /** Stop and start with the declared file and version; the executor waits for link and offset. */
    | { readonly kind: "restartNode"; readonly node: string }
    | {
        readonly kind: "rotatePassword";
        readonly phase: RotationPhase;
        readonly nodes: readonly string[];
      }
  );

/** What a step of a password change does, see plan/password.ts. */
export type RotationPhase = "allow" | "links" | "switch" | "revoke";

export type StepKind = Step["kind"];

export interface Plan {
  readonly kind: "plan";
  readonly findings: readonly Finding[];
  readonly warnings: readonly string[];
  /** Empty: the cluster is as declared. */
  readonly steps: readonly Step[];
  /** Set where what comes after depends on what these steps bring to light, e.g. stopped nodes that must start first. */
  readonly continues?: string;
  /** Whether data is deleted or can be lost by a step. */
  readonly destructive: boolean;
}

export interface Refusal {
  readonly kind: "refusal";
  readonly findings: readonly Finding[];
  /** Why nothing is done. */
  readonly reason: string;
  /** What the operator can do about it. */
  readonly cure: string;
}
