/**
 * Who has a node now. A resource that was renamed without an alias is another one to Pulumi: it is created, which adopts the
 * running cluster, and then the former one is deleted, which would stop what has just been adopted.
 */
import { addressOf } from "../cluster/spec";
import type { Declaration } from "./declaration";
import type { Subject } from "./operations";

/** Resources that this process has created or updated, by the address of each of their nodes. */
export type Holders = Map<string, Subject>;

type Placed = Pick<Declaration, "target" | "nodes">;

export function hold(holders: Holders, subject: Subject, { target, nodes }: Placed): void {
  for (const node of nodes) holders.set(`${target} ${addressOf(node)}`, subject);
}

/** Another resource of this run that has one of the nodes. */
export function otherHolder(
  holders: Holders,
  { urn }: Subject,
  { target, nodes }: Placed,
): Subject | undefined {
  return nodes
    .map((node) => holders.get(`${target} ${addressOf(node)}`))
    .find((holder) => holder !== undefined && holder.urn !== urn);
}
