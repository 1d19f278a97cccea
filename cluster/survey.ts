/** What follows from a spec and a view: who is who, who owns what, who is unknown. Pure; computed once a look. */
import { unsettled } from "./agreement";
import { expandRanges } from "./slots";
import { addressOf, type ClusterSpec, type NodeSpec, SLOT_COUNT } from "./spec";
import type { NodeDown, NodeUp, PeerView, View } from "./view";

/** An id that members remember and no node of ours has (any more), with those who remember it. */
export interface Ghost {
  readonly id: string;
  /** "" where the members have already lost the address. */
  readonly address: string;
  readonly knownBy: readonly string[];
  /** Slots that somebody still ascribes to it. */
  readonly slots: readonly number[];
  /** Declared node whose address it has or had, if that can be told. */
  readonly formerly?: string;
  /**
   * Whether another id answers where it was: a reachable node of ours has its address, or every member that remembers it
   * saw another id there (Redis then takes its address away, flag noaddr). False for what is merely out of reach.
   */
  readonly replaced: boolean;
}

export interface Survey {
  readonly spec: ClusterSpec;
  readonly view: View;
  readonly specOf: ReadonlyMap<string, NodeSpec>;
  readonly up: ReadonlyMap<string, NodeUp>;
  /** Without leaving nodes that are stopped and own nothing: those have left. */
  readonly down: ReadonlyMap<string, NodeDown>;
  /** Name of the reachable node with this id. */
  readonly nameOfId: ReadonlyMap<string, string>;
  /** Names of leaving nodes. */
  readonly leaving: ReadonlySet<string>;
  /** Peers at addresses that are neither declared nor leaving, and alive as far as members know. */
  readonly strangers: readonly PeerView[];
  readonly ghosts: readonly Ghost[];
  /** For each slot the names of the reachable nodes that claim it. */
  readonly claims: readonly (readonly string[])[];
  /** Slots that no reachable node claims. */
  readonly unclaimed: readonly number[];
  /** Slots that two or more reachable nodes claim. */
  readonly contested: readonly number[];
  /** What keeps the declared nodes that answer from being settled (agreement.ts), if anything. */
  readonly unsettled: string | undefined;
  /** Keys on reachable nodes, replicas included. */
  readonly keysSeen: number;
  /**
   * How the largest group's declared members see each reachable node: how many know its id, and whether one sees it at
   * another address than the declared one.
   */
  readonly sightings: ReadonlyMap<string, { readonly knownBy: number; readonly elsewhere: boolean }>;
  /** Declared members of the largest group: the cluster, as opposed to nodes that are not (yet) in it. */
  readonly viewers: ReadonlySet<string>;
  /** Groups of reachable nodes that know each other by id, largest first (slots, then size, then name). */
  readonly components: readonly (readonly string[])[];
}

export function survey(spec: ClusterSpec, view: View): Survey {
  const specs = [...spec.nodes, ...spec.leaving];
  const specOf = new Map(specs.map((node) => [node.name, node]));
  const up = new Map<string, NodeUp>();
  const down = new Map<string, NodeDown>();
  for (const node of view.nodes) if (node.reachable) up.set(node.name, node);
  for (const node of view.nodes) {
    if (!node.reachable && !hasLeft(node, spec, up)) down.set(node.name, node);
  }
  const nameOfId = new Map([...up.values()].map((node) => [node.id, node.name]));
  const leaving = new Set(spec.leaving.map((node) => node.name));
  const claims = claimsOf(up);
  const components = componentsOf(up, nameOfId);
  const viewers = new Set((components[0] ?? []).filter((name) => !leaving.has(name)));
  const { strangers, ghosts } = unknownPeers(specs, up, down, nameOfId);
  return {
    spec,
    view,
    specOf,
    up,
    down,
    nameOfId,
    leaving,
    strangers,
    ghosts,
    claims,
    unclaimed: slotsWhere(claims, (count) => count === 0),
    contested: slotsWhere(claims, (count) => count > 1),
    unsettled: unsettled(
      spec.nodes.flatMap((node) => up.get(node.name) ?? []),
      spec.nodes,
    ),
    keysSeen: [...up.values()].reduce((sum, node) => sum + node.keys, 0),
    sightings: sightingsOf(up, nameOfId, viewers, specOf),
    viewers,
    components,
  };
}

/** A node that is no longer declared, does not run and has no slot in anybody's eyes: what was asked for. */
function hasLeft(node: NodeDown, spec: ClusterSpec, up: ReadonlyMap<string, NodeUp>): boolean {
  const leaving = spec.leaving.find((candidate) => candidate.name === node.name);
  if (!leaving || node.process !== "stopped") return false;
  return ![...up.values()].some((other) =>
    other.peers.some((peer) => addressOf(peer) === addressOf(leaving) && peer.slots.length > 0),
  );
}

/** One shared list for all slots with the same claimants: there are 16384 of them, and a look is taken often. */
function claimsOf(up: ReadonlyMap<string, NodeUp>): (readonly string[])[] {
  const nobody: readonly string[] = [];
  const claims: (readonly string[])[] = new Array<readonly string[]>(SLOT_COUNT).fill(nobody);
  for (const node of up.values()) {
    if (node.role !== "primary") continue;
    const alone: readonly string[] = [node.name];
    for (const range of node.slots)
      for (let slot = range.start; slot <= range.end; slot++) {
        const others = claims[slot] ?? nobody;
        claims[slot] = others.length === 0 ? alone : [...others, node.name];
      }
  }
  return claims;
}

function slotsWhere(claims: readonly (readonly string[])[], wanted: (count: number) => boolean): number[] {
  const slots: number[] = [];
  for (let slot = 0; slot < claims.length; slot++) if (wanted(claims[slot]?.length ?? 0)) slots.push(slot);
  return slots;
}

/** What the members tell of one id. */
interface Sighting {
  peer: PeerView;
  readonly by: string[];
  readonly slots: Set<number>;
  failed: boolean;
  unaddressed: boolean;
}

/**
 * Peers whose id no reachable node has. At the address of a declared node that is down it is that node (neither ghost nor
 * stranger); at the address of a reachable node with another id, or marked noaddr or fail, it is a ghost; else a stranger.
 */
function unknownPeers(
  specs: readonly NodeSpec[],
  up: ReadonlyMap<string, NodeUp>,
  down: ReadonlyMap<string, NodeDown>,
  nameOfId: ReadonlyMap<string, string>,
): { strangers: PeerView[]; ghosts: Ghost[] } {
  const byAddress = new Map(specs.map((node) => [addressOf(node), node]));
  const sightings = new Map<string, Sighting>();
  for (const node of up.values()) {
    for (const peer of node.peers) {
      if (nameOfId.has(peer.id) || peer.flags.includes("handshake")) continue;
      const known = sightings.get(peer.id) ?? {
        peer,
        by: [],
        slots: new Set(),
        failed: false,
        unaddressed: true,
      };
      known.by.push(node.name);
      for (const slot of expandRanges(peer.slots)) known.slots.add(slot);
      if (peer.flags.includes("fail") || peer.flags.includes("noaddr")) known.failed = true;
      if (!peer.flags.includes("noaddr")) known.unaddressed = false;
      if (known.peer.port === 0 && peer.port !== 0) known.peer = peer;
      sightings.set(peer.id, known);
    }
  }
  const strangers: PeerView[] = [];
  const ghosts: Ghost[] = [];
  for (const [id, seen] of [...sightings].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const ours = byAddress.get(addressOf(seen.peer));
    // A declared node that is down with data in place may come back under this id. With its data gone it never will.
    const downNode = ours ? down.get(ours.name) : undefined;
    if (downNode && downNode.data !== "empty") continue;
    if (!ours && !seen.failed) strangers.push(seen.peer);
    else
      ghosts.push({
        id,
        address: seen.peer.port === 0 ? "" : addressOf(seen.peer),
        knownBy: seen.by,
        slots: [...seen.slots].sort((a, b) => a - b),
        ...(ours ? { formerly: ours.name } : {}),
        replaced: ours ? up.has(ours.name) : seen.unaddressed,
      });
  }
  return { strangers, ghosts };
}

function sightingsOf(
  up: ReadonlyMap<string, NodeUp>,
  nameOfId: ReadonlyMap<string, string>,
  viewers: ReadonlySet<string>,
  specOf: ReadonlyMap<string, NodeSpec>,
): Survey["sightings"] {
  const sightings = new Map(
    [...up.keys()].map((name) => [name, { spec: specOf.get(name), knownBy: 0, elsewhere: false }]),
  );
  for (const node of up.values()) {
    if (!viewers.has(node.name)) continue;
    for (const peer of node.peers) {
      const seen = sightings.get(nameOfId.get(peer.id) ?? "");
      if (!seen || peer.flags.includes("handshake")) continue;
      seen.knownBy++;
      if (peer.port !== seen.spec?.port || peer.host !== seen.spec.host) seen.elsewhere = true;
    }
  }
  return sightings;
}

/** Union-find over "knows the id of", in either direction. */
function componentsOf(up: ReadonlyMap<string, NodeUp>, nameOfId: ReadonlyMap<string, string>): string[][] {
  const parent = new Map([...up.keys()].map((name) => [name, name]));
  const root = (name: string): string => {
    let top = name;
    for (let next = parent.get(top); next !== undefined && next !== top; next = parent.get(top)) top = next;
    parent.set(name, top);
    return top;
  };
  for (const node of up.values()) {
    for (const peer of node.peers) {
      const name = nameOfId.get(peer.id);
      if (name && !peer.flags.includes("handshake")) parent.set(root(name), root(node.name));
    }
  }
  const groups = new Map<string, string[]>();
  for (const name of up.keys()) groups.set(root(name), [...(groups.get(root(name)) ?? []), name]);
  const owners = (names: readonly string[]) => names.filter((name) => up.get(name)?.slots.length).length;
  return [...groups.values()]
    .map((names) => names.sort())
    .sort((a, b) => owners(b) - owners(a) || b.length - a.length || ((a[0] ?? "") < (b[0] ?? "") ? -1 : 1));
}
