/** A view condensed for tables and JSON: what `redis-cluster-kit status` prints. Pure. */
import { diagnose } from "./diagnose";
import type { Finding } from "./plan/types";
import { countSlots } from "./slots";
import type { ClusterSpec, SlotRange } from "./spec";
import { survey } from "./survey";
import type { NodeUp, View } from "./view";

export interface NodeStatus {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  /** Redis node id; null while the node does not answer. */
  readonly id: string | null;
  /** "primary", "replica"; null while the node does not answer. */
  readonly role: "primary" | "replica" | null;
  /** Shard number from 1, as in the node's name. */
  readonly shard: number;
  readonly zone: string;
  readonly slots: readonly SlotRange[];
  readonly slotCount: number;
  readonly keys: number;
  readonly usedMemoryBytes: number;
  readonly maxmemoryBytes: number;
  /** Replicas: bytes of the replication stream not yet received; null for primaries and unknown. */
  readonly lagBytes: number | null;
  readonly version: string | null;
  /** "up", or why not. */
  readonly state: string;
}

export interface ClusterStatus {
  readonly name: string;
  /** True: every declared node serves, 16384 slots are owned once, all agree, every replica is in sync. */
  readonly healthy: boolean;
  readonly nodes: readonly NodeStatus[];
  readonly slotsCovered: number;
  readonly findings: readonly Finding[];
}

export function summarize(spec: ClusterSpec, view: View): ClusterStatus {
  const s = survey(spec, view);
  const findings = diagnose(s);
  const nodes = spec.nodes.map((node): NodeStatus => {
    const up = s.up.get(node.name);
    const base = {
      name: node.name,
      host: node.host,
      port: node.port,
      shard: node.shard + 1,
      zone: node.zone,
    };
    if (!up) return { ...base, ...NOTHING, state: downState(s.down.get(node.name)) };
    return {
      ...base,
      id: up.id,
      role: up.role,
      slots: up.slots,
      slotCount: countSlots(up.slots),
      keys: up.keys,
      usedMemoryBytes: up.usedMemoryBytes,
      maxmemoryBytes: up.maxmemoryBytes,
      lagBytes: lagOf(up, s.up, s.nameOfId),
      version: up.version,
      state:
        up.role === "replica" && !up.linkUp ? "link down" : up.clusterState === "ok" ? "up" : "cluster fail",
    };
  });
  return {
    name: spec.name,
    healthy:
      nodes.length > 0 &&
      findings.every((found) => found.severity === "info" || found.code.startsWith("zone-")),
    nodes,
    slotsCovered: s.claims.filter((names) => names.length === 1).length,
    findings,
  };
}

const NOTHING = {
  id: null,
  role: null,
  slots: [],
  slotCount: 0,
  keys: 0,
  usedMemoryBytes: 0,
  maxmemoryBytes: 0,
  lagBytes: null,
  version: null,
} as const;

function downState(node: { process: string; why: string } | undefined): string {
  if (!node) return "unknown";
  return node.process === "stopped" ? "not running" : node.why;
}

function lagOf(
  node: NodeUp,
  up: ReadonlyMap<string, NodeUp>,
  nameOfId: ReadonlyMap<string, string>,
): number | null {
  if (!node.primaryId || !node.linkUp) return null;
  const primary = up.get(nameOfId.get(node.primaryId) ?? "");
  return primary ? Math.max(0, primary.offset - node.offset) : null;
}
