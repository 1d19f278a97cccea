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

/** What one node believes of one member. */
interface Belief {
  readonly primaryId: string | undefined;
  readonly slots: readonly SlotRange[];
}

/** What this node believes of the whole cluster, itself included, by node id. Nodes in handshake are not yet members. */
function beliefs(story: Story): Map<string, Belief> {
  const told = new Map<string, Belief>();
  told.set(story.id, {
    primaryId: story.role === "replica" ? story.primaryId : undefined,
    slots: story.slots,
  });
  for (const peer of story.peers) if (!peer.flags.includes("handshake")) told.set(peer.id, peer as Belief);
  return told;
}

function sameSlots(a: readonly SlotRange[], b: readonly SlotRange[]): boolean {
  return (
    a.length === b.length && a.every((range, i) => range.start === b[i]?.start && range.end === b[i]?.end)
  );
}

/** The first member that two nodes believe different things of. */
function disputed(a: ReadonlyMap<string, Belief>, b: ReadonlyMap<string, Belief>): string | undefined {
  for (const [id, belief] of a) {
    const other = b.get(id);
    if (!other || other.primaryId !== belief.primaryId || !sameSlots(other.slots, belief.slots)) return id;
  }
  return a.size === b.size ? undefined : [...b.keys()].find((id) => !a.has(id));
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
  return missingPeer(stories, expected) ?? disagreement(stories) ?? notServing(stories);
}

function missingPeer(stories: readonly Story[], expected: readonly Expected[]): string | undefined {
  const addressOfName = new Map(expected.map((node) => [node.name, addressOf(node)]));
  for (const story of stories) {
    const peers = new Map(story.peers.map((peer) => [peer.id, peer]));
    for (const other of stories) {
      if (other === story) continue;
      const peer = peers.get(other.id);
      if (!peer) return `${story.name} does not know ${other.name}`;
      const problem = linkProblem(peer, addressOfName.get(other.name));
      if (problem) return `${story.name} sees ${other.name} ${problem}`;
    }
  }
  return undefined;
}

function linkProblem(peer: PeerView, address: string | undefined): string | undefined {
  if (peer.flags.includes("handshake")) return "in handshake";
  if (peer.flags.includes("fail")) return "as failed";
  if (peer.flags.includes("fail?")) return "as possibly failed";
  if (address !== undefined && addressOf(peer) !== address)
    return `at ${addressOf(peer)} instead of ${address}`;
  if (!peer.connected) return "disconnected";
  return undefined;
}

function disagreement(stories: readonly Story[]): string | undefined {
  const [first, ...rest] = stories;
  if (!first) return undefined;
  const told = beliefs(first);
  for (const story of rest) {
    const id = disputed(told, beliefs(story));
    if (id === undefined) continue;
    const about = stories.find((other) => other.id === id)?.name ?? id.slice(0, 8);
    return `${first.name} and ${story.name} disagree about the role or the slots of ${about}`;
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
