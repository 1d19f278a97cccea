/** Views as data, for the planner: a healthy cluster of any shape, and ways to break it. */
import { initialRanges } from "../../cluster/slots";
import type { ClusterSpec, NodeSpec } from "../../cluster/spec";
import type { NodeDown, NodeUp, NodeView, PeerView, View } from "../../cluster/view";

export function specFor(shards: number, replicas: number, overrides: Partial<ClusterSpec> = {}): ClusterSpec {
  const zones = ["a", "b", "c"];
  const nodes = Array.from({ length: shards }, (_, shard) =>
    Array.from({ length: replicas + 1 }, (_, member): NodeSpec => {
      const port = 7000 + shard * 10 + member;
      return {
        name: `s${shard}-m${member}`,
        host: "10.0.0.1",
        port,
        busPort: port + 10_000,
        shard,
        member,
        zone: zones[(shard + member) % 3] ?? "a",
        directives: { maxmemory: "1000" },
      };
    }),
  ).flat();
  return {
    name: "test",
    nodes,
    shards: Array.from({ length: shards }, () => ({ weight: 1 })),
    replicasPerShard: replicas,
    leaving: [],
    password: "secret",
    previousPasswords: [],
    version: "5.0.14",
    liveDirectives: ["maxmemory", "cluster-node-timeout"],
    nodeTimeoutMs: 5000,
    ...overrides,
  };
}

/** 40 hex digits, ordered as the names are. */
export function idFor(name: string): string {
  return Buffer.from(name.padEnd(20, ".")).toString("hex");
}

const HOST = { process: "running", data: "present" } as const;

/** A node that runs and knows nobody. */
export function freshNode(node: NodeSpec): NodeUp {
  return {
    name: node.name,
    process: "running",
    data: "present",
    host: HOST,
    reachable: true,
    id: idFor(node.name),
    version: "5.0.14",
    role: "primary",
    configEpoch: 0,
    currentEpoch: 0,
    clusterState: "fail",
    slots: [],
    migrating: [],
    importing: [],
    peers: [],
    offset: 0,
    keys: 0,
    usedMemoryBytes: 1_000_000,
    maxmemoryBytes: 0,
    uptimeSeconds: 10,
    settings: { maxmemory: "1000", "cluster-node-timeout": "5000" },
    passwordIndex: 0,
    acceptedPasswords: [0],
    otherPasswords: 0,
    linkPasswordIndex: 0,
    lockHolders: [],
  };
}

export function stoppedNode(node: NodeSpec, data: "empty" | "present" = "present"): NodeDown {
  return {
    name: node.name,
    process: "stopped",
    data,
    host: { process: "stopped", data },
    reachable: false,
    why: "refused",
    detail: `${node.name}: connection refused`,
  };
}

export function silentNode(node: NodeSpec): NodeDown {
  const facts = { process: "unknown", data: "unknown" } as const;
  return { name: node.name, ...facts, host: facts, reachable: false, why: "timeout", detail: "no answer" };
}

export function peerOf(node: NodeSpec, up: NodeUp): PeerView {
  return {
    id: up.id,
    host: node.host,
    port: node.port,
    busPort: node.busPort,
    flags: [up.role === "replica" ? "slave" : "master"],
    ...(up.primaryId ? { primaryId: up.primaryId } : {}),
    epoch: up.configEpoch,
    connected: true,
    slots: up.slots,
  };
}

/** Everybody is introduced to everybody, as they are. */
export function introduce(nodes: readonly NodeSpec[], ups: readonly NodeUp[]): NodeUp[] {
  // Once for all: with a thousand nodes everybody's view of everybody is a million entries.
  const peers = ups.flatMap((other) => {
    const spec = nodes.find((node) => node.name === other.name);
    return spec ? [{ other, peer: peerOf(spec, other) }] : [];
  });
  return ups.map((up) => ({
    ...up,
    clusterState: "ok" as const,
    peers: peers.flatMap(({ other, peer }) => (other === up ? [] : [peer])),
  }));
}

/** The cluster that the spec's nodes form right after creation, with `keys` on each primary. */
export function healthyNodes(spec: ClusterSpec, keys = 0): NodeUp[] {
  const ranges = initialRanges(spec.shards.map((shard) => shard.weight));
  const ups = spec.nodes.map((node, index): NodeUp => {
    const base = { ...freshNode(node), configEpoch: index + 1, currentEpoch: spec.nodes.length, keys };
    const range = ranges[node.shard];
    if (node.member === 0) return { ...base, slots: range ? [range] : [] };
    return { ...base, role: "replica", primaryId: idFor(`s${node.shard}-m0`), linkUp: true };
  });
  return introduce(spec.nodes, ups);
}

export function view(...nodes: readonly NodeView[]): View {
  return { nodes };
}

/** The view with some nodes replaced by name. */
export function withNodes(base: readonly NodeView[], ...changed: readonly NodeView[]): View {
  return { nodes: base.map((node) => changed.find((other) => other.name === node.name) ?? node) };
}

export function nodeNamed<T extends { name: string }>(nodes: readonly T[], name: string): T {
  const found = nodes.find((node) => node.name === name);
  if (!found) throw new Error(`no node ${name}`);
  return found;
}
