/** What the workers of one run share: bounds, counters, connections to the nodes that only have to be told. */
import type { NodeClient } from "../client";
import { Gate } from "./gate";
import { type ImpactLimits, impactLimits } from "./impact";
import { REPLY_TIMEOUT_MS } from "./pair";
import type { KeyConflict, MoveContext, MoveNumbers, MoveResult } from "./types";

const REPORT_INTERVAL_MS = 250;
const MS_PER_SECOND = 1000;

export interface TargetState {
  readonly gate: Gate;
  /** How often the connections of all sources to it were ended. */
  fences: number;
}

export class Run {
  readonly limits: ImpactLimits;
  readonly conflicts: KeyConflict[] = [];
  readonly refused: { slot: number; source: string; reason: string }[] = [];
  slotsDone = 0;
  slotsTotal = 0;
  keysMoved = 0;
  keysTotal = 0;
  bytesMoved = 0;
  private readonly startedMs: number;
  private reportedMs = Number.NEGATIVE_INFINITY;
  private readonly targets = new Map<string, TargetState>();
  private readonly sources = new Map<string, Gate>();
  private bigKeyTurn: Promise<void> = Promise.resolve();
  private readonly clients = new Map<string, Promise<NodeClient>>();

  constructor(readonly context: MoveContext) {
    this.limits = impactLimits(context.maxMigrationImpact);
    this.startedMs = context.clock.now();
  }

  /** Goes on counting where an earlier run of the same task stopped. */
  continue(before: Run): void {
    this.keysMoved = before.keysMoved;
    this.bytesMoved = before.bytesMoved;
    this.slotsDone = before.slotsDone;
    this.conflicts.push(...before.conflicts);
    this.refused.push(...before.refused);
  }

  now(): number {
    return this.context.clock.now();
  }

  /** Everything that is sent to a target passes here. */
  toTarget(target: string): TargetState {
    const known = this.targets.get(target) ?? { gate: new Gate(this.limits.groupsAtTarget), fences: 0 };
    this.targets.set(target, known);
    return known;
  }

  /** Who sends keys of a source is alone in it. */
  keysFrom(source: string): Gate {
    const known = this.sources.get(source) ?? new Gate();
    this.sources.set(source, known);
    return known;
  }

  /** One at a time: it changes settings of all nodes while it lasts. */
  oneBigKey(move: () => Promise<void>): Promise<void> {
    const turn = this.bigKeyTurn.then(move);
    this.bigKeyTurn = turn.catch(() => undefined);
    return turn;
  }

  /** Between two batches: the only places where a run stops. */
  throwIfAborted(): void {
    this.context.signal?.throwIfAborted();
  }

  warn(text: string): void {
    this.context.progress({ kind: "warning", text });
  }

  /** The run's shared connection to a node that is neither source nor target of the worker at hand. */
  client(node: string): Promise<NodeClient> {
    const known = this.clients.get(node);
    if (known) return known;
    const opening = this.context.client(node, { replyTimeoutMs: REPLY_TIMEOUT_MS });
    this.clients.set(node, opening);
    opening.catch(() => this.clients.delete(node));
    return opening;
  }

  forget(node: string): void {
    const known = this.clients.get(node);
    this.clients.delete(node);
    known?.then(
      (client) => client.close(),
      () => undefined,
    );
  }

  close(): void {
    for (const node of [...this.clients.keys()]) this.forget(node);
  }

  /** Tells the progress, a few times a second at most. */
  report(): void {
    const now = this.now();
    if (now - this.reportedMs < REPORT_INTERVAL_MS) return;
    this.reportedMs = now;
    this.context.progress({ kind: "progress", ...this.numbers() });
  }

  numbers(): MoveNumbers {
    const elapsedMs = this.now() - this.startedMs;
    const seconds = Math.max(elapsedMs, 1) / MS_PER_SECOND;
    const etaMs = this.etaMs(elapsedMs);
    return {
      slotsDone: this.slotsDone,
      slotsTotal: this.slotsTotal,
      keysMoved: this.keysMoved,
      keysTotal: Math.max(this.keysTotal, this.keysMoved),
      bytesMoved: this.bytesMoved,
      keysPerSecond: this.keysMoved / seconds,
      bytesPerSecond: this.bytesMoved / seconds,
      elapsedMs,
      ...(etaMs === undefined ? {} : { etaMs }),
    };
  }

  result(): MoveResult {
    return { ...this.numbers(), conflicts: this.conflicts, refused: this.refused };
  }

  /** Keys take the time; where there are none, slots do. */
  private etaMs(elapsedMs: number): number | undefined {
    const [done, total] =
      this.keysTotal > 0 ? [this.keysMoved, this.keysTotal] : [this.slotsDone, this.slotsTotal];
    return done > 0 ? (elapsedMs * Math.max(0, total - done)) / done : undefined;
  }
}
