/** Which keys travel together. Pure. */

export interface SizedKey {
  readonly slot: number;
  readonly key: Buffer;
  /** MEMORY USAGE at the source. */
  readonly bytes: number;
}

/** Keys of one MIGRATE: of one slot (two give CROSSSLOT). */
export interface Batch {
  readonly slot: number;
  readonly keys: readonly SizedKey[];
  readonly bytes: number;
}

export interface BatchLimits {
  readonly maxKeys: number;
  /** A key above it travels alone. */
  readonly maxBytes: number;
}

/** Keeps the order of the keys; every batch is within the limits unless it is a single key. */
export function packBatches(keys: readonly SizedKey[], limits: BatchLimits): Batch[] {
  const batches: Batch[] = [];
  let open: SizedKey[] = [];
  let bytes = 0;
  const flush = () => {
    const [first] = open;
    if (first) batches.push({ slot: first.slot, keys: open, bytes });
    open = [];
    bytes = 0;
  };
  for (const key of keys) {
    const full = open.length >= limits.maxKeys || bytes + key.bytes > limits.maxBytes;
    if (open.length > 0 && (full || open[0]?.slot !== key.slot)) flush();
    open.push(key);
    bytes += key.bytes;
  }
  flush();
  return batches;
}

/** Cuts batches into groups that are sent in one write: each at most `maxBatches`, and at most `budgetMs` by `costMs` or a single batch. */
export function groupBatches(
  batches: readonly Batch[],
  costMs: (batch: Batch) => number,
  budgetMs: number,
  maxBatches: number,
): Batch[][] {
  const groups: Batch[][] = [];
  let leftMs = 0;
  for (const batch of batches) {
    const cost = costMs(batch);
    const open = groups.at(-1);
    if (open && cost <= leftMs && open.length < maxBatches) open.push(batch);
    else {
      groups.push([batch]);
      leftMs = budgetMs;
    }
    leftMs -= cost;
  }
  return groups;
}

/** First guess, before anything was measured: slow enough to begin with small batches. */
const MS_PER_KEY = 0.006;
const MS_PER_BYTE = 1 / 150_000;
const WEIGHT_OF_NEWEST = 0.3;

/** How long a batch blocks the source, learned from those before it. */
export class CostModel {
  private factor = 1;

  estimateMs(keys: number, bytes: number): number {
    return keys * this.msPerKey + bytes * this.msPerByte;
  }

  get msPerKey(): number {
    return this.factor * MS_PER_KEY;
  }

  get msPerByte(): number {
    return this.factor * MS_PER_BYTE;
  }

  learn(keys: number, bytes: number, measuredMs: number): void {
    const guess = keys * MS_PER_KEY + bytes * MS_PER_BYTE;
    if (guess <= 0) return;
    const factor = Math.min(50, Math.max(0.1, measuredMs / guess));
    this.factor += WEIGHT_OF_NEWEST * (factor - this.factor);
  }

  /** Bytes that are expected to take this long. */
  bytesIn(ms: number): number {
    return ms / this.msPerByte;
  }
}
