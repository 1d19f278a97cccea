/** Declarations for simulations: any shape, the same for the same numbers. */
import type { ClusterSpec, NodeSpec } from "../../../cluster/spec";
import type { RedisVersion } from "../fake/release";

export interface Shape {
  readonly shards: number;
  readonly replicas: number;
  readonly zones: number;
  readonly version?: RedisVersion;
}

/** Members of a shard go to different zones where there are enough of them, as the kit's own topology does. */
export function simSpec(shape: Shape, overrides: Partial<ClusterSpec> = {}): ClusterSpec {
  const nodes: NodeSpec[] = [];
  for (let shard = 0; shard < shape.shards; shard++) {
    for (let member = 0; member <= shape.replicas; member++) nodes.push(simNode(shape, shard, member));
  }
  return {
    name: "sim",
    nodes,
    shards: Array.from({ length: shape.shards }, () => ({ weight: 1 })),
    replicasPerShard: shape.replicas,
    leaving: [],
    password: "secret",
    previousPasswords: [],
    version: shape.version ?? "5.0.14",
    liveDirectives: ["cluster-node-timeout", "hz"],
    nodeTimeoutMs: 5000,
    ...overrides,
  };
}

export function simNode(shape: Shape, shard: number, member: number): NodeSpec {
  const port = 7000 + shard * 10 + member;
  return {
    name: `s${shard}${String.fromCharCode(97 + member)}`,
    host: "10.0.0.1",
    port,
    busPort: port + 10_000,
    shard,
    member,
    zone: `zone-${(shard + member) % shape.zones}`,
    directives: {},
  };
}
