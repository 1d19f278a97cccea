/** Whether and where a drill may take place: the cluster must be as declared, the shard must have somebody to take over. */
import { look } from "../engine";
import type { ClusterSpec, NodeSpec } from "../spec";
import type { NodeUp, View } from "../view";
import { type DrillOptions, DrillRefusedError, type DrillRequest } from "./types";

/** Who plays which part. */
export interface Scene {
  readonly view: View;
  readonly primary: NodeSpec;
  readonly primaryId: string;
  /** Replicas of the primary, the one that received most first. */
  readonly replicas: readonly NodeSpec[];
  /** Primaries of other shards, two at most. */
  readonly witnesses: readonly NodeSpec[];
  readonly shown: NodeUp;
}

const WITNESSES = 2;

/** @throws DrillRefusedError with what has to be put right first. */
export async function setScene(
  spec: ClusterSpec,
  request: DrillRequest,
  options: DrillOptions,
): Promise<Scene> {
  const { view, decision } = await look(spec, options);
  if (decision.kind === "refusal")
    throw new DrillRefusedError(
      `no drill on a cluster that is not well: ${decision.reason}\n${decision.cure}`,
    );
  const [first] = decision.findings.filter(({ severity }) => severity !== "info");
  const [step] = decision.steps;
  if (step)
    throw new DrillRefusedError(
      `no drill on a cluster that is not as declared: ${first?.text ?? step.reason}\nLet \`up\` put it right first (redis-cluster-kit plan).`,
    );
  return castParts(spec, view, request.shard);
}

function castParts(spec: ClusterSpec, view: View, shard: number): Scene {
  const up = view.nodes.filter((node) => node.reachable);
  const specOf = (node: NodeUp) => spec.nodes.find(({ name }) => name === node.name);
  const primaries = up.filter((node) => node.role === "primary" && node.slots.length > 0);
  const shown = primaries.find((node) => specOf(node)?.shard === shard);
  const primary = shown && specOf(shown);
  if (!shown || !primary)
    throw new DrillRefusedError(
      `shard ${shard + 1} has no primary; shards are numbered from 1 to ${spec.shards.length}`,
    );
  const replicas = up
    .filter((node) => node.primaryId === shown.id && node.linkUp)
    .sort((one, other) => other.offset - one.offset || (one.name < other.name ? -1 : 1))
    .flatMap((node) => specOf(node) ?? []);
  if (replicas.length === 0)
    throw new DrillRefusedError(
      `shard ${shard + 1} has no replica in sync that could take over from ${shown.name}. Declare replicasPerShard 1 or more.`,
    );
  const witnesses = primaries
    .filter((node) => node !== shown)
    .slice(0, WITNESSES)
    .flatMap((node) => specOf(node) ?? []);
  return { view, primary, primaryId: shown.id, replicas, witnesses, shown };
}
