/** The `Topology` resource as programs see it. The provider plugin itself never loads this file. */
import * as pulumi from "@pulumi/pulumi";
import type { Declaration } from "./declaration";
import { withVersion } from "./plugin-version";
import { type NodeStatus, TOPOLOGY_TYPE } from "./types";
import { undeclaredPlugin } from "./undeclared";

/** The declaration, where the secret parts and all that is made of them may still be promised. */
export interface TopologyArgs extends Omit<Declaration, "password" | "files" | "ssh"> {
  readonly password: pulumi.Input<string>;
  readonly files: pulumi.Input<Declaration["files"]>;
  /** Secret, with every target but local. */
  readonly ssh?: pulumi.Input<NonNullable<Declaration["ssh"]>>;
}

/** One declared Redis Cluster, created, changed, healed and verified by the provider of this package. */
export class Topology extends pulumi.CustomResource {
  declare readonly nodes: pulumi.Output<NodeStatus[]>;
  /** `host:port` of every node, primaries and replicas, ordered by shard. */
  declare readonly endpoints: pulumi.Output<string[]>;
  declare readonly redisVersion: pulumi.Output<string>;
  /** What the last `pulumi refresh` found not to be as declared, one line each. Empty right after an `up`. */
  declare readonly drift: pulumi.Output<string[]>;

  constructor(name: string, args: TopologyArgs, options?: pulumi.CustomResourceOptions) {
    checkPlugin();
    const outputs = { endpoints: undefined, drift: undefined };
    super(TOPOLOGY_TYPE, name, { ...args, ...outputs }, withVersion(options));
  }
}

/** @throws RunError with the lines to add: the engine's own words for a missing plugin do not lead to them. */
function checkPlugin(): void {
  const env = process.env;
  const problem = undeclaredPlugin({ project: pulumi.getProject(), directory: process.cwd(), env });
  if (problem === undefined) return;
  const error = new pulumi.RunError(problem);
  // Shown by Pulumi as it is; without frames, which are no help here.
  error.stack = problem;
  throw error;
}
