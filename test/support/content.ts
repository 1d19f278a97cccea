/**
 * A known data set in a cluster, and the proof that it is still there: every key at exactly one primary, the owner of its
 * slot, with the value that it was given. Some keys have backslashes, line ends, quotes and bytes that are no text.
 */
import calculateSlot from "cluster-key-slot";
import type { Command, NodeClient } from "../../cluster/client";
import { ioredisConnector } from "../../cluster/connection";
import { parseClusterNodes } from "../../cluster/parse";
import { expandRanges } from "../../cluster/slots";
import type { NodeSpec } from "../../cluster/spec";

const PIPELINE = 1000;
const PREFIX = "key:";
/** What redis-cli's rebalance and many scripts stumble over (redis #4941, #6072). */
const AWKWARD = Buffer.from([92, 92, 110, 34, 39, 10, 13, 0, 255, 32, 123, 125]);
const VALUE_BYTES = 100;
const NOISE = noise(4096);

interface Member {
  readonly name: string;
  readonly client: NodeClient;
  readonly slots: ReadonlySet<number>;
}

/** `key:0` to `key:COUNT-1`; every sixteenth is binary. */
export function keyOf(index: number): Buffer {
  const name = Buffer.from(`${PREFIX}${index}`);
  return index % 16 === 0 ? Buffer.concat([name, AWKWARD]) : name;
}

function expectedValue(index: number): string {
  const at = (index * 7) % (NOISE.length - VALUE_BYTES);
  return `${index} ${NOISE.slice(at, at + VALUE_BYTES)}`;
}

/** Writes the keys at the owners of their slots, pipelined. The cluster must be at rest. */
export async function loadKeys(nodes: readonly NodeSpec[], password: string, count: number): Promise<void> {
  await withPrimaries(nodes, password, async (primaries) => {
    const owners = new Map(primaries.flatMap((member) => [...member.slots].map((slot) => [slot, member])));
    const open = new Map<Member, Command[]>(primaries.map((member) => [member, []]));
    for (let index = 0; index < count; index++) {
      const key = keyOf(index);
      const owner = owners.get(calculateSlot(key));
      const commands = owner && open.get(owner);
      if (!commands) throw new Error(`nobody owns the slot of ${key.toString("latin1")}`);
      commands.push(["SET", key, expectedValue(index)]);
      if (commands.length === PIPELINE) await flush(owner, commands);
    }
    for (const [member, commands] of open) await flush(member, commands);
  });
}

async function flush(member: Member, commands: Command[]): Promise<void> {
  const replies = await member.client.pipeline(commands);
  const failed = replies.find((reply) => reply instanceof Error);
  if (failed) throw failed;
  commands.length = 0;
}

/**
 * What is wrong with the data set, at most 20 lines; empty where all is as loaded. Keys that begin with one of
 * `besides` are somebody else's; any other is reported.
 */
export async function contentProblems(
  nodes: readonly NodeSpec[],
  password: string,
  count: number,
  besides: readonly string[] = ["traffic:"],
): Promise<string[]> {
  const problems: string[] = [];
  const seenAt: (string | undefined)[] = new Array(count);
  await withPrimaries(nodes, password, async (primaries) => {
    for (const member of primaries) problems.push(...(await compare(member, seenAt, besides)));
  });
  for (let index = 0; index < count; index++)
    if (seenAt[index] === undefined) problems.push(`${PREFIX}${index} is gone`);
  return problems.length > 20
    ? [...problems.slice(0, 20), `and ${problems.length - 20} further problems`]
    : problems;
}

/** Keys of all primaries together; a key that two of them hold counts twice. */
export async function countKeys(nodes: readonly NodeSpec[], password: string): Promise<number> {
  return withPrimaries(nodes, password, async (primaries) => {
    const sizes = await Promise.all(primaries.map(({ client }) => client.call("DBSIZE")));
    return sizes.reduce<number>((sum, size) => sum + Number(size), 0);
  });
}

async function compare(
  member: Member,
  seenAt: (string | undefined)[],
  besides: readonly string[],
): Promise<string[]> {
  const problems: string[] = [];
  let cursor = "0";
  do {
    const [next, keys] = (await member.client.callBinary("SCAN", cursor, "COUNT", PIPELINE)) as [
      Buffer,
      Buffer[],
    ];
    cursor = next.toString();
    const own = keys.filter((key) => !besides.some((prefix) => key.toString("latin1").startsWith(prefix)));
    const values = own.length > 0 ? await member.client.pipelineBinary(own.map((key) => ["GET", key])) : [];
    for (const [at, key] of own.entries()) {
      const problem = problemOf(member, key, values[at], seenAt);
      if (problem) problems.push(`${JSON.stringify(key.toString("latin1"))} at ${member.name}: ${problem}`);
    }
  } while (cursor !== "0");
  return problems;
}

function problemOf(
  member: Member,
  key: Buffer,
  value: unknown,
  seenAt: (string | undefined)[],
): string | undefined {
  const index = Number(/^key:(\d+)/.exec(key.toString("latin1"))?.[1] ?? Number.NaN);
  if (!(index < seenAt.length) || !key.equals(keyOf(index))) return "was never written";
  // SCAN may give a key twice while its table is resized.
  if (seenAt[index] !== undefined && seenAt[index] !== member.name) return `is at ${seenAt[index]}, too`;
  seenAt[index] = member.name;
  if (!member.slots.has(calculateSlot(key))) return "is not at the owner of its slot";
  if (value instanceof Error) return value.message;
  return String(value) === expectedValue(index) ? undefined : `has another value: ${String(value)}`;
}

async function withPrimaries<T>(
  nodes: readonly NodeSpec[],
  password: string,
  use: (primaries: readonly Member[]) => Promise<T>,
): Promise<T> {
  const clients: NodeClient[] = [];
  try {
    const primaries: Member[] = [];
    for (const node of nodes) {
      const client = await ioredisConnector().connect(node, [password], { replyTimeoutMs: 60_000 });
      clients.push(client);
      const { myself } = parseClusterNodes(String(await client.call("CLUSTER", "NODES")));
      const slots = new Set(expandRanges(myself.slots));
      if (myself.flags.includes("master")) primaries.push({ name: node.name, client, slots });
    }
    return await use(primaries);
  } finally {
    for (const client of clients) client.close();
  }
}

/** Text without repetitions, the same each time. */
function noise(bytes: number): string {
  let state = 1;
  let text = "";
  while (text.length < bytes) {
    state = (state * 48_271) % 2_147_483_647;
    text += state.toString(36);
  }
  return text.slice(0, bytes);
}
