/** Whether keys of the cluster are what the backup has: values byte by byte as DUMP has them, times to live by the server's clock. */
import { type NodeClient, RedisReplyError } from "../cluster/client";
import type { Sessions } from "../cluster/sessions";
import type { NodeSpec } from "../cluster/spec";
import type { RedisTools } from "./check-rdb";
import type { LiveShard } from "./fit";
import { type Item, nameOf } from "./load";
import { type Scratch, startScratch } from "./scratch";

/** A thousand keys evenly spread, and of every type the first twenty: rare types are where surprises are. */
export class Sampler {
  readonly items: Item[] = [];
  private readonly ofType = new Map<number, number>();
  private seen = 0;
  private bytes = 0;
  private readonly step: number;

  constructor(
    keys: number,
    /** What all samples together may take of this process's memory. */
    private readonly budgetBytes = 128 * MEBIBYTE,
  ) {
    this.step = Math.max(1, Math.floor(keys / SAMPLES));
  }

  offer(item: Item, type: number): void {
    const ofType = this.ofType.get(type) ?? 0;
    if (ofType >= OF_EACH_TYPE && this.seen++ % this.step !== 0) return;
    const size = item.payload.length;
    if (size > LARGEST_SAMPLE_BYTES || this.bytes + size > this.budgetBytes) return;
    this.bytes += size;
    this.ofType.set(type, ofType + 1);
    this.items.push(item);
  }
}

const MEBIBYTE = 1024 * 1024;
const SAMPLES = 1_000;
const OF_EACH_TYPE = 20;
const LARGEST_SAMPLE_BYTES = 4 * MEBIBYTE;
/** Keys and bytes that a node is asked for at once. */
const BATCH_KEYS = 200;
const BATCH_BYTES = 8 * MEBIBYTE;
/** Servers round times to live to whole milliseconds; replies of one pipeline are this close together. */
const TTL_TOLERANCE_MS = 5_000;

export interface Compared {
  readonly same: number;
  /** Expired meanwhile. */
  readonly gone: number;
  /** Stored in another way by this server, and no server for comparing was at hand. */
  readonly unclear: number;
  readonly problems: readonly string[];
}

/** Compares keys with what their owners hold. The caller must call `end`. */
export class Judge {
  private scratch: Promise<Scratch> | undefined;

  constructor(
    private readonly sessions: Sessions,
    private readonly tools: RedisTools | undefined,
  ) {}

  async samples(shards: readonly LiveShard[], items: readonly Item[]): Promise<Compared> {
    const compared: Compared[] = [];
    for (const { primary, slots } of shards) {
      const own = items.filter(({ slot }) => slots.some(({ start, end }) => start <= slot && slot <= end));
      compared.push(await this.onNode(primary.spec, own));
    }
    return sumOf(compared);
  }

  async onNode(node: NodeSpec, items: readonly Item[]): Promise<Compared> {
    const compared: Compared[] = [];
    for (const batch of batches(items)) {
      const asked = await this.sessions.withClient(node, (client) => ask(client, batch));
      compared.push(asked, await this.byMeaning(asked.differing));
    }
    return sumOf(compared);
  }

  async end(): Promise<void> {
    const scratch = await this.scratch?.catch(() => undefined);
    await scratch?.end();
  }

  /** Where a server stores a value in another way: by the digest of its meaning, in a server of our own. */
  private async byMeaning(differing: readonly Differing[]): Promise<Compared> {
    if (differing.length === 0) return NOTHING;
    if (this.tools === undefined) return { ...NOTHING, unclear: differing.length };
    this.scratch ??= startScratch(this.tools);
    const { client } = await this.scratch;
    const problems: string[] = [];
    for (const one of differing) problems.push(...(await digestProblem(client, one)));
    return { ...NOTHING, same: differing.length - problems.length, problems };
  }
}

const NOTHING: Compared = { same: 0, gone: 0, unclear: 0, problems: [] };

function sumOf(all: readonly Compared[]): Compared {
  const sum = (of: (one: Compared) => number) => all.reduce((total, one) => total + of(one), 0);
  return {
    same: sum(({ same }) => same),
    gone: sum(({ gone }) => gone),
    unclear: sum(({ unclear }) => unclear),
    problems: all.flatMap(({ problems }) => problems),
  };
}

function* batches(items: readonly Item[]): Generator<readonly Item[]> {
  let batch: Item[] = [];
  let bytes = 0;
  for (const item of items) {
    batch.push(item);
    bytes += item.payload.length;
    if (batch.length < BATCH_KEYS && bytes < BATCH_BYTES) continue;
    yield batch;
    [batch, bytes] = [[], 0];
  }
  if (batch.length > 0) yield batch;
}

interface Differing {
  readonly item: Item;
  readonly found: Buffer;
}

async function ask(
  client: NodeClient,
  items: readonly Item[],
): Promise<Compared & { readonly differing: readonly Differing[] }> {
  const [time, ...replies] = await client.pipelineBinary([
    ["TIME"],
    ...items.flatMap(({ key }) => [["DUMP", key] as const, ["PTTL", key] as const]),
  ]);
  const nowMs = Array.isArray(time) ? Number(time[0]) * 1000 + Number(time[1]) / 1000 : Date.now();
  const problems: string[] = [];
  const differing: Differing[] = [];
  let [same, gone] = [0, 0];
  for (const [index, item] of items.entries()) {
    const [value, ttl] = [replies[2 * index], Number(replies[2 * index + 1])];
    const name = `key ${nameOf(item)} on ${client.node}`;
    if (value instanceof RedisReplyError) problems.push(`${name}: ${value.message}`);
    else if (value === null) isDue(item, nowMs) ? gone++ : problems.push(`${name} is missing`);
    else if (!isTtlRight(item, ttl, nowMs))
      problems.push(`${name} has ${ttl} ms to live, the backup says until ${item.expiresAtMs ?? "for ever"}`);
    else if (Buffer.isBuffer(value) && value.equals(item.payload)) same++;
    else differing.push({ item, found: value as Buffer });
  }
  return { same, gone, unclear: 0, problems, differing };
}

function isDue({ expiresAtMs }: Item, nowMs: number): boolean {
  return expiresAtMs !== undefined && expiresAtMs < nowMs + TTL_TOLERANCE_MS;
}

function isTtlRight({ expiresAtMs }: Item, ttl: number, nowMs: number): boolean {
  if (expiresAtMs === undefined) return ttl === -1;
  return ttl >= 0 && Math.abs(nowMs + ttl - expiresAtMs) < TTL_TOLERANCE_MS;
}

/** Both values restored side by side: DEBUG DIGEST-VALUE ignores how they are stored. */
async function digestProblem(client: NodeClient, { item, found }: Differing): Promise<string[]> {
  const [, one, other, digests] = await client.pipeline([
    ["FLUSHALL"],
    ["RESTORE", "backup", "0", item.payload],
    ["RESTORE", "cluster", "0", found],
    ["DEBUG", "DIGEST-VALUE", "backup", "cluster"],
  ]);
  const failed = [one, other, digests].find((reply) => reply instanceof RedisReplyError);
  const name = `key ${nameOf(item)}`;
  if (failed) return [`${name} cannot be compared: ${String(failed)}`];
  return Array.isArray(digests) && digests[0] === digests[1] ? [] : [`${name} has another value`];
}
