/** Whether all nodes tell the same story. Used by the planner, by `settle` and by verification. Pure. */
import { formatRanges } from "./slots";
import { addressOf } from "./spec";
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

/** One line a member, sorted by id: what this node believes of the whole cluster, itself included. */
export function signature(story: Story): string {
  const own = `${story.id} ${story.role === "replica" ? story.primaryId : "-"} ${formatRanges(story.slots)}`;
  const others = story.peers
    .filter((peer) => !peer.flags.includes("handshake"))
    .map((peer) => `${peer.id} ${peer.primaryId ?? "-"} ${formatRanges(peer.slots)}`);
  return [own, ...others].sort().join("\n");
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
  const told = signature(first);
  const other = rest.find((story) => signature(story) !== told);
  return other && `${first.name} and ${other.name} disagree about members, roles or slots`;
}

function notServing(stories: readonly Story[]): string | undefined {
  for (const story of stories) {
    if (story.role === "replica" && !story.linkUp) return `${story.name}'s link to its primary is down`;
    if (story.clusterState !== "ok") return `${story.name} says cluster_state:fail`;
  }
  return undefined;
}
