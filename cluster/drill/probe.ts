/**
 * A client that writes all the while, as a good client does: follows MOVED, tries the other members of the shard when a
 * connection breaks, retries until it is acknowledged. Each write has a key of its own, so that afterwards each
 * acknowledged one is either there or lost; a counter that is overwritten would hide a loss behind the next write.
 */
import { type NodeClient, RedisReplyError, UnreachableError } from "../client";
import type { Clock } from "../clock";
import { addressOf, type NodeSpec } from "../spec";
import { probeKey } from "./keys";
import type { Ack } from "./types";

export interface ProbeOptions {
  readonly runId: string;
  /** Members of the shard, its primary first. */
  readonly members: readonly NodeSpec[];
  /** Hash tags of slots of the shard. */
  readonly tags: readonly string[];
  readonly ratePerSecond: number;
  /** A new authenticated connection. */
  readonly connect: (node: NodeSpec) => Promise<NodeClient>;
  readonly clock: Clock;
  /** Called for every acknowledged write with the node that took it. */
  readonly onAck?: (node: string) => void;
}

/** Writers; each has one write in flight. */
const WRITERS = 4;

/** Life of a probe key, in ms: what a killed drill leaves is gone after it. */
export const PROBE_TTL_MS = 600_000;

/** Pause after a failure that is no redirection, in ms. */
const RETRY_PAUSE_MS = 5;

/** Keys a pipeline, for verifying and deleting. */
const BATCH = 500;

export class Probe {
  /** In order of time, by the probe's clock (not yet relative to the failover). */
  readonly acks: Ack[] = [];
  readonly retries: Record<string, number> = {};
  private readonly acknowledged = new Map<string, string>();
  private readonly pending = new Set<string>();
  private readonly clients = new Map<string, Promise<NodeClient>>();
  private readonly stopping = new AbortController();
  private writers: Promise<void>[] = [];
  private target: NodeSpec;
  private count = 0;
  /** Why the last write that failed did, for errors. */
  lastProblem = "no reply yet";

  constructor(private readonly options: ProbeOptions) {
    const [primary] = options.members;
    if (!primary) throw new Error("a probe needs the members of a shard");
    this.target = primary;
  }

  /** Writes that were tried and never acknowledged. */
  get unacknowledged(): number {
    return this.pending.size;
  }

  /** Slots that are written to. */
  get slotCount(): number {
    return this.options.tags.length;
  }

  start(): void {
    this.writers = Array.from({ length: WRITERS }, () => this.keepWriting());
  }

  /** Ends the writers; what is in flight may still be acknowledged. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await Promise.all(this.writers);
  }

  /** How many acknowledged writes are not there any more, read from `primary`. */
  async countLost(primary: NodeSpec): Promise<number> {
    let lost = 0;
    for (const entries of batches([...this.acknowledged])) {
      const client = await this.client(primary);
      const replies = await client.pipeline(entries.map(([key]) => ["GET", key]));
      replies.forEach((reply, index) => {
        if (reply instanceof RedisReplyError) throw reply;
        if (reply !== entries[index]?.[1]) lost++;
      });
    }
    return lost;
  }

  /** Deletes every key of this run that may exist. */
  async deleteKeys(primary: NodeSpec): Promise<void> {
    for (const keys of batches([...this.acknowledged.keys(), ...this.pending])) {
      const client = await this.client(primary);
      const replies = await client.pipeline(keys.map((key) => ["DEL", key]));
      const failed = replies.find((reply) => reply instanceof RedisReplyError);
      if (failed) throw failed;
    }
  }

  close(): void {
    for (const [name, opening] of this.clients) this.drop(name, opening);
  }

  private async keepWriting(): Promise<void> {
    const { clock, tags, ratePerSecond, runId } = this.options;
    const intervalMs = (1000 * WRITERS) / ratePerSecond;
    let next = clock.now();
    while (!this.stopping.signal.aborted) {
      const number = this.count++;
      const key = probeKey(runId, tags[number % tags.length] ?? "", number);
      await this.write(key, String(number));
      // No catching up after a gap: the rate is bounded at every moment.
      next = Math.max(next + intervalMs, clock.now());
      await this.pause(Math.max(0, next - clock.now()));
    }
  }

  /** Until it is acknowledged or the probe is stopped. The same key and value each time: repeating does no harm. */
  private async write(key: string, value: string): Promise<void> {
    const { clock } = this.options;
    this.pending.add(key);
    const began = clock.now();
    while (!this.stopping.signal.aborted) {
      const node = this.target;
      try {
        const client = await this.client(node);
        await client.call("SET", key, value, "PX", PROBE_TTL_MS);
        const now = clock.now();
        this.acks.push({ atMs: now, tookMs: now - began, node: node.name });
        this.acknowledged.set(key, value);
        this.pending.delete(key);
        this.options.onAck?.(node.name);
        return;
      } catch (error) {
        if (!this.redirect(error, node)) await this.pause(RETRY_PAUSE_MS);
      }
    }
  }

  /** Where to go next. True: at once. */
  private redirect(error: unknown, from: NodeSpec): boolean {
    const word = wordOf(error);
    this.retries[word] = (this.retries[word] ?? 0) + 1;
    this.lastProblem = error instanceof Error ? error.message : String(error);
    if (error instanceof UnreachableError) this.forget(from.name);
    // Another writer has found the way meanwhile.
    if (this.target !== from) return false;
    const { members } = this.options;
    const moved = error instanceof RedisReplyError ? /^MOVED \d+ (\S+)/.exec(error.message)?.[1] : undefined;
    const told = members.find((node) => addressOf(node) === moved);
    this.target = told ?? members[(members.indexOf(from) + 1) % members.length] ?? from;
    return told !== undefined && told !== from;
  }

  private client(node: NodeSpec): Promise<NodeClient> {
    const known = this.clients.get(node.name);
    if (known) return known;
    const opening = this.options.connect(node);
    this.clients.set(node.name, opening);
    opening.catch(() => this.drop(node.name, opening));
    return opening;
  }

  private forget(name: string): void {
    const known = this.clients.get(name);
    if (known) this.drop(name, known);
  }

  private drop(name: string, opening: Promise<NodeClient>): void {
    if (this.clients.get(name) === opening) this.clients.delete(name);
    opening.then(
      (client) => client.close(),
      () => undefined,
    );
  }

  private async pause(ms: number): Promise<void> {
    // Stopped while pausing: the caller looks at the signal.
    await this.options.clock.sleep(ms, this.stopping.signal).catch(() => undefined);
  }
}

function wordOf(error: unknown): string {
  if (error instanceof RedisReplyError) return error.code;
  if (error instanceof UnreachableError) return error.reason;
  return "error";
}

function* batches<T>(items: readonly T[]): Generator<readonly T[]> {
  for (let start = 0; start < items.length; start += BATCH) yield items.slice(start, start + BATCH);
}
