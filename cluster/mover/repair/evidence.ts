/** What the nodes themselves tell about a slot that is in doubt. */
import { type NodeClient, RedisReplyError, UnreachableError } from "../../client";
import { type ClusterNodes, parseClusterNodes } from "../../parse";
import { countSlots, expandRanges } from "../../slots";
import { countKeys } from "../keys";
import type { Run } from "../run";

/** A primary that answers, and what it tells about one slot. */
export interface Witness {
  readonly name: string;
  readonly id: string;
  /** Its own config epoch. */
  readonly epoch: number;
  /** Id of the owner as this node sees it, itself included; undefined where it knows none. */
  readonly ownerSeen: string | undefined;
  readonly migratingTo?: string;
  readonly importingFrom?: string;
  readonly keys: number;
  /** How many slots it owns. */
  readonly slotCount: number;
}

/** A declared node that does not answer. */
export interface Absent {
  readonly name: string;
  /** As the others remember it by its address; undefined where nobody does. */
  readonly id: string | undefined;
  readonly shard: number;
  /** Role and epoch as the others see it. */
  readonly primary: boolean;
  readonly epoch: number;
}

export interface Replica {
  readonly name: string;
  readonly id: string;
  readonly primaryId: string;
  readonly ownerSeen: string | undefined;
}

/** Everything that is known about one slot. Plain data: the decision is made from this alone. */
export interface SlotEvidence {
  readonly slot: number;
  /** By name. */
  readonly witnesses: readonly Witness[];
  readonly replicas: readonly Replica[];
  readonly absent: readonly Absent[];
  /** Index of the declared shard by node name. */
  readonly shardOf: Readonly<Record<string, number>>;
}

export interface RepairNode {
  readonly name: string;
  readonly shard: number;
}

export interface Look {
  readonly nodes: readonly SeenNode[];
  readonly absent: readonly Absent[];
}

export interface SeenNode extends RepairNode {
  readonly nodes: ClusterNodes;
  readonly primary: boolean;
}

/** Asks every declared node. One that does not answer is data, not an error. */
export async function lookAround(run: Run, declared: readonly RepairNode[]): Promise<Look> {
  const answers = await Promise.all(declared.map((node) => askNode(run, node)));
  const seen = answers.filter((answer): answer is SeenNode => answer !== undefined);
  const silent = declared.filter((_, index) => answers[index] === undefined);
  return { nodes: seen, absent: silent.map((node) => absentOf(run, node, seen)) };
}

async function askNode(run: Run, node: RepairNode): Promise<SeenNode | undefined> {
  try {
    const client = await run.client(node.name);
    const nodes = parseClusterNodes(String(await client.call("CLUSTER", "NODES")));
    return { ...node, nodes, primary: nodes.myself.flags.includes("master") };
  } catch (error) {
    run.forget(node.name);
    const silent =
      error instanceof UnreachableError || (error instanceof RedisReplyError && error.code === "LOADING");
    if (silent) return undefined;
    throw error;
  }
}

function absentOf(run: Run, node: RepairNode, seen: readonly SeenNode[]): Absent {
  const { host, port } = run.context.addressOf(node.name);
  const lines = seen.flatMap(({ nodes }) =>
    nodes.peers.filter((peer) => peer.host === host && peer.port === port),
  );
  const [line] = [...lines].sort((a, b) => b.epoch - a.epoch);
  return {
    ...node,
    id: line?.id,
    primary: line?.flags.includes("master") ?? false,
    epoch: line?.epoch ?? 0,
  };
}

/** The evidence about each of the slots, with the keys counted now. */
export async function gather(run: Run, look: Look, slots: readonly number[]): Promise<SlotEvidence[]> {
  const shardOf = Object.fromEntries(look.nodes.map((node) => [node.name, node.shard]));
  const primaries = look.nodes.filter((node) => node.primary);
  const tables = new Map(look.nodes.map((node) => [node.name, ownersSeen(node.nodes)]));
  const counts = new Map(
    await Promise.all(
      primaries.map(async ({ name }) => [name, await countKeys(await clientOf(run, name), slots)] as const),
    ),
  );
  return slots.map((slot) => ({
    slot,
    witnesses: primaries.map((node) => witnessOf(node, slot, tables.get(node.name), counts.get(node.name))),
    replicas: look.nodes
      .filter((node) => !node.primary)
      .map(({ name, nodes }) => ({
        name,
        id: nodes.myself.id,
        primaryId: nodes.myself.primaryId ?? "",
        ownerSeen: tables.get(name)?.get(slot),
      })),
    absent: look.absent,
    shardOf: { ...shardOf, ...Object.fromEntries(look.absent.map((node) => [node.name, node.shard])) },
  }));
}

function clientOf(run: Run, name: string): Promise<NodeClient> {
  return run.client(name);
}

function witnessOf(
  { name, nodes }: SeenNode,
  slot: number,
  owners: ReadonlyMap<number, string> | undefined,
  counts: ReadonlyMap<number, number> | undefined,
): Witness {
  const migratingTo = nodes.migrating.find((open) => open.slot === slot)?.peerId;
  const importingFrom = nodes.importing.find((open) => open.slot === slot)?.peerId;
  return {
    name,
    id: nodes.myself.id,
    epoch: nodes.myself.epoch,
    ownerSeen: owners?.get(slot),
    ...(migratingTo === undefined ? {} : { migratingTo }),
    ...(importingFrom === undefined ? {} : { importingFrom }),
    keys: counts?.get(slot) ?? 0,
    slotCount: countSlots(nodes.myself.slots),
  };
}

/** Owner's id by slot, as one node sees it. A replica shows no slots on its own line. */
function ownersSeen(nodes: ClusterNodes): Map<number, string> {
  const owners = new Map<number, string>();
  for (const line of [nodes.myself, ...nodes.peers])
    for (const slot of expandRanges(line.slots)) owners.set(slot, line.id);
  return owners;
}
