/** What goes from one source to one target: MIGRATE of listed keys, or of whatever slots hold. */
import { type Batch, type BatchLimits, CostModel } from "./batches";
import { type Drained, drain, slotsForCall } from "./drain";
import { type BatchOutcome, MAX_UNDER_WAY, migrateGroup, SocketMemory } from "./migrate";
import { Pace } from "./pace";
import type { Pair } from "./pair";
import type { Run } from "./run";

const MAX_BATCH_BYTES = 4 * 1024 * 1024;
const MIN_BATCH_BYTES = 16 * 1024;
/** A batch that may take longer than this part of the node timeout is treated as a big key. */
const BIG_KEY_PART = 8;
const MIN_MIGRATE_TIMEOUT_MS = 200;

/** MIGRATE had no answer from the target: what is where has to be looked at again. */
export class Interrupted extends Error {
  override readonly name = "Interrupted";
}

export class Sender {
  readonly pace: Pace;
  readonly migrateTimeoutMs: number;
  /** What all keys of the source take together: none can be larger. */
  protected holds = { bytes: Number.POSITIVE_INFINITY, keys: 0 };
  /** Whether the source runs scripts, as far as is known. */
  protected scripts = true;
  private socket = new SocketMemory();
  private fencesSeen = 0;
  private slotsDrained = 0;

  constructor(
    readonly run: Run,
    public pair: Pair,
  ) {
    // A silent target must not make the source look dead as well: all that is under way ends within half the node timeout.
    this.pace = new Pace(run.limits, run.context.clock);
    this.migrateTimeoutMs = Math.max(
      MIN_MIGRATE_TIMEOUT_MS,
      Math.floor(run.context.nodeTimeoutMs / 2 / MAX_UNDER_WAY),
    );
  }

  /** Whether the batch is a key to be moved by itself, see bigkeys.ts. */
  isBig(batch: Batch): boolean {
    const expectedMs = this.pace.cost.estimateMs(batch.keys.length, batch.bytes);
    return batch.keys.length === 1 && expectedMs > this.run.context.nodeTimeoutMs / BIG_KEY_PART;
  }

  /** Of one MIGRATE. */
  batchLimits(): BatchLimits {
    const bytes = this.pace.cost.bytesIn(this.run.limits.batchMs);
    return {
      maxKeys: this.run.limits.keysAtOnce,
      maxBytes: Math.min(MAX_BATCH_BYTES, Math.max(MIN_BATCH_BYTES, bytes)),
    };
  }

  /** @throws Interrupted where the target did not answer. */
  async migrate(
    group: readonly Batch[],
    replace: boolean,
    timeoutMs = this.migrateTimeoutMs,
  ): Promise<BatchOutcome[]> {
    const now = () => this.run.now();
    const outcomes = await this.atTarget(async () => {
      const startMs = now();
      const answers = await migrateGroup(this.pair, group, { replace, timeoutMs }, this.socket, now);
      const keys = group.reduce((sum, batch) => sum + batch.keys.length, 0);
      this.pace.learn({ keys, bytes: group.reduce((sum, batch) => sum + batch.bytes, 0) }, startMs);
      return answers;
    });
    const unanswered = outcomes.find((outcome) => outcome.kind === "retry");
    if (unanswered) throw new Interrupted(unanswered.text);
    return outcomes;
  }

  /** Whether the source's connection to the target needs no password any more, which no script is to carry. */
  isLetIn(): boolean {
    const isSeen = this.fencesSeen === this.run.toTarget(this.pair.target.name).fences;
    return this.pair.password === undefined || (isSeen && this.socket.isKnown(this.run.now()));
  }

  /** Keys of the slots, as many as may be moved at a time. @throws Interrupted where the target did not answer. */
  async drain(slots: readonly number[]): Promise<Drained> {
    const drained = await this.atTarget(async () => {
      const startMs = this.run.now();
      const answer = await drain(this.pair, slots, {
        timeoutMs: this.migrateTimeoutMs,
        meanBytes: this.allSmall() ? Math.ceil(this.holds.bytes / Math.max(1, this.holds.keys)) : 0,
        batch: this.batchLimits(),
        maxSlots: slotsForCall(this.slotsDrained),
        budgetMs: this.run.limits.batchMs,
      });
      this.pace.learnCall(answer, startMs);
      return answer;
    });
    this.slotsDrained = drained.done;
    const width = this.run.limits.groupsAtTarget * this.pace.callsUnderWay();
    this.run.toTarget(this.pair.target.name).gate.allow(this.pair.source.name, width);
    if (drained.keys > 0) this.socket.used(this.run.now());
    if (drained.kind === "retry" || drained.kind === "refused") this.socket.lost();
    // Who wants a password is no reason to do without scripts.
    if (drained.kind === "refused" && !/NOAUTH/.test(drained.text)) this.scripts = false;
    this.run.keysMoved += drained.keys;
    this.run.bytesMoved += drained.bytes;
    this.run.report();
    if (drained.kind === "retry") throw new Interrupted(drained.text);
    return drained;
  }

  /** In turn with whatever else goes to the target. */
  private async atTarget<T>(task: () => Promise<T>): Promise<T> {
    const target = this.run.toTarget(this.pair.target.name);
    return target.gate.share(() => {
      if (target.fences !== this.fencesSeen) this.socket.lost();
      this.fencesSeen = target.fences;
      return task();
    });
  }

  /** Whether no key of the source would have to be treated by itself. */
  protected allSmall(): boolean {
    return this.holds.bytes < smallBytes(this.run.context.nodeTimeoutMs);
  }

  /** The source has another connection to the target now, or none. */
  protected forgetSocket(): void {
    this.socket = new SocketMemory();
  }
}

/** What is moved, all of it, before anybody takes its source for dead. */
function smallBytes(nodeTimeoutMs: number): number {
  return new CostModel().bytesIn(nodeTimeoutMs / BIG_KEY_PART);
}
