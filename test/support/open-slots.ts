/**
 * The open-slot matrix: Redis's five half-migrated states (its own test 20-half-migrated-slot.tcl, switched off upstream) x five key
 * placements x four node events. All 25 slots of an event are built in one cluster; then a tool repairs, and what clients can read after
 * is compared with what was there before.
 */
import calculateSlot from "cluster-key-slot";
import { type Command, type NodeClient, RedisReplyError } from "../../cluster/client";
import { systemClock } from "../../cluster/clock";
import { QUARANTINE_PREFIX } from "../../cluster/mover";
import { parseClusterNodes } from "../../cluster/parse";
import { expandRanges } from "../../cluster/slots";
import { waitUntil } from "../../cluster/wait";
import { BareCluster } from "./bare-cluster";

export const STATES = [
  "migrating set at source",
  "importing set at target",
  "both set",
  "owner set at source only",
  "owner set at target only",
] as const;
export const PLACEMENTS = ["none", "source", "target", "both same", "both different"] as const;
/** The last one is not in the hundred. */
export const EVENTS = [
  "none",
  "source restarts",
  "target restarts",
  "source fails over",
  "target fails over",
] as const;

export type State = (typeof STATES)[number];
export type Placement = (typeof PLACEMENTS)[number];
export type Event = (typeof EVENTS)[number];

export interface Cell {
  readonly slot: number;
  readonly state: State;
  readonly placement: Placement;
  readonly keys: readonly Buffer[];
}

const SOURCE = "a0";
const TARGET = "b0";
const REPLICA_OF = { [SOURCE]: "a1", [TARGET]: "b1" } as const;
const SETTLE_TIMEOUT_MS = 30_000;
const FAILOVER_AGAIN_MS = 6_000;

export function formMatrixCluster(server: string): Promise<BareCluster> {
  return BareCluster.form({
    server,
    shards: 3,
    replicas: 1,
    password: "matrix-password",
    nodeTimeoutMs: 5000,
    directives: { appendonly: "yes", appendfsync: "always" },
  });
}

/**
 * One slot of the source for each state and placement. `binary`: one of the keys is no text; redis-cli 5 cuts such a key at its zero byte
 * and then tries to move the rest of it for ever.
 */
export function cells(binary: boolean): Cell[] {
  return STATES.flatMap((state, row) =>
    PLACEMENTS.map((placement, column): Cell => {
      return { state, placement, ...keysOf(`cell-${row}-${column}`, binary) };
    }),
  );
}

/** A string, a key with bytes that are no text, and a hash; by a tag whose slot the source owns. */
function keysOf(name: string, binary: boolean): Pick<Cell, "slot" | "keys"> {
  for (let attempt = 0; ; attempt++) {
    const tag = `${name}-${attempt}`;
    const slot = calculateSlot(tag);
    if (slot > 5460) continue;
    const keys = [
      Buffer.from(`{${tag}}:string`),
      Buffer.concat([Buffer.from(`{${tag}}`), Buffer.from(binary ? [0, 255, 10, 13, 92, 34] : ":text")]),
      Buffer.from(`{${tag}}:hash`),
    ];
    return { slot, keys };
  }
}

function write(cell: Cell, value: string): Command[] {
  const [text, bytes, hash] = cell.keys;
  if (!text || !bytes || !hash) return [];
  return [
    ["SET", text, value],
    ["SET", bytes, value],
    ["HMSET", hash, "field", value, "other", "same"],
  ];
}

/** Builds the state of every cell, then lets the gossip finish: what a crash leaves, looked at minutes later. */
export async function build(cluster: BareCluster, all: readonly Cell[]): Promise<void> {
  const source = await cluster.client(SOURCE);
  const target = await cluster.client(TARGET);
  for (const cell of all) await placeBefore(cell, source, target, cluster);
  for (const cell of all) await setState(cell, source, target, cluster);
  const given = all.filter((cell) => cell.state === "owner set at target only");
  await waitUntil(() => lostBy(cluster, given), {
    clock: systemClock,
    timeoutMs: SETTLE_TIMEOUT_MS,
    what: "the gossip about slots taken by the target",
  });
  for (const cell of given) await placeAfter(cell, source, cluster);
}

function valuesOf(cell: Cell): { source?: string; target?: string } {
  switch (cell.placement) {
    case "none":
      return {};
    case "source":
      return { source: "only at the source" };
    case "target":
      return { target: "only at the target" };
    case "both same":
      return { source: "the same", target: "the same" };
    case "both different":
      return { source: "the source's", target: "the target's" };
  }
}

/** The source owns the slot: it takes writes; the target takes them as an importing node does. */
async function placeBefore(
  cell: Cell,
  source: NodeClient,
  target: NodeClient,
  cluster: BareCluster,
): Promise<void> {
  const values = valuesOf(cell);
  if (values.target !== undefined) await placeAt(cell, target, values.target, cluster.node(SOURCE).id);
  // A source that hears that it lost a slot deletes the keys of it; these are placed once it has heard.
  const later = cell.state === "owner set at target only";
  if (values.source !== undefined && !later) await all(source, write(cell, values.source));
}

/** Where the target owns the slot already, keys at the source are there as an old copy that came back with it. */
async function placeAfter(cell: Cell, source: NodeClient, cluster: BareCluster): Promise<void> {
  const values = valuesOf(cell);
  if (values.source !== undefined) await placeAt(cell, source, values.source, cluster.node(TARGET).id);
}

/** Writes past the owner, the way keys get there: while the node imports the slot. */
async function placeAt(cell: Cell, at: NodeClient, value: string, ownerId: string): Promise<void> {
  await at.call("CLUSTER", "SETSLOT", cell.slot, "IMPORTING", ownerId);
  await all(
    at,
    write(cell, value).flatMap((command): Command[] => [["ASKING"], command]),
  );
  await at.call("CLUSTER", "SETSLOT", cell.slot, "STABLE");
}

async function setState(
  cell: Cell,
  source: NodeClient,
  target: NodeClient,
  cluster: BareCluster,
): Promise<void> {
  const set = (...rest: string[]): Command => ["CLUSTER", "SETSLOT", cell.slot, ...rest];
  const [sourceId, targetId] = [cluster.node(SOURCE).id, cluster.node(TARGET).id];
  const row = STATES.indexOf(cell.state);
  if (row !== 0) await all(target, [set("IMPORTING", sourceId)]);
  if (row !== 1) await all(source, [set("MIGRATING", targetId)]);
  if (row === 4) await all(target, [set("NODE", targetId)]);
  if (row !== 3) return;
  // With keys at the source SETSLOT NODE is refused; DELSLOTS before it is what an operator in a hurry does.
  const holds = valuesOf(cell).source !== undefined;
  await all(
    source,
    holds ? [["CLUSTER", "DELSLOTS", cell.slot], set("NODE", targetId)] : [set("NODE", targetId)],
  );
}

async function lostBy(cluster: BareCluster, given: readonly Cell[]): Promise<true | string> {
  for (const node of cluster.nodes) {
    const view = parseClusterNodes(String(await (await cluster.client(node.name)).call("CLUSTER", "NODES")));
    const target = [view.myself, ...view.peers].find((line) => line.id === cluster.node(TARGET).id);
    const owned = new Set(expandRanges(target?.slots ?? []));
    const missing = given.find((cell) => !owned.has(cell.slot));
    if (missing) return `${node.name} does not see slot ${missing.slot} at the target`;
  }
  return true;
}

export async function happen(cluster: BareCluster, event: Event): Promise<void> {
  if (event === "source restarts") await cluster.restart(SOURCE);
  if (event === "target restarts") await cluster.restart(TARGET);
  if (event === "source fails over") await failOver(cluster, REPLICA_OF[SOURCE]);
  if (event === "target fails over") await failOver(cluster, REPLICA_OF[TARGET]);
  // Some states leave a slot without owner once its holder is a replica: the cluster is down then, which is for the repair to end.
  if (event !== "none") await cluster.settled(SETTLE_TIMEOUT_MS, false);
}

async function failOver(cluster: BareCluster, name: string): Promise<void> {
  const replica = await cluster.client(name);
  let askedMs = Number.NEGATIVE_INFINITY;
  const look = async () => {
    if (String(await replica.call("ROLE")).startsWith("master")) return true;
    // OK means scheduled; a busy machine may let it run out.
    if (systemClock.now() - askedMs > FAILOVER_AGAIN_MS) {
      askedMs = systemClock.now();
      await replica.call("CLUSTER", "FAILOVER");
    }
    return "not promoted yet";
  };
  await waitUntil(look, { clock: systemClock, timeoutMs: SETTLE_TIMEOUT_MS, what: "the failover" });
}

/** What the primaries hold of one key, by DEBUG DIGEST-VALUE. */
export interface Held {
  readonly node: string;
  readonly digest: string;
  /** Under the key's own name, not set aside. */
  readonly named: boolean;
}

export type Holdings = ReadonlyMap<Buffer, readonly Held[]>;

export async function primariesOf(cluster: BareCluster): Promise<string[]> {
  const names: string[] = [];
  for (const { name } of cluster.nodes) {
    const view = parseClusterNodes(String(await (await cluster.client(name)).call("CLUSTER", "NODES")));
    if (view.myself.flags.includes("master")) names.push(name);
  }
  return names;
}

export async function holdings(cluster: BareCluster, cell: Cell): Promise<Holdings> {
  const held = new Map<Buffer, Held[]>(cell.keys.map((key) => [key, []]));
  for (const node of await primariesOf(cluster)) {
    const client = await cluster.client(node);
    const found = (await client.callBinary("CLUSTER", "GETKEYSINSLOT", cell.slot, 1000)) as Buffer[];
    for (const name of found) {
      const key = cell.keys.find((candidate) => name.equals(candidate) || isSetAside(name, candidate));
      // Unlike GET it answers for any key, whoever owns the slot.
      const [digest] = (await client.call("DEBUG", "DIGEST-VALUE", name)) as string[];
      if (key && digest) held.get(key)?.push({ node, digest, named: name.equals(key) });
    }
  }
  return held;
}

function isSetAside(name: Buffer, key: Buffer): boolean {
  return name.toString("latin1").startsWith(QUARANTINE_PREFIX) && name.subarray(-key.length).equals(key);
}

/** What is wrong with the cell after a repair; empty where it is closed, has one owner, and no value is lost. */
export async function problemsOf(cluster: BareCluster, cell: Cell, before: Holdings): Promise<string[]> {
  const problems: string[] = [];
  const owners = new Set<string>();
  for (const { name } of cluster.nodes) {
    const view = parseClusterNodes(String(await (await cluster.client(name)).call("CLUSTER", "NODES")));
    if ([...view.migrating, ...view.importing].some((open) => open.slot === cell.slot))
      problems.push(`open at ${name}`);
    const owner = [view.myself, ...view.peers].find((line) => expandRanges(line.slots).includes(cell.slot));
    owners.add(cluster.nodes.find((node) => node.id === owner?.id)?.name ?? "nobody");
  }
  const [owner = "nobody"] = owners;
  if (owners.size !== 1 || owner === "nobody") problems.push(`owners seen: ${[...owners].join(", ")}`);
  const after = await holdings(cluster, cell);
  for (const key of cell.keys)
    problems.push(...keyProblems(before.get(key) ?? [], after.get(key) ?? [], owner));
  return [...new Set(problems)];
}

function keyProblems(before: readonly Held[], after: readonly Held[], owner: string): string[] {
  const problems: string[] = [];
  const beside = after.find((held) => held.node !== owner);
  if (beside) problems.push(`value left at ${beside.node}, where clients do not look`);
  const kept = new Set(after.map((held) => held.digest));
  const lost = before.filter((held) => !kept.has(held.digest));
  if (lost.length > 0)
    problems.push(`value of ${[...new Set(lost.map((held) => held.node))].join(", ")} lost`);
  const named = after.filter((held) => held.named && held.node === owner).length;
  if (before.length > 0 && named === 0) problems.push("no value under the key's name");
  return problems;
}

async function all(client: NodeClient, commands: readonly Command[]): Promise<void> {
  const replies = await client.pipeline(commands);
  for (const reply of replies) if (reply instanceof RedisReplyError) throw reply;
}
