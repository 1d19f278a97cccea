/**
 * Shards whose primary's disk is gone: the id that owns their slots is nobody's any more. A replica that still has the data
 * takes over; where none has, the slots are given to the new, empty nodes, and only if the declaration accepts that.
 */
import { countSlots, expandRanges, formatRanges, toRanges } from "../slots";
import type { Ghost, Survey } from "../survey";
import type { NodeUp } from "../view";
import { attachReplicas, forgetSteps } from "./members";
import { type ShardState, shardStates } from "./shards";
import type { Refusal, Step } from "./types";

type Reason = Pick<Refusal, "reason" | "cure">;

/** Slots that nobody serves and that members ascribe to an id that is nobody's. */
interface Orphan {
  readonly ghost: Ghost;
  readonly slots: readonly number[];
  /** Its reachable replicas, the one to take over first. */
  readonly replicas: readonly NodeUp[];
}

function orphans(s: Survey): Orphan[] {
  if (s.unclaimed.length === 0) return [];
  const unclaimed = new Set(s.unclaimed);
  return s.ghosts.flatMap((ghost) => {
    const slots = ghost.slots.filter((slot) => unclaimed.has(slot));
    return slots.length === 0 ? [] : [{ ghost, slots, replicas: replicasOf(s, ghost.id) }];
  });
}

/** One that stays before one that leaves, then the one that has and received most; ties by name. */
function replicasOf(s: Survey, id: string): NodeUp[] {
  return [...s.up.values()]
    .filter((node) => node.role === "replica" && node.primaryId === id)
    .sort(
      (a, b) =>
        Number(s.leaving.has(a.name)) - Number(s.leaving.has(b.name)) ||
        b.keys - a.keys ||
        b.offset - a.offset ||
        (a.name < b.name ? -1 : 1),
    );
}

/**
 * A replica copies from its primary's address. Once an empty node runs there it has copied that: within a second it has no
 * key either (seen on 5.0.6). Where the whole cluster is empty there was nothing to lose.
 */
function hasData(s: Survey, { replicas }: Orphan): boolean {
  return replicas.some((node) => node.keys > 0) || (replicas.length > 0 && s.keysSeen === 0);
}

/** Why the slots of vanished ids are left alone, if they are. Asked once every declared node answers. */
export function lossRefusal(s: Survey): Reason | undefined {
  const found = orphans(s);
  const missing = found.find(({ ghost }) => !isReplaced(s, ghost));
  if (missing) return outOfReach(missing);
  const lost = found.filter((orphan) => !hasData(s, orphan));
  if (lost.length > 0 && s.spec.acceptDataLoss !== true) return lostReason(s, lost);
  const served = found.filter(({ replicas }) => replicas.length > 0);
  return served.length === 0 || canVote(s, found.length) ? undefined : noVotes(served);
}

/**
 * Whether new disks are proven: another id answers at its address. Where Redis only tells that the address is another's now
 * (noaddr), an empty declared node must be there for it.
 */
function isReplaced(s: Survey, ghost: Ghost): boolean {
  return (
    ghost.replaced && (ghost.formerly !== undefined || s.spec.nodes.some(({ name }) => isBlank(s, name)))
  );
}

function isBlank(s: Survey, name: string): boolean {
  const node = s.up.get(name);
  return node?.role === "primary" && node.slots.length === 0 && node.keys === 0;
}

function outOfReach({ ghost, slots }: Orphan): Reason {
  const where = ghost.address === "" ? "at an address that is forgotten" : `last seen at ${ghost.address}`;
  return {
    reason: `slots ${formatRanges(toRanges(slots))} belong to node ${ghost.id.slice(0, 8)}, ${where}, which is not declared and does not answer`,
    cure: "Bring that node back, or declare the address that it has now. Slots of a node that may still have its data are never given away.",
  };
}

function lostReason(s: Survey, lost: readonly Orphan[]): Reason {
  const places = homes(s, shardStates(s), lost);
  const what = lost.map((orphan, index) => lossOf(s, orphan, places[index])).join("; ");
  return {
    reason: `${what}. No node holds their data any more`,
    cure:
      "Bring a disk back: put the old data directory of one of these nodes in its place while the node is stopped, start it and run `up` again. " +
      "Or restore a backup. Or go on without that data: `pulumi config set acceptDataLoss true`, then `up`: the slots are served again, empty.",
  };
}

/** "shard 2: slots 5461-10922 were owned by 102ed17d; s1-m0, s1-m1 have new, empty disks" */
function lossOf(s: Survey, { ghost, slots, replicas }: Orphan, home: ShardState | undefined): string {
  const blank = home?.members.filter((node) => isBlank(s, node.name)).map((node) => node.name) ?? [];
  const shard = home && blank.length > 0 ? `shard ${home.index + 1}: ` : "";
  const emptied = replicas.map((node) => node.name);
  return (
    `${shard}slots ${formatRanges(toRanges(slots))} were owned by ${ghost.id.slice(0, 8)}, which no node is any more` +
    (blank.length > 0
      ? `: ${blank.join(", ")} ${blank.length === 1 ? "has" : "have"} a new, empty disk`
      : "") +
    (emptied.length > 0 ? `, and ${emptied.join(", ")} copied from it and has no key either` : "")
  );
}

/** Votes come from primaries that own slots: more than half of all that did. */
function canVote(s: Survey, gone: number): boolean {
  const voters = [...s.up.values()].filter((node) => node.role === "primary" && node.slots.length > 0).length;
  return voters > (voters + gone) / 2;
}

function noVotes(served: readonly Orphan[]): Reason {
  const heirs = served.flatMap(({ replicas }) => replicas[0]?.name ?? []);
  return {
    reason: `${served.length} primaries lost their disks; ${heirs.join(", ")} could take over, and no majority of primaries is left to vote for it`,
    cure: `Run CLUSTER FAILOVER TAKEOVER on ${heirs.join(" and on ")}, which asks nobody; then run \`up\` again.`,
  };
}

/** Where every slot gets an owner again that is not decided by evidence: `undefined` where there is nothing of the kind. */
export function recoverySteps(
  s: Survey,
  shards: readonly ShardState[],
): { steps: readonly Step[]; destructive: boolean } | undefined {
  const found = orphans(s).filter(({ ghost }) => isReplaced(s, ghost));
  const takeovers = found.flatMap((orphan) => takeover(s, orphan));
  if (takeovers.length > 0) return { steps: takeovers, destructive: true };
  if (s.spec.acceptDataLoss !== true) return undefined;
  const steps = found.length > 0 ? abandonSteps(s, shards, found) : resumeSteps(s, shards);
  return steps.length > 0 ? { steps, destructive: true } : undefined;
}

/**
 * Its primary never counts as failed, since Redis does not ping what has no address: no election would ever come. Force
 * asks for votes all the same. A replica that was emptied takes over, too: it cannot forget the primary that it follows.
 */
function takeover(s: Survey, orphan: Orphan): Step[] {
  const [heir] = orphan.replicas;
  const spec = heir && s.specOf.get(heir.name);
  if (!heir || !spec) return [];
  const primary =
    orphan.ghost.formerly ??
    s.spec.nodes.find((node) => node.shard === spec.shard && isBlank(s, node.name))?.name ??
    heir.name;
  const loss = hasData(s, orphan)
    ? "what it had not replicated is lost"
    : `ALL KEYS of slots ${formatRanges(toRanges(orphan.slots))} are lost: ${heir.name} copied from the empty disk`;
  return [
    {
      kind: "failover",
      shard: spec.shard,
      replica: heir.name,
      primary,
      mode: "force",
      reason: `${primary} has a new id (its disk was lost) and owned ${orphan.slots.length} slots; ${loss}`,
    },
  ];
}

/**
 * 1. The old ids are forgotten by everyone, which frees their slots: a node refuses slots that it sees as another's.
 * 2. The slots go to the shard's first member. 3. The others replicate it. Killed after 1, `resumeSteps` goes on.
 */
function abandonSteps(s: Survey, shards: readonly ShardState[], lost: readonly Orphan[]): Step[] {
  const places = homes(s, shards, lost);
  const what = lost.map((orphan, index) => lossOf(s, orphan, places[index])).join("; ");
  const given = lost.map(({ slots }, index) => ({ home: places[index], slots }));
  return [
    ...forgetSteps(s.ghosts.filter((ghost) => isReplaced(s, ghost) || ghost.slots.length === 0)),
    ...assignSteps(s, given, `ALL KEYS of these slots are lost, which is accepted (acceptDataLoss). ${what}`),
    ...attachReplicas(shards),
  ];
}

/** An earlier run forgot the ids and did not come to assign their slots: nobody remembers an owner. */
function resumeSteps(s: Survey, shards: readonly ShardState[]): Step[] {
  if (s.unclaimed.length === 0) return [];
  const remembered = new Set(
    [...s.up.values()].flatMap((node) => node.peers.flatMap((peer) => expandRanges(peer.slots))),
  );
  const free = s.unclaimed.filter((slot) => !remembered.has(slot));
  const empty = leaderless(s, shards);
  if (free.length === 0 || empty.length === 0) return [];
  const share = Math.ceil(free.length / empty.length);
  const given = empty.map((home, index) => ({ home, slots: free.slice(index * share, (index + 1) * share) }));
  const reason = "nobody remembers an owner of these slots; acceptDataLoss lets an empty shard have them";
  return [...assignSteps(s, given, reason), ...attachReplicas(shards)];
}

function assignSteps(
  s: Survey,
  given: readonly { readonly home: ShardState | undefined; readonly slots: readonly number[] }[],
  reason: string,
): Step[] {
  const byNode = new Map<string, number[]>();
  for (const { home, slots } of given) {
    const name = home?.primary?.name;
    if (name !== undefined && slots.length > 0) byNode.set(name, [...(byNode.get(name) ?? []), ...slots]);
  }
  if (byNode.size === 0) return [];
  const assignments = [...byNode].map(([node, slots]) => ({ node, slots: toRanges(slots) }));
  const nodes = s.spec.nodes.map((node) => node.name);
  return [
    { kind: "assignSlots", assignments, reason },
    { kind: "settle", nodes, agreementOnly: true, reason: "every node must know the new owners" },
  ];
}

/** Declared shards that nobody leads and whose first primary is empty. */
function leaderless(s: Survey, shards: readonly ShardState[]): ShardState[] {
  return shards.filter(({ primary }) => primary !== undefined && isBlank(s, primary.name));
}

/**
 * The shard that each of the lost ranges goes to: the one that its node was in, else the next that has nothing, else the
 * one with the fewest slots (shards may have been taken out of the declaration meanwhile).
 */
function homes(
  s: Survey,
  shards: readonly ShardState[],
  lost: readonly Orphan[],
): (ShardState | undefined)[] {
  const free = new Set(leaderless(s, shards));
  const known = lost.map(({ ghost }) => {
    const index = s.specOf.get(ghost.formerly ?? "")?.shard;
    const own = [...free].find((shard) => shard.index === index);
    if (own) free.delete(own);
    return own;
  });
  const left = [...free];
  const slotsOf = ({ primary }: ShardState) =>
    primary ? countSlots(primary.slots) : Number.POSITIVE_INFINITY;
  const [smallest] = [...shards].sort((a, b) => slotsOf(a) - slotsOf(b) || a.index - b.index);
  return known.map((shard) => shard ?? left.shift() ?? smallest);
}
