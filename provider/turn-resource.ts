/**
 * What stands around the replacement of a server, as programs see it: `Handover` before, `Rejoin` after. Between the two
 * the server is somebody else's to replace. The provider plugin itself never loads this file.
 */
import * as pulumi from "@pulumi/pulumi";
import type { Declaration } from "./declaration";
import { withVersion } from "./plugin-version";
import { HANDOVER_TYPE, REJOIN_TYPE } from "./types";

export interface HandoverArgs {
  /** Name of the node whose server is about to go. */
  readonly node: string;
  /** Why, e.g. "image ami-1 -> ami-2". "": it stays, and nothing is done. */
  readonly turn: pulumi.Input<string>;
  /** Nodes that are dealt with before: one of them that is missing will be back by then. */
  readonly after?: readonly string[];
  /** Whether the cloud has the server already: then an earlier run has made it, and this resource before it. */
  readonly exists: pulumi.Input<boolean>;
  /** Whether the cloud says that the server is off: its Redis cannot run, and nobody has to be asked. */
  readonly off: pulumi.Input<boolean>;
  /** The declared cluster, as `Topology` has it; what an earlier run brought about counts, and is in the state. */
  readonly declaration: pulumi.Input<Declaration>;
}

/** Hands the node's shard to a replica that has everything, and stops the node in order. */
export class Handover extends pulumi.CustomResource {
  constructor(name: string, args: HandoverArgs, options?: pulumi.CustomResourceOptions) {
    super(HANDOVER_TYPE, name, { after: [], ...args }, withVersion(options));
  }
}

export interface RejoinArgs extends Omit<HandoverArgs, "turn" | "after" | "off" | "exists"> {
  /** Whether any server of the cluster has its turn in this run: then this one must be in sync before the next one goes. */
  readonly rolling: pulumi.Input<boolean>;
}

/** Starts the node where it does not run, and waits until it has everything and all agree. */
export class Rejoin extends pulumi.CustomResource {
  constructor(name: string, args: RejoinArgs, options?: pulumi.CustomResourceOptions) {
    super(REJOIN_TYPE, name, { ...args }, withVersion(options));
  }
}
