/** What a node that does not run will be once it does, as far as that can be known. */
import { expandRanges } from "../slots";
import { addressOf, type NodeSpec } from "../spec";
import type { NodeDown, NodeUp, PeerView } from "../view";
import { type Model, specIn, upIn } from "./model";

/** False where only the start will tell: data is in place and nobody who answers remembers the node. */
export function foreseeStart(model: Model, name: string): boolean {
  const spec = specIn(model, name);
  const node = model.nodes.get(name);
  if (!spec || !node || node.reachable) return true;
  const memory = [...model.remembered.values()].find((peer) => addressOf(peer) === addressOf(spec));
  if (node.data === "empty") {
    model.nodes.set(name, started(model, node, spec, `foreseen:${name}`));
    model.groups.set(name, 1 + Math.max(0, ...model.groups.values()));
    return true;
  }
  if (!memory) return false;
  model.nodes.set(name, { ...started(model, node, spec, memory.id), ...roleOf(model, memory) });
  model.remembered.delete(memory.id);
  const anybody = [...model.nodes.values()].find((other) => other.reachable && other.name !== name);
  if (anybody) model.groups.set(name, model.groups.get(anybody.name) ?? 0);
  return true;
}

/** It goes on as it is remembered; a primary whose slots were taken follows the one that took them. */
function roleOf(model: Model, memory: PeerView): Partial<NodeUp> {
  if (memory.flags.includes("slave")) return follows(memory.primaryId ?? "");
  const [slot] = expandRanges(memory.slots);
  const heir =
    slot === undefined
      ? [...model.nodes.values()].find(
          (node) => node.reachable && node.role === "primary" && node.slots.length > 0,
        )
      : [...model.nodes.values()].find(
          (node) => node.reachable && node.role === "primary" && expandRanges(node.slots).includes(slot),
        );
  if (slot !== undefined && !heir) return { slots: memory.slots };
  return heir?.reachable ? follows(heir.id) : {};
}

function follows(primaryId: string): Partial<NodeUp> {
  return { role: "replica", primaryId, linkUp: true };
}

function started(model: Model, node: NodeDown, spec: NodeSpec, id: string): NodeUp {
  const pattern = [...model.nodes.values()].find((other): other is NodeUp => other.reachable);
  const { configSha256 } = spec;
  return {
    name: node.name,
    process: "running",
    data: "present",
    host: { ...node.host, process: "running", data: "present", ...(configSha256 ? { configSha256 } : {}) },
    reachable: true,
    id,
    version: node.host.installedVersion ?? model.spec.version,
    role: "primary",
    configEpoch: 0,
    currentEpoch: pattern?.currentEpoch ?? 0,
    clusterState: "ok",
    slots: [],
    migrating: [],
    importing: [],
    peers: [],
    offset: 0,
    keys: 0,
    usedMemoryBytes: 0,
    maxmemoryBytes: Number(spec.directives.maxmemory ?? 0),
    uptimeSeconds: 0,
    settings: declaredSettings(model, spec),
    passwordIndex: 0,
    acceptedPasswords: [0],
    otherPasswords: 0,
    linkPasswordIndex: 0,
    lockHolders: [],
  };
}

export function declaredSettings(model: Model, spec: NodeSpec): Record<string, string> {
  return { ...spec.directives, "cluster-node-timeout": String(model.spec.nodeTimeoutMs) };
}

/** A node as it is after a restart with the declared file and version. */
export function foreseeRestart(model: Model, name: string): void {
  const spec = specIn(model, name);
  const node = upIn(model, name);
  if (!spec || !node) return;
  model.nodes.set(name, {
    ...node,
    version: node.host.installedVersion ?? model.spec.version,
    settings: { ...node.settings, ...declaredSettings(model, spec) },
  });
}
