/**
 * A cluster from fresh nodes, and the rest of one that an earlier run left half-made.
 *
 * Order and its reasons:
 * 1. distinct config epochs while nodes are alone (SET-CONFIG-EPOCH is refused later): no collisions to resolve;
 * 2. slots before introductions: the first packet between two nodes then already tells who owns what;
 * 3. introductions with the declared node timeout: it is also the bound on a handshake, and a short one made sixty
 *    nodes on two busy cores drop theirs over and over;
 * 4. then a short node timeout, since gossip is paced by half of it: agreement comes ten times sooner;
 * 5. replicas last, when their primary is known to them; 6. settle; 7. the declared node timeout again.
 */
import { countSlots, initialRanges } from "../slots";
import type { NodeSpec, SlotRange } from "../spec";
import type { Survey } from "../survey";
import type { NodeUp } from "../view";
import type { Step } from "./types";

/** Node timeout while nothing is stored yet, in ms. 400 ms failed with 60 nodes on two cores. */
export const FORMING_TIMEOUT_MS = 1000;

/** What creation can know of a node before it runs: an empty data directory promises a fresh node. */
interface Starting {
  readonly spec: NodeSpec;
  /** Undefined: it will be fresh once started. */
  readonly up: NodeUp | undefined;
}

/**
 * Whether what exists is nothing, or a part of exactly what creation makes: no keys, no slots other than the ones
 * creation would give to that node, and something of it still missing.
 */
export function isCreation(s: Survey): boolean {
  const nodes = [...s.up.values()];
  const anyStarted = nodes.some((node) => node.slots.length > 0);
  if (nodes.some((node) => node.keys > 0) || s.spec.leaving.length > 0) return false;
  const fresh = [...s.down.values()].every((node) => node.process === "stopped" && node.data === "empty");
  if (!fresh || s.ghosts.some((ghost) => ghost.slots.length > 0)) return false;
  if (!anyStarted) return true;
  const planned = new Map(creationRanges(s).map((entry) => [entry.node, entry.range]));
  const within = nodes.every((node) => {
    const range = planned.get(node.name);
    return node.slots.every((own) => range !== undefined && own.start >= range.start && own.end <= range.end);
  });
  return within && (s.unclaimed.length > 0 || s.components.length > 1 || s.down.size > 0);
}

function creationRanges(s: Survey): { node: string; range: SlotRange }[] {
  const ranges = initialRanges(s.spec.shards.map((shard) => shard.weight));
  return s.spec.nodes
    .filter((node) => node.member === 0)
    .flatMap((node) => {
      const range = ranges[node.shard];
      return range ? [{ node: node.name, range }] : [];
    });
}

export function creationSteps(s: Survey): Step[] {
  const nodes: Starting[] = s.spec.nodes.map((spec) => ({ spec, up: s.up.get(spec.name) }));
  const names = nodes.map((node) => node.spec.name);
  return [
    ...startSteps(nodes),
    {
      kind: "checkReach",
      nodes: names,
      reason: "every node must reach every other on its data and its bus port",
    },
    ...epochSteps(nodes),
    ...slotSteps(s),
    ...meetSteps(s, names),
    {
      kind: "setLive",
      nodes: names,
      directive: "cluster-node-timeout",
      value: String(FORMING_TIMEOUT_MS),
      reason: "nodes without data agree sooner with a short node timeout",
    },
    ...replicateSteps(s),
    { kind: "settle", nodes: names, reason: "all nodes must agree and every replica be in sync" },
    {
      kind: "setLive",
      nodes: names,
      directive: "cluster-node-timeout",
      value: String(s.spec.nodeTimeoutMs),
      reason: "the declared node timeout, now that the cluster is formed",
    },
  ];
}

function startSteps(nodes: readonly Starting[]): Step[] {
  const stopped = nodes.filter((node) => !node.up).map((node) => node.spec.name);
  return stopped.length === 0
    ? []
    : [{ kind: "startNodes", nodes: stopped, reason: "declared and not running" }];
}

/** Nodes that are alone and have never had an epoch get distinct ones, above all that are in use. */
function epochSteps(nodes: readonly Starting[]): Step[] {
  const used = nodes.map((node) => Math.max(node.up?.configEpoch ?? 0, node.up?.currentEpoch ?? 0));
  let next = Math.max(0, ...used);
  const epochs = nodes
    .filter(({ up }) => !up || (up.configEpoch === 0 && up.peers.length === 0))
    .map(({ spec }) => ({ node: spec.name, epoch: ++next }));
  if (epochs.length === 0) return [];
  return [{ kind: "setEpochs", epochs, reason: "distinct epochs from the start: no collisions to resolve" }];
}

function slotSteps(s: Survey): Step[] {
  const assignments = creationRanges(s).flatMap(({ node, range }) => {
    const owned = s.up.get(node)?.slots ?? [];
    return countSlots(owned) === range.end - range.start + 1 ? [] : [{ node, slots: [range] }];
  });
  if (assignments.length === 0) return [];
  return [{ kind: "assignSlots", assignments, reason: "16384 slots, split by weight over the shards" }];
}

function meetSteps(s: Survey, names: readonly string[]): Step[] {
  const complete = s.components.length === 1 && s.components[0]?.length === names.length;
  if (complete) return [];
  return [
    { kind: "meet", newcomers: names, members: names, reason: "every node is introduced to every other" },
  ];
}

function replicateSteps(s: Survey): Step[] {
  const links = s.spec.nodes
    .filter((node) => node.member > 0)
    .flatMap((node) => {
      const primary = s.spec.nodes.find((other) => other.shard === node.shard && other.member === 0);
      if (!primary) return [];
      const replica = s.up.get(node.name);
      const attached = replica?.role === "replica" && replica.primaryId === s.up.get(primary.name)?.id;
      return attached ? [] : [{ replica: node.name, primary: primary.name }];
    });
  if (links.length === 0) return [];
  return [{ kind: "replicate", links, reason: "each shard's replicas in other zones than its primary" }];
}
