/** ClusterSpecs over nodes that a test started. */
import type { ClusterSpec, NodeSpec } from "../../cluster/spec";
import type { LocalNodes } from "./local-nodes";

/** A declaration of `nodes` (default: all of the test's), grouped by the shard that each names. */
export function specOf(local: LocalNodes, overrides: Partial<ClusterSpec> = {}): ClusterSpec {
  const nodes: readonly NodeSpec[] = overrides.nodes ?? local.nodes;
  const shards = Math.max(...nodes.map((node) => node.shard)) + 1;
  return {
    name: "test",
    nodes,
    shards: Array.from({ length: shards }, () => ({ weight: 1 })),
    replicasPerShard: Math.max(...nodes.map((node) => node.member)),
    leaving: [],
    password: local.password,
    previousPasswords: [],
    version: local.binaries.version,
    liveDirectives: ["cluster-node-timeout", "maxmemory", "hz"],
    nodeTimeoutMs: 5000,
    ...overrides,
  };
}
