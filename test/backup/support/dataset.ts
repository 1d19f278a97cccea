/**
 * Keys of all types, and what they hold as a client reads it: by ordinary commands, so that the comparison knows nothing of
 * how backups work. The first letter of a key is its type.
 */
import { createHash } from "node:crypto";
import calculateSlot from "cluster-key-slot";
import type { Command, NodeClient, Reply } from "../../../cluster/client";
import { ioredisConnector } from "../../../cluster/connection";
import { parseClusterNodes } from "../../../cluster/parse";
import { expandRanges } from "../../../cluster/slots";
import type { NodeSpec } from "../../../cluster/spec";
import type { DeclaredCluster } from "../../support/declared-cluster";

const PIPELINE = 500;
const BINARY = Buffer.from([0, 255, 10, 13, 34, 39, 92, 123, 125, 32, 200]);
const DAY_MS = 86_400_000;

interface Primary {
  readonly client: NodeClient;
  readonly slots: ReadonlySet<number>;
}

export interface Target {
  readonly nodes: readonly Pick<NodeSpec, "name" | "host" | "port">[];
  readonly password: string;
}

export function targetOf({ target }: DeclaredCluster): Target {
  return { nodes: target.spec.nodes, password: target.spec.password };
}

export interface Digest {
  /** Of everything that a client can read of the key. */
  readonly sha1: string;
  /** When it expires, Unix time in ms; undefined: never. */
  readonly untilMs: number | undefined;
}

/** By key, as latin1. */
export type Digests = Map<string, Digest>;

/** Between a server's clock and its replies there is the time that it works on a pipeline. */
const TTL_TOLERANCE_MS = 5_000;

/** What `index` becomes: one key of each type in turn; every ninth binary, every eleventh with a time to live. */
function commandsFor(index: number): { readonly key: Buffer; readonly commands: readonly Command[] } {
  const type = "shltzx".charAt(index % 6);
  const name = `${type}:${index}`;
  const key = index % 9 === 0 ? Buffer.concat([Buffer.from(name), BINARY]) : Buffer.from(name);
  const commands: Command[] = [...fill(type, key, index)];
  if (index % 11 === 0) commands.push(["PEXPIREAT", key, Date.now() + DAY_MS + index * 1000]);
  return { key, commands };
}

function fill(type: string, key: Buffer, index: number): Command[] {
  const size = index % 600 < 6 ? 700 : 1 + (index % 5);
  const items = Array.from({ length: size }, (_, at) => `${index}-${at}`);
  switch (type) {
    case "s":
      return [["SET", key, stringValue(index)]];
    case "h":
      return [["HSET", key, ...items.flatMap((item) => [item, `v${item}`])]];
    case "l":
      return [["RPUSH", key, ...items]];
    case "t":
      return [["SADD", key, ...(index % 4 === 0 ? items.map((_, at) => at * 7) : items)]];
    case "z":
      return [["ZADD", key, ...items.flatMap((item, at) => [at * 1.5 - index, item])]];
    default:
      return [
        ...items.map((item, at): Command => ["XADD", key, `${index + 1}-${at + 1}`, "field", item]),
        ["XGROUP", "CREATE", key, "group", "0"],
        ["XREADGROUP", "GROUP", "group", "reader", "COUNT", 2, "STREAMS", key, ">"],
      ];
  }
}

/** Numbers (stored as such), text that is compressed, bytes that are not. */
function stringValue(index: number): Buffer | string {
  switch (index % 4) {
    case 0:
      return String(index * (index % 8 === 0 ? -1 : 1));
    case 1:
      return `${index} `.repeat(20);
    case 2:
      return createHash("sha512").update(String(index)).digest();
    default:
      return "";
  }
}

/** A few that are far larger than any window of the reader or batch of the writer. */
const BIG: readonly Command[] = [
  ["SET", "s:big", Buffer.alloc(12 * 1024 * 1024, "not so easily compressed? ")],
  ["SET", `s:${"long-key".repeat(50)}`, "long"],
  ...Array.from(
    { length: 40 },
    (_, part): Command => [
      "HSET",
      "h:big",
      ...Array.from({ length: 500 }, (_, at) => [`field ${part}-${at}`, `value ${at}`.repeat(3)]).flat(),
    ],
  ),
  ...Array.from(
    { length: 40 },
    (_, part): Command => [
      "RPUSH",
      "l:big",
      ...Array.from({ length: 1000 }, (_, at) => `element ${part} ${at}`),
    ],
  ),
  ...Array.from(
    { length: 20 },
    (_, part): Command => [
      "ZADD",
      "z:big",
      ...Array.from({ length: 1000 }, (_, at) => [part * 1000 + at / 3, `member ${part} ${at}`]).flat(),
    ],
  ),
];

/** Keys `from` to `to`, pipelined to the owners of their slots, and the big ones where `from` is 0. */
export async function writeDataset(target: Target, from: number, to: number): Promise<void> {
  await withPrimaries(target, async (primaries) => {
    const ownerOf = owners(primaries);
    const open = new Map<Primary, Command[]>(primaries.map((primary) => [primary, []]));
    const send = async (key: Buffer, commands: readonly Command[]) => {
      const owner = ownerOf(key);
      const waiting = open.get(owner) ?? [];
      waiting.push(...commands);
      if (waiting.length >= PIPELINE) await flush(owner, waiting);
    };
    for (let index = from; index < to; index++) {
      const { key, commands } = commandsFor(index);
      await send(key, commands);
    }
    if (from === 0) for (const command of BIG) await send(Buffer.from(String(command[1])), [command]);
    for (const [primary, waiting] of open) await flush(primary, waiting);
  });
}

async function flush({ client }: Primary, commands: Command[]): Promise<void> {
  const replies = await client.pipeline(commands);
  const failed = replies.find((reply) => reply instanceof Error);
  if (failed) throw failed;
  commands.length = 0;
}

/** Every key of all primaries, those that begin with one of `besides` left out. */
export async function digestAll(target: Target, besides: readonly string[] = []): Promise<Digests> {
  const digests: Digests = new Map();
  await withPrimaries(target, async (primaries) => {
    await Promise.all(primaries.map((primary) => digestPrimary(primary, digests, besides)));
  });
  return digests;
}

async function digestPrimary(
  { client, slots }: Primary,
  digests: Digests,
  besides: readonly string[],
): Promise<void> {
  let cursor = "0";
  do {
    const [next, found] = (await client.callBinary("SCAN", cursor, "COUNT", PIPELINE)) as [Buffer, Buffer[]];
    cursor = next.toString();
    const keys = found.filter((key) => !besides.some((prefix) => key.toString("latin1").startsWith(prefix)));
    const replies = await client.pipelineBinary([["TIME"], ...keys.flatMap(readsOf)]);
    const [seconds, micros] = replies[0] as Buffer[];
    const nowMs = Number(seconds) * 1000 + Number(micros) / 1000;
    for (const [at, key] of keys.entries()) {
      const [value, ttl, more] = replies.slice(1 + 3 * at, 4 + 3 * at);
      const name = key.toString("latin1");
      if (!slots.has(calculateSlot(key)))
        throw new Error(`${JSON.stringify(name)} is not at the owner of its slot`);
      digests.set(name, {
        sha1: sha1(`${canonical(name, value as Reply)}|${canonical(name, more as Reply)}`),
        untilMs: Number(ttl) < 0 ? undefined : nowMs + Number(ttl),
      });
    }
  } while (cursor !== "0");
}

/** Three commands a key: its value, its time to live, and for streams what their groups have not acknowledged. */
function readsOf(key: Buffer): Command[] {
  const ttl: Command = ["PTTL", key];
  const nothing: Command = ["EXISTS", key];
  switch (key.toString("latin1", 0, 1)) {
    case "h":
      return [["HGETALL", key], ttl, nothing];
    case "l":
      return [["LRANGE", key, 0, -1], ttl, nothing];
    case "t":
      return [["SMEMBERS", key], ttl, nothing];
    case "z":
      return [["ZRANGE", key, 0, -1, "WITHSCORES"], ttl, nothing];
    case "x":
      return [["XRANGE", key, "-", "+"], ttl, ["XPENDING", key, "group"]];
    default:
      return [["GET", key], ttl, nothing];
  }
}

/** Members of hashes and sets come in any order. */
function canonical(name: string, reply: Reply): string {
  // A node that answers CLUSTERDOWN has values all the same: an error is none.
  if (reply instanceof Error) throw reply;
  if (Buffer.isBuffer(reply)) return reply.toString("latin1");
  if (!Array.isArray(reply)) return String(reply);
  const items = reply.map((item) => canonical("", item));
  if (name.startsWith("t")) return items.sort().join(",");
  if (!name.startsWith("h")) return items.join(",");
  const pairs = items.flatMap((item, at) => (at % 2 === 0 ? [`${item}=${items[at + 1]}`] : []));
  return pairs.sort().join(",");
}

/** Differences in words, at most ten. */
export function differences(expected: Digests, found: Digests): string[] {
  const problems: string[] = [];
  for (const [key, digest] of expected) {
    const other = found.get(key);
    if (other === undefined) problems.push(`${JSON.stringify(key)} is missing`);
    else if (other.sha1 !== digest.sha1) problems.push(`${JSON.stringify(key)} differs`);
    else if (
      !(
        other.untilMs === digest.untilMs ||
        Math.abs((other.untilMs ?? 0) - (digest.untilMs ?? 0)) < TTL_TOLERANCE_MS
      )
    )
      problems.push(`${JSON.stringify(key)} expires at another time`);
  }
  for (const key of found.keys())
    if (!expected.has(key)) problems.push(`${JSON.stringify(key)} was never there`);
  return problems.length <= 10 ? problems : [...problems.slice(0, 10), `and ${problems.length - 10} more`];
}

/** Connections to the primaries as the nodes tell, closed afterwards. */
export async function withPrimaries<T>(
  { nodes, password }: Target,
  use: (primaries: readonly Primary[]) => Promise<T>,
): Promise<T> {
  const clients: NodeClient[] = [];
  try {
    const primaries: Primary[] = [];
    for (const node of nodes) {
      const client = await ioredisConnector().connect(node, [password], { replyTimeoutMs: 60_000 });
      clients.push(client);
      const { myself } = parseClusterNodes(String(await client.call("CLUSTER", "NODES")));
      if (myself.flags.includes("master") && myself.slots.length > 0)
        primaries.push({ client, slots: new Set(expandRanges(myself.slots)) });
    }
    return await use(primaries);
  } finally {
    for (const client of clients) client.close();
  }
}

export function owners(primaries: readonly Primary[]): (key: Buffer) => Primary {
  const bySlot = new Map(primaries.flatMap((primary) => [...primary.slots].map((slot) => [slot, primary])));
  return (key) => {
    const owner = bySlot.get(calculateSlot(key));
    if (!owner) throw new Error(`nobody owns the slot of ${key.toString("latin1")}`);
    return owner;
  };
}

function sha1(text: string): string {
  return createHash("sha1").update(text).digest("base64");
}
