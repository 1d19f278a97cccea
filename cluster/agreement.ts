/** Whether all nodes tell the same story. Used by the planner, by `settle` and by verification. Pure. */
import { addressOf, type SlotRange } from "./spec";
import type { NodeUp, PeerView } from "./view";

/** The part of a node's view that agreement is about. */
export type Story = Pick<
  NodeUp,
  | "name"
  | "id"
  | "role"
  | "slots"
  | "peers"
  | "primaryId"
  | "linkUp"
  | "clusterState"
  | "migrating"
  | "importing"
>;

/** A story with its members by id: every comparison looks members up, and a thousand nodes tell a million lines. */
interface Told {
  readonly story: Story;
  readonly peers: ReadonlyMap<string, PeerView>;
}

function byId(story: Story): Told {
  const members = story.peers.filter((peer) => !peer.flags.includes("handshake"));
  return { story, peers: new Map(members.map((peer) => [peer.id, peer])) };
}

/** Role and slots of a member as a node tells them; its own line is about itself. */
function belief(told: Told, id: string): Pick<PeerView, "primaryId" | "slots"> | undefined {
  if (id !== told.story.id) return told.peers.get(id);
  const { role, primaryId, slots } = told.story;
  return role === "replica" && primaryId !== undefined ? { primaryId, slots } : { slots };
}

/** Ids of those who tell; others are remembered at most. */
type Tellers = ReadonlySet<string>;

function sameSlots(a: readonly SlotRange[], b: readonly SlotRange[]): boolean {
  return (
    a.length === b.length && a.every((range, i) => range.start === b[i]?.start && range.end === b[i]?.end)
  );
}

/**
 * The first teller that two nodes tell different things of. What is only remembered is no dispute: a node that joins never
 * hears of an id whose disk was lost, or (7.0) hears the bare id, without role and slots. Who has its slots is told by owners.
 */
function disputed(a: Told, b: Told, tellers: Tellers): string | undefined {
  return [...tellers].find((id) => {
    const [one, other] = [belief(a, id), belief(b, id)];
    if (!one || !other) return one !== other;
    return !samePrimary(one.primaryId, other.primaryId, tellers) || !sameSlots(one.slots, other.slots);
  });
}

function samePrimary(one: string | undefined, other: string | undefined, tellers: Tellers): boolean {
  if (one === other) return true;
  const unknowable = (id: string | undefined) => id === undefined || !tellers.has(id);
  return (one === undefined || other === undefined) && unknowable(one) && unknowable(other);
}

/** Who is to be found where; a member that another node sees elsewhere is not yet agreed upon. */
export interface Expected {
  readonly name: string;
  readonly host: string;
  readonly port: number;
}

/**
 * The first thing that is not settled, as one sentence; `undefined` when all nodes see each other connected at the
 * expected addresses, tell the same roles and slots, serve, and every replica's link is up.
 */
export function unsettled(stories: readonly Story[], expected: readonly Expected[]): string | undefined {
  const told = stories.map(byId);
  return missingPeer(told, expected) ?? disagreement(told) ?? notServing(stories);
}

function missingPeer(told: readonly Told[], expected: readonly Expected[]): string | undefined {
  const declared = new Map(expected.map((node) => [node.name, node]));
  for (const { story, peers } of told) {
    for (const { story: other } of told) {
      if (other === story) continue;
      const peer = peers.get(other.id);
      if (!peer) return `${story.name} does not know ${other.name}`;
      const problem = linkProblem(peer, declared.get(other.name));
      if (problem) return `${story.name} sees ${other.name} ${problem}`;
    }
  }
  return undefined;
}

function linkProblem(peer: PeerView, declared: Expected | undefined): string | undefined {
  if (peer.flags.includes("fail")) return "as failed";
  if (peer.flags.includes("fail?")) return "as possibly failed";
  if (declared && (peer.port !== declared.port || peer.host !== declared.host))
    return `at ${addressOf(peer)} instead of ${addressOf(declared)}`;
  if (!peer.connected) return "disconnected";
  return undefined;
}

function disagreement([first, ...rest]: readonly Told[]): string | undefined {
  if (!first) return undefined;
  const tellers = new Set([first, ...rest].map(({ story }) => story.id));
  for (const other of rest) {
    const id = disputed(first, other, tellers);
    if (id === undefined) continue;
    const about = [first, ...rest].find(({ story }) => story.id === id)?.story.name ?? id.slice(0, 8);
    return `${first.story.name} and ${other.story.name} disagree about the role or the slots of ${about}`;
  }
  return undefined;
}

function notServing(stories: readonly Story[]): string | undefined {
  for (const story of stories) {
    if (story.role === "replica" && !story.linkUp) return `${story.name}'s link to its primary is down`;
    if (story.clusterState !== "ok") return `${story.name} says cluster_state:fail`;
  }
  return undefined;
}
