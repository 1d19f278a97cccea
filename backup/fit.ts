/** Whether a cluster can be backed up now, and from which nodes. Pure. */
import { countSlots, formatRanges, toRanges } from "../cluster/slots";
import { type ClusterSpec, type NodeSpec, SLOT_COUNT, type SlotRange } from "../cluster/spec";
import { survey } from "../cluster/survey";
import type { NodeDown, NodeUp, View } from "../cluster/view";

/** One shard as it is, whoever was declared its primary. */
export interface LiveShard {
  /** From 1: the declared shard of its primary. */
  readonly number: number;
  readonly primary: Member;
  /** Replicas whose link is up, the one that has received most first, ties by name. */
  readonly replicas: readonly Member[];
  readonly slots: readonly SlotRange[];
}

export interface Member {
  readonly spec: NodeSpec;
  readonly up: NodeUp;
}

export interface Problem {
  readonly text: string;
  /** Passes by itself in the ordinary case: a failover, a node that starts, a primary that has just come back. */
  readonly passes: boolean;
}

export interface Fitness {
  /** Why it cannot be backed up or restored into; empty where it can. */
  readonly problems: readonly Problem[];
  /** What is not as it should be and no reason to go without a backup: then one is needed most. */
  readonly warnings: readonly string[];
  /** Shards with slots, ordered by their first slot. */
  readonly shards: readonly LiveShard[];
}

export function fitness(spec: ClusterSpec, view: View): Fitness {
  const s = survey(spec, view);
  const members = [...s.up.values()].flatMap((up) => {
    const node = s.specOf.get(up.name);
    return node ? [{ spec: node, up }] : [];
  });
  const shards = members
    .filter(({ up }) => up.role === "primary" && countSlots(up.slots) > 0)
    .sort((one, other) => (one.up.slots[0]?.start ?? 0) - (other.up.slots[0]?.start ?? 0))
    .map((primary, index) => liveShard(primary, members, index));
  const down = [...s.down.values()].map(({ name, detail }) => `${name} does not serve: ${detail}`);
  const unserved =
    s.up.size > 0 && s.unclaimed.length > 0
      ? [`nobody serves slots ${formatRanges(toRanges(s.unclaimed))}`, ...down]
      : [];
  const problems = [
    ...(s.up.size === 0 ? [lasts("no node answers")] : []),
    ...unserved.map((text) => ({ text, passes: mayReturn(s.down.values(), members) })),
    ...(s.contested.length > 0
      ? [lasts(`two nodes claim slots ${formatRanges(toRanges(s.contested))}`)]
      : []),
    ...members.flatMap(openSlots).map(lasts),
    ...members
      .filter(({ up }) => up.role === "primary" && up.clusterState === "fail")
      .map(({ up }) => passes(`${up.name} says that the cluster is down`)),
    ...disagreements(shards, members).map(passes),
  ];
  const lonely = shards
    .filter(({ replicas }) => replicas.length === 0 && spec.replicasPerShard > 0)
    .map(({ number }) => `shard ${number} has no replica in sync`);
  return { problems, warnings: problems.length > 0 ? [] : [...down, ...lonely], shards };
}

const lasts = (text: string): Problem => ({ text, passes: false });
const passes = (text: string): Problem => ({ text, passes: true });

/** Whether slots that nobody serves may soon be served: a node starts, or a replica is there to take over. */
function mayReturn(down: Iterable<NodeDown>, members: readonly Member[]): boolean {
  if ([...down].some(({ why, process }) => why === "loading" || process === "running")) return true;
  const owners = new Set(members.filter(({ up }) => up.slots.length > 0).map(({ up }) => up.id));
  return members.some(({ up }) => up.role === "replica" && !owners.has(up.primaryId ?? ""));
}

function liveShard(primary: Member, members: readonly Member[], index: number): LiveShard {
  const replicas = members
    .filter(({ up }) => up.role === "replica" && up.primaryId === primary.up.id && up.linkUp === true)
    .sort((one, other) => other.up.offset - one.up.offset || (one.up.name < other.up.name ? -1 : 1));
  return { number: index + 1, primary, replicas, slots: primary.up.slots };
}

function openSlots({ up }: Member): string[] {
  const open = [...up.migrating, ...up.importing].map(({ slot }) => slot);
  if (open.length === 0) return [];
  return [
    `slots move: ${up.name} has open slots ${formatRanges(toRanges(open))}. Wait until they have moved, or finish it with \`up\``,
  ];
}

/** Members that ascribe slots to somebody else than their owner: a failover or a move is under way. */
function disagreements(shards: readonly LiveShard[], members: readonly Member[]): string[] {
  const owners = new Map(shards.map(({ primary, slots }) => [primary.up.id, formatRanges(slots)]));
  return members.flatMap(({ up }) => {
    const wrong = up.peers.find(
      (peer) => owners.has(peer.id) && formatRanges(peer.slots) !== owners.get(peer.id),
    );
    return wrong
      ? [
          `${up.name} sees other owners of slots than the others do: a failover or a move of slots is under way. Try again in a moment`,
        ]
      : [];
  });
}

/** Who owns what: two that are the same mean that no slot changed hands. */
export function ownersText(shards: readonly LiveShard[]): string {
  return shards.map(({ slots }) => formatRanges(slots)).join(" | ");
}

export function allCovered(shards: readonly LiveShard[]): boolean {
  return shards.reduce((sum, { slots }) => sum + countSlots(slots), 0) === SLOT_COUNT;
}
