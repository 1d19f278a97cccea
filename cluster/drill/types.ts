/** Failover drills: what is asked for, what is measured. Times are ms since the failover was caused, before it negative. */
import type { EngineOptions } from "../engine";

/**
 * - `planned`: CLUSTER FAILOVER, as before maintenance.
 * - `crash`: the primary's process is killed and the engine, having the host's proof of death, forces a replica.
 * - `crash-auto`: the process is killed and nobody helps: Redis's own election.
 */
export type DrillMode = "planned" | "crash" | "crash-auto";

export interface DrillRequest {
  readonly mode: DrillMode;
  /** Index of the shard, from 0. */
  readonly shard: number;
  /** Writes a second of the probe client. Default 400: it cannot see gaps much shorter than 1000 / 400 ms. */
  readonly ratePerSecond?: number;
}

export interface DrillOptions
  extends Pick<EngineOptions, "hosts" | "connector" | "clock" | "signal" | "holder"> {
  /** Unique id of this run: part of the probe's keys and of the lock. Default random. */
  readonly runId?: string;
  readonly onEvent?: (event: DrillEvent) => void;
}

export type DrillEventKind =
  | "waiting"
  | "probing"
  | "requested"
  | "killed"
  | "proven-dead"
  | "suspected"
  | "failed"
  | "elected"
  | "serving"
  | "agreed"
  | "restarting"
  | "restarted"
  | "in-sync"
  | "handback"
  | "handed-back"
  | "verified";

export interface DrillEvent {
  readonly kind: DrillEventKind;
  readonly atMs: number;
  /** One short clause for people, e.g. "shard-1-b elected". */
  readonly text: string;
}

/** One acknowledged write. */
export interface Ack {
  readonly atMs: number;
  readonly tookMs: number;
  /** Node that acknowledged it. */
  readonly node: string;
}

/** A stretch without an acknowledged write. */
export interface Gap {
  readonly fromMs: number;
  readonly toMs: number;
}

export interface DrillReport {
  readonly cluster: string;
  readonly mode: DrillMode;
  /** Shard number from 1, as in node names. */
  readonly shard: number;
  readonly redisVersion: string;
  readonly oldPrimary: string;
  readonly newPrimary: string;
  /** Until the death was known: to the engine by the host's proof, to the cluster by a majority. Null when planned. */
  readonly detectMs: number | null;
  /** Until a replica had taken the slots. */
  readonly electMs: number;
  /** Until the new primary acknowledged a write. */
  readonly serveMs: number;
  /** Until every node saw the new primary. */
  readonly agreeMs: number;
  /** Longest time in which no write to the shard was acknowledged, from the cause until roles were put back. */
  readonly unavailabilityMs: number;
  /** The same while nothing happened, before the failover: what the probe cannot tell from noise. */
  readonly quietGapMs: number;
  readonly writes: WriteCounts;
  readonly handback: {
    /** The same while the old primary came back, copied what it had missed, and took over again. */
    readonly unavailabilityMs: number;
    /** From causing the failover until the roles were as before. */
    readonly doneMs: number;
  };
  /** Roles as before, nothing to do for `up`. False: `remaining` says what is left. */
  readonly restored: boolean;
  readonly remaining: readonly string[];
  readonly events: readonly DrillEvent[];
}

export interface WriteCounts {
  readonly acknowledged: number;
  /** Acknowledged, and not found afterwards. */
  readonly lost: number;
  /** Never acknowledged, although tried until the probe ended. */
  readonly unacknowledged: number;
  /** What the probe met and retried, by first word: MOVED, CLUSTERDOWN, closed, refused, timeout. */
  readonly retries: Readonly<Record<string, number>>;
  readonly slots: number;
  readonly ratePerSecond: number;
}

/** The report and what its picture is drawn from. */
export interface Drill {
  readonly report: DrillReport;
  readonly acks: readonly Ack[];
}

/** Nothing was done: the cluster is not in a state in which a drill would prove anything. */
export class DrillRefusedError extends Error {
  override readonly name = "DrillRefusedError";
}

/** The drill did not come to its end. What it had changed was put back unless the text says otherwise. */
export class DrillFailedError extends Error {
  override readonly name = "DrillFailedError";
}
