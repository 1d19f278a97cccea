/**
 * Clients at work while a test changes the cluster: writers that remember every acknowledged write, readers that check
 * each value they see, over all slots, with a real cluster client (ioredis) that follows redirections and retries.
 *
 * Every key has one writer, which writes 1, 2, 3… So a value below the last acknowledged one is a lost write, seen at
 * once by a reader or at the end by `stop`.
 */
import { setTimeout as sleep } from "node:timers/promises";
import keySlot from "cluster-key-slot";
import { Cluster, type Redis } from "ioredis";
import { SLOT_COUNT } from "../../cluster/spec";

export interface TrafficOptions {
  /** Where the client begins; it finds the others by itself. */
  readonly nodes: readonly { readonly host: string; readonly port: number }[];
  readonly password: string;
  /** Keys, spread evenly over the slots. Default 512. */
  readonly keys?: number;
  /** Writers at a time, each with keys of its own. Default 8. */
  readonly writers?: number;
  /** Of all writers together. Default 1 000. */
  readonly writesPerSecond?: number;
  /** Default 2. */
  readonly readers?: number;
  /** A connection that gives no reply for so long is given up, in ms: a server that was cut off says nothing. Default: it is kept. */
  readonly replyTimeoutMs?: number;
  /** How long one write or read is tried again before it counts as failed, in ms. Default 20 000. */
  readonly giveUpMs?: number;
}

export interface TrafficReport {
  /** Acknowledged writes. */
  readonly writes: number;
  readonly reads: number;
  /** Acknowledged writes that are gone: "key: acknowledged 12, found 11". */
  readonly lost: readonly string[];
  /** Reads that gave less than what was acknowledged before, or more than what was ever written. */
  readonly wrongReads: readonly string[];
  /** Writes and reads that were given up: errors that the client could not retry. */
  readonly failed: readonly string[];
  /** Errors that left the client library although it retries, by text with how often; the caller's own retry succeeded. */
  readonly surfaced: Readonly<Record<string, number>>;
  /** Longest time from asking for a write to its acknowledgement, in ms: what a user saw as unavailability. */
  readonly longestWriteMs: number;
  readonly p99WriteMs: number;
  readonly elapsedMs: number;
}

interface Entry {
  readonly key: string;
  acknowledged: number;
  attempted: number;
}

export class Traffic {
  private readonly entries: readonly Entry[];
  private readonly started = performance.now();
  private readonly latencies: number[] = [];
  private readonly wrongReads: string[] = [];
  private readonly failed: string[] = [];
  private readonly surfaced = new Map<string, number>();
  private readonly waitingSince = new Set<number>();
  private longestMs = 0;
  private reads = 0;
  private stopping = false;
  private workers: Promise<unknown> = Promise.resolve();

  private constructor(
    private readonly client: Cluster,
    private readonly options: TrafficOptions,
  ) {
    this.entries = evenKeys(options.keys ?? 512).map((key) => ({ key, acknowledged: 0, attempted: 0 }));
  }

  /** Connects and goes on until `stop`. */
  static async start(options: TrafficOptions): Promise<Traffic> {
    const client = clusterClient(options);
    const traffic = new Traffic(client, options);
    await client.connect();
    for (const entry of traffic.entries)
      entry.acknowledged = entry.attempted = Number((await client.get(entry.key)) ?? "0");
    const writers = options.writers ?? 8;
    traffic.workers = Promise.all([
      ...Array.from({ length: writers }, (_, index) => traffic.write(index, writers)),
      ...Array.from({ length: options.readers ?? 2 }, (_, index) => traffic.read(index)),
    ]);
    return traffic;
  }

  /** Acknowledged writes so far. */
  get writes(): number {
    return this.latencies.length;
  }

  /** Longest write since the last call, writes still unanswered included, in ms. */
  takeLongestMs(): number {
    const now = performance.now();
    const waiting = Math.max(0, ...[...this.waitingSince].map((since) => now - since));
    const longest = Math.max(this.longestMs, waiting);
    this.longestMs = 0;
    return round(longest);
  }

  /** Ends the workers, reads every key once more and reports. */
  async stop(): Promise<TrafficReport> {
    this.stopping = true;
    await this.workers;
    const elapsedMs = performance.now() - this.started;
    const lost: string[] = [];
    for (const entry of this.entries) {
      const value = Number((await this.retry(`get ${entry.key}`, () => this.client.get(entry.key))) ?? "0");
      if (value < entry.acknowledged || value > entry.attempted)
        lost.push(`${entry.key}: acknowledged ${entry.acknowledged}, found ${value}`);
    }
    this.client.disconnect();
    const sorted = [...this.latencies].sort((a, b) => a - b);
    return {
      writes: sorted.length,
      reads: this.reads,
      lost,
      wrongReads: this.wrongReads,
      failed: this.failed,
      surfaced: Object.fromEntries(this.surfaced),
      longestWriteMs: round(sorted.at(-1) ?? 0),
      p99WriteMs: round(sorted[Math.floor(sorted.length * 0.99)] ?? 0),
      elapsedMs: round(elapsedMs),
    };
  }

  private async write(index: number, writers: number): Promise<void> {
    const own = this.entries.filter((_, at) => at % writers === index);
    const pauseMs = (writers * 1000) / (this.options.writesPerSecond ?? 1000);
    for (let turn = 0; !this.stopping; turn++) {
      const entry = own[turn % own.length];
      if (!entry) return;
      const began = performance.now();
      const value = ++entry.attempted;
      this.waitingSince.add(began);
      const done = await this.retry(`set ${entry.key}`, () => this.client.set(entry.key, value));
      this.waitingSince.delete(began);
      if (done !== undefined) {
        this.longestMs = Math.max(this.longestMs, performance.now() - began);
        entry.acknowledged = value;
        this.latencies.push(performance.now() - began);
      }
      await sleep(Math.max(1, pauseMs - (performance.now() - began)));
    }
  }

  private async read(index: number): Promise<void> {
    for (let turn = index * 7; !this.stopping; turn++) {
      const entry = this.entries[(turn * 31) % this.entries.length];
      if (!entry) return;
      const before = entry.acknowledged;
      const value = await this.retry(`get ${entry.key}`, () => this.client.get(entry.key));
      if (value === undefined) continue;
      this.reads++;
      const found = Number(value ?? "0");
      if (found < before || found > entry.attempted)
        this.wrongReads.push(
          `${entry.key}: acknowledged ${before}, written ${entry.attempted}, read ${found}`,
        );
      await sleep(3);
    }
  }

  /** What an application does: tries again for a while. Undefined: given up, and noted. */
  private async retry<T>(what: string, body: () => Promise<T>): Promise<T | undefined> {
    const deadline = performance.now() + (this.options.giveUpMs ?? 20_000);
    for (;;) {
      try {
        return await body();
      } catch (error) {
        const text = error instanceof Error ? error.message : String(error);
        this.surfaced.set(text, (this.surfaced.get(text) ?? 0) + 1);
        if (performance.now() > deadline) {
          this.failed.push(`${what}: ${text}`);
          return undefined;
        }
        await sleep(10);
      }
    }
  }
}

function clusterClient(options: TrafficOptions): Cluster {
  const client = new Cluster(
    options.nodes.map(({ host, port }) => ({ host, port })),
    {
      lazyConnect: true,
      redisOptions: {
        password: options.password,
        connectTimeout: 1000,
        disableClientInfo: true,
        ...(options.replyTimeoutMs === undefined ? {} : { socketTimeout: options.replyTimeoutMs }),
      },
      // Short pauses, so that what is measured is the cluster's gap and not the client's patience.
      retryDelayOnFailover: 10,
      retryDelayOnClusterDown: 20,
      retryDelayOnTryAgain: 5,
      maxRedirections: 500,
      slotsRefreshTimeout: 1000,
      clusterRetryStrategy: () => 20,
    },
  );
  client.on("error", () => undefined);
  // ioredis sends ASKING without looking at its answer: a connection that ends then is a rejection that nobody handles.
  client.on("+node", (node: Redis) => {
    const asking = node.asking.bind(node);
    node.asking = () => asking().catch(() => "OK");
  });
  return client;
}

/** One key for each of `count` equal parts of the slots. */
function evenKeys(count: number): string[] {
  const keys = new Map<number, string>();
  for (let n = 0; keys.size < count; n++) {
    const key = `traffic:${n}`;
    const part = Math.floor((keySlot(key) * count) / SLOT_COUNT);
    if (!keys.has(part)) keys.set(part, key);
  }
  return [...keys].sort(([a], [b]) => a - b).map(([, key]) => key);
}

function round(ms: number): number {
  return Math.round(ms * 10) / 10;
}
