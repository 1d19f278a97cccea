/** Sends keys into the cluster by RESTORE, pipelined to the owners of their slots, through failovers, never over a key that is there. */
import { UnreachableError } from "../cluster/client";
import type { Clock } from "../cluster/clock";
import { type NodeSpec, SLOT_COUNT } from "../cluster/spec";
import { BackupFailedError, textOf } from "./errors";
import type { LiveShard } from "./fit";
import { CommandRefusedError, type Wire } from "./wire";

export interface Item {
  readonly key: Buffer;
  readonly slot: number;
  /** As RESTORE takes it. */
  readonly payload: Buffer;
  /** Unix time in ms; undefined: does not expire. */
  readonly expiresAtMs: number | undefined;
}

export interface LoaderOptions {
  /** Opens a connection for restoring. */
  readonly open: (node: NodeSpec) => Promise<Wire>;
  readonly clock: Clock;
  readonly signal?: AbortSignal | undefined;
  /** The cluster as it is now; asked again after a failover. Rejects where it cannot be written to. */
  readonly shards: () => Promise<readonly LiveShard[]>;
  /** Whether keys of this restore may be there already, from a run that was killed. */
  readonly continues: boolean;
  /** Keys that are there already, against what they should be: what is wrong with them, in words. */
  readonly compare: (node: NodeSpec, items: readonly Item[]) => Promise<readonly string[]>;
}

/** Commands and bytes of one write to a server; few enough that it serves others in between. */
const BATCH_KEYS = 500;
const BATCH_BYTES = 1024 * 1024;
/** Writes to one server before the first is answered. */
const BATCHES_UNDER_WAY = 3;
/** Bytes after which replicas are waited for: a replica that falls behind its buffer (256 MB) would begin anew. */
const PACE_BYTES = 32 * 1024 * 1024;
const PACE_MS = 10_000;
/** Bound on the time that a batch is tried again, in ms: an election takes less. */
const RETRY_MS = 60_000;
const RETRY_PAUSE_MS = 250;

/** What passes: the owner changed or is being replaced. */
const PASSING = new Set([
  "MOVED",
  "ASK",
  "CLUSTERDOWN",
  "TRYAGAIN",
  "LOADING",
  "READONLY",
  "MASTERDOWN",
  "UNBLOCKED",
  "NOREPLICAS",
]);

interface Lane {
  readonly shard: LiveShard;
  items: Item[];
  bytes: number;
  unpaced: number;
  readonly underWay: Set<Promise<void>>;
}

export class Loader {
  /** Keys that were there already: restored by the run that was killed. */
  present = 0;
  restored = 0;
  private lanes: (Lane | undefined)[] = [];
  private readonly wires = new Map<string, Promise<Wire>>();
  private failure: unknown;
  private closed = false;

  constructor(private readonly options: LoaderOptions) {}

  /** Learns who owns what. Before the first `add`. */
  async open(): Promise<void> {
    this.direct(await this.options.shards());
  }

  /** Resolves when there is room for more. @throws BackupFailedError of this or an earlier key. */
  async add(item: Item): Promise<void> {
    const lane = this.lanes[item.slot];
    if (!lane) throw new Error(`nobody owns slot ${item.slot}`);
    lane.items.push(item);
    lane.bytes += item.payload.length + item.key.length;
    if (lane.items.length >= BATCH_KEYS || lane.bytes >= BATCH_BYTES) await this.flush(lane);
  }

  /** Sends the rest and waits for every answer. */
  async finish(): Promise<void> {
    const lanes = new Set(this.lanes.filter((lane) => lane !== undefined));
    for (const lane of lanes) if (lane.items.length > 0) await this.flush(lane);
    for (const lane of lanes) await Promise.all(lane.underWay);
    if (this.failure) throw this.failure;
  }

  /** Ends what is under way. Nothing is sent once this has resolved. */
  async close(): Promise<void> {
    this.closed = true;
    for (const name of [...this.wires.keys()]) this.forget(name);
    const lanes = new Set(this.lanes.filter((lane) => lane !== undefined));
    await Promise.allSettled([...lanes].flatMap((lane) => [...lane.underWay]));
  }

  /** One batch that failed ends all: also those that are being tried again. */
  private throwIfOver(): void {
    if (this.failure) throw this.failure;
    if (this.closed) throw new BackupFailedError("the restore has ended");
    this.options.signal?.throwIfAborted();
  }

  private direct(shards: readonly LiveShard[]): void {
    const lanes: (Lane | undefined)[] = new Array(SLOT_COUNT).fill(undefined);
    for (const shard of shards) {
      const lane: Lane = { shard, items: [], bytes: 0, unpaced: 0, underWay: new Set() };
      for (const { start, end } of shard.slots) lanes.fill(lane, start, end + 1);
    }
    this.lanes = lanes;
  }

  private async flush(lane: Lane): Promise<void> {
    const { items, bytes } = lane;
    lane.items = [];
    lane.bytes = 0;
    lane.unpaced += bytes;
    while (lane.underWay.size >= BATCHES_UNDER_WAY) await Promise.race(lane.underWay);
    this.throwIfOver();
    const pace = lane.unpaced >= PACE_BYTES;
    if (pace) lane.unpaced = 0;
    const sending = this.send(lane.shard, items, pace)
      .catch((error: unknown) => {
        this.failure ??= error;
      })
      .finally(() => lane.underWay.delete(sending));
    lane.underWay.add(sending);
  }

  private async send(shard: LiveShard, items: readonly Item[], pace: boolean): Promise<void> {
    const replicas = pace ? shard.replicas.length : 0;
    const left = await this.attempt(shard, items, replicas, this.options.continues);
    if (left.items.length > 0) await this.sendAgain(left.items, left.why);
  }

  /** What is left when the owner answered that it is not, or did not answer. Such keys may be there already. */
  private async sendAgain(items: readonly Item[], why: string): Promise<void> {
    const { clock, signal, shards } = this.options;
    const deadline = clock.now() + RETRY_MS;
    let rest = items;
    let reason = why;
    while (rest.length > 0) {
      this.throwIfOver();
      if (clock.now() > deadline) throw stopped(rest, reason);
      await clock.sleep(RETRY_PAUSE_MS, signal);
      const now = await shards().catch(textOf);
      if (typeof now === "string") {
        reason = now;
        continue;
      }
      const next: Item[] = [];
      for (const shard of now) {
        const own = rest.filter(({ slot }) =>
          shard.slots.some(({ start, end }) => start <= slot && slot <= end),
        );
        const left = await this.attempt(shard, own, 0, true);
        if (left.items.length > 0) reason = left.why;
        next.push(...left.items);
      }
      rest = next;
    }
  }

  private async attempt(
    { primary }: LiveShard,
    items: readonly Item[],
    replicas: number,
    mayBeThere: boolean,
  ): Promise<{ readonly items: readonly Item[]; readonly why: string }> {
    if (items.length === 0) return { items, why: "" };
    const { name } = primary.spec;
    try {
      const wire = await this.wire(primary);
      const pacing = wire.restore(items);
      if (replicas > 0) await Promise.all([pacing, wire.wait(replicas, PACE_MS)]);
      const errors = await pacing;
      const left: Item[] = [];
      const there: Item[] = [];
      let why = "";
      this.restored += items.length - errors.size;
      for (const [index, message] of errors) {
        const item = items[index] as Item;
        const code = message.split(" ", 1)[0] ?? "ERR";
        if (code === "BUSYKEY" && mayBeThere) there.push(item);
        else if (PASSING.has(code)) {
          left.push(item);
          why = `${name}: ${message}`;
        } else throw refusal(item, name, code, message);
      }
      await this.accept(primary.spec, there);
      return { items: left, why };
    } catch (error) {
      if (error instanceof CommandRefusedError) {
        const item = items[error.index];
        if (item) throw refusal(item, name, "TOOLARGE", error.message);
      }
      if (!(error instanceof UnreachableError)) throw error;
      this.forget(name);
      return { items, why: error.message };
    }
  }

  /** Keys that are there already are this restore's only if they are what the backup has. */
  private async accept(node: NodeSpec, there: readonly Item[]): Promise<void> {
    if (there.length === 0) return;
    const [problem] = await this.options.compare(node, there);
    if (problem !== undefined)
      throw new BackupFailedError(
        `${problem}, and it was there before this restore came to it: somebody else writes to this cluster. ` +
          "Nothing of theirs was overwritten. Stop them, remove their keys, and run the restore again: it continues.",
      );
    this.present += there.length;
  }

  private async wire({ spec }: LiveShard["primary"]): Promise<Wire> {
    const known = this.wires.get(spec.name);
    if (known) return known;
    this.throwIfOver();
    const opening = this.options.open(spec);
    this.wires.set(spec.name, opening);
    opening.catch(() => this.forget(spec.name));
    return opening;
  }

  private forget(name: string): void {
    const opening = this.wires.get(name);
    this.wires.delete(name);
    opening?.then(
      (wire) => wire.close(),
      () => undefined,
    );
  }
}

function stopped(items: readonly Item[], reason: string): BackupFailedError {
  const largest = items.reduce((one, other) => (other.payload.length > one.payload.length ? other : one));
  return new BackupFailedError(
    `restoring stopped: ${reason}. ${items.length} keys could not be written, the largest of them ${nameOf(largest)} ` +
      `of ${largest.payload.length} bytes. Run the restore again when the cluster is healthy: it continues.`,
  );
}

export function nameOf({ key }: Pick<Item, "key">): string {
  return JSON.stringify(key.toString("latin1").slice(0, 100));
}

function refusal(item: Item, node: string, code: string, message: string): Error {
  const name = nameOf(item);
  switch (code) {
    case "BUSYKEY":
      return new BackupFailedError(
        `key ${name} came into being on ${node} while the restore ran: somebody else writes to this cluster. ` +
          "Nothing of theirs was overwritten. Stop them, remove their keys, and run the restore again: it continues.",
      );
    case "OOM":
      return new BackupFailedError(
        `${node} has no memory left (maxmemory). Raise maxmemory or the number of shards, then run the restore again: it continues.`,
      );
    case "TOOLARGE":
      return new BackupFailedError(
        `${node} does not take key ${name}, whose value has ${item.payload.length} bytes: ${message}. ` +
          "Raise proto-max-bulk-len and client-query-buffer-limit on every node (CONFIG SET), then run the restore again: it continues.",
      );
    default:
      return new BackupFailedError(`${node} did not take key ${name}: ${message}`);
  }
}
