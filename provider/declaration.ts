/** The inputs of a `Topology`: the declared cluster and the way to its servers, as plain data. Also what the CLI works on. */
import { createHash } from "node:crypto";
import { z } from "zod";
import type { ClusterSpec, NodeSpec } from "../cluster/spec";
import { monitoringSchema } from "./monitoring-declaration";
import { sshAccessSchema } from "./ssh-access";
import type { DeclaredNode } from "./types";

export type { DeclaredNode };

const port = z.int().min(1).max(65_535);

export const nodeSchema = z.strictObject({
  name: z.string().min(1),
  host: z.string().min(1),
  port,
  busPort: port,
  shard: z.int().min(0),
  member: z.int().min(0),
  zone: z.string(),
}) satisfies z.ZodType<DeclaredNode>;

/** Checked wherever a declaration comes from outside: the engine's wire, a stack output. */
export const declarationSchema = z.strictObject({
  name: z.string().min(1),
  target: z.enum(["local", "ssh", "aws"]),
  nodes: z.array(nodeSchema).min(1),
  /** Share of the slots per shard, one positive number a shard. */
  weights: z.array(z.number().positive()).min(1),
  replicasPerShard: z.int().min(0),
  /** redis.conf directives of every node without secrets, as CONFIG GET answers them; these are watched for drift. */
  directives: z.record(z.string(), z.string()),
  /** Those of `directives` that CONFIG SET can change in this version; a change of any other restarts nodes. */
  liveDirectives: z.array(z.string()),
  /** cluster-node-timeout in ms. */
  nodeTimeoutMs: z.int().positive(),
  redisVersion: z.string().min(1),
  redisSource: z.string().optional(),
  redisSourceSha256: z.string().optional(),
  /** Absolute folder of the nodes' data: on this machine, or on every server. */
  dataDirectory: z.string().min(1),
  /** Secret. How the servers are reached; there with every target but local. */
  ssh: sshAccessSchema.optional(),
  /** Secret. */
  password: z.string().min(1),
  /** Secret. The whole redis.conf of every node, by node name. */
  files: z.record(z.string(), z.string()),
  /** How the engine goes about changes; none of it is a change by itself. */
  maxMigrationImpact: z.union([z.enum(["low", "normal", "high"]), z.number().min(1).max(100)]).optional(),
  keepPreviousPassword: z.boolean().optional(),
  failback: z.boolean().optional(),
  acceptDataLoss: z.boolean().optional(),
  /** Exporters; there where monitoring is on. No change of the cluster. */
  monitoring: monitoringSchema.optional(),
  /** Where backups go. No change of the cluster. */
  backup: z
    .strictObject({
      to: z.string(),
      schedule: z.string(),
      retention: z.strictObject({ daily: z.int(), weekly: z.int(), monthly: z.int() }),
    })
    .optional(),
  /** The backup that a new cluster begins with. */
  restore: z.string().optional(),
  /** Whether `pulumi destroy` is refused. Default: it is not. */
  protected: z.boolean().optional(),
  /** Whether `pulumi destroy` deletes the data as well. Default: it is kept. */
  purgeOnDestroy: z.boolean().optional(),
});

export type Declaration = z.output<typeof declarationSchema>;

/** What an earlier declaration left behind: none of it is in the new one. */
export interface Inheritance {
  /** Nodes to be drained, forgotten and stopped. */
  readonly leaving: readonly DeclaredNode[];
  /** Passwords that some node may still have, newest first. */
  readonly previousPasswords: readonly string[];
}

export const NOTHING_INHERITED: Inheritance = { leaving: [], previousPasswords: [] };

/** Places of the declaration that contradict each other, as property path and reason. The shape is checked before. */
export function contradictions(declaration: Declaration): { property: string; reason: string }[] {
  const found: { property: string; reason: string }[] = [];
  const seen = new Map<string, string>();
  for (const [index, node] of declaration.nodes.entries()) {
    const property = `nodes[${index}]`;
    const claims = [node.name, `${node.host}:${node.port}`, `${node.host}:${node.busPort}`];
    for (const claim of claims) {
      const other = seen.get(claim);
      if (other !== undefined) found.push({ property, reason: `${claim} is also taken by ${other}` });
      seen.set(claim, property);
    }
    if (node.shard >= declaration.weights.length)
      found.push({
        property,
        reason: `shard ${node.shard} has no weight: ${declaration.weights.length} are given`,
      });
    if (declaration.files[node.name] === undefined)
      found.push({ property: "files", reason: `there is no redis.conf for ${node.name}` });
    if (declaration.target !== "local" && declaration.ssh?.servers[node.name] === undefined)
      found.push({ property: "ssh", reason: `there is no server for ${node.name}` });
  }
  return found;
}

/** The declaration as the engine takes it. `version` is the Redis that can be had, see `Access.redis`. */
export function specOf(declaration: Declaration, inherited: Inheritance, version: string): ClusterSpec {
  const { directives } = declaration;
  const declared = (node: DeclaredNode): NodeSpec => ({
    ...node,
    directives,
    configSha256: createHash("sha256")
      .update(declaration.files[node.name] ?? "")
      .digest("hex"),
  });
  const leaving = (node: DeclaredNode): NodeSpec => ({ ...node, directives });
  return {
    name: declaration.name,
    nodes: declaration.nodes.map(declared),
    shards: declaration.weights.map((weight) => ({ weight })),
    replicasPerShard: declaration.replicasPerShard,
    leaving: inherited.leaving.map(leaving),
    password: declaration.password,
    previousPasswords: inherited.previousPasswords,
    version,
    liveDirectives: declaration.liveDirectives,
    nodeTimeoutMs: declaration.nodeTimeoutMs,
    maxMigrationImpact: declaration.maxMigrationImpact ?? "normal",
    keepPreviousPasswords: declaration.keepPreviousPassword ?? false,
    failback: declaration.failback ?? false,
    acceptDataLoss: declaration.acceptDataLoss ?? false,
  };
}
