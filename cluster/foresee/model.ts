/** A view that steps can be applied to: who is up, who knows whom, and what no reachable node is but is remembered. */
import type { ClusterSpec, NodeSpec } from "../spec";
import type { Ghost } from "../survey";
import { survey } from "../survey";
import type { NodeUp, NodeView, PeerView, View } from "../view";

export interface Model {
  readonly spec: ClusterSpec;
  readonly nodes: Map<string, NodeView>;
  /** Group of nodes that know each other, by node name; nodes of one group tell one story once gossip has run. */
  readonly groups: Map<string, number>;
  /** Lines about ids that are nobody's, by id; gone once forgotten. */
  readonly remembered: Map<string, PeerView>;
}

export function modelOf(spec: ClusterSpec, view: View): Model {
  const s = survey(spec, view);
  const groups = new Map<string, number>();
  s.components.forEach((names, group) => {
    for (const name of names) groups.set(name, group);
  });
  const gone = new Set(s.ghosts.map((ghost: Ghost) => ghost.id));
  const remembered = new Map<string, PeerView>();
  for (const node of s.up.values())
    for (const peer of node.peers)
      if (gone.has(peer.id) || !s.nameOfId.has(peer.id)) remembered.set(peer.id, peer);
  return { spec, nodes: new Map(view.nodes.map((node) => [node.name, node])), groups, remembered };
}

export function specIn(model: Model, name: string): NodeSpec | undefined {
  return [...model.spec.nodes, ...model.spec.leaving].find((node) => node.name === name);
}

export function upIn(model: Model, name: string): NodeUp | undefined {
  const node = model.nodes.get(name);
  return node?.reachable ? node : undefined;
}

export function change(model: Model, name: string, changes: Partial<NodeUp>): void {
  const node = upIn(model, name);
  if (node) model.nodes.set(name, { ...node, ...changes });
}

/** The nodes of one group into one. */
export function join(model: Model, names: readonly string[]): void {
  const joined = new Set(names.flatMap((name) => model.groups.get(name) ?? []));
  const [group = model.groups.size] = [...joined].sort((a, b) => a - b);
  for (const [name, own] of model.groups) if (joined.has(own)) model.groups.set(name, group);
  for (const name of names) model.groups.set(name, group);
}

/** What everybody sees after gossip and replication had their time. */
export function viewOf(model: Model): View {
  const nodes = [...model.nodes.values()].map((node): NodeView => {
    if (!node.reachable) return node;
    const group = model.groups.get(node.name);
    const others = [...model.nodes.values()].filter(
      (other): other is NodeUp =>
        other.reachable && other.name !== node.name && model.groups.get(other.name) === group,
    );
    const peers = others.flatMap((other) => lineOf(model, other) ?? []);
    const alone = others.length === 0;
    return {
      ...node,
      peers: alone ? [] : [...peers, ...model.remembered.values()],
      clusterState: alone ? "fail" : "ok",
      ...(node.role === "replica"
        ? { linkUp: true, ...copyOf(others.find((o) => o.id === node.primaryId)) }
        : {}),
    };
  });
  return { nodes };
}

function copyOf(primary: NodeUp | undefined): Partial<NodeUp> {
  return primary ? { keys: primary.keys, usedMemoryBytes: primary.usedMemoryBytes } : {};
}

function lineOf(model: Model, node: NodeUp): PeerView | undefined {
  const spec = specIn(model, node.name);
  if (!spec) return undefined;
  return {
    id: node.id,
    host: spec.host,
    port: spec.port,
    busPort: spec.busPort,
    flags: [node.role === "replica" ? "slave" : "master"],
    ...(node.primaryId === undefined ? {} : { primaryId: node.primaryId }),
    epoch: node.configEpoch,
    connected: true,
    slots: node.role === "replica" ? [] : node.slots,
  };
}
