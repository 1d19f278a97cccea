/** Gossip now instead of in some seconds. */
import type { Run } from "./run";

/**
 * CLUSTER MEET to a known member: the message carries the sender's slots and epoch at once, where a ping may be seconds away on 5.0. The
 * receiver knows the sender, so nothing else comes of it; the sender drops the handshake when the answer shows a known id.
 */
export async function greet(run: Run, sender: string, receiver: string): Promise<void> {
  if (receiver === sender) return;
  const { host, port } = run.context.addressOf(receiver);
  try {
    await (await run.client(sender)).call("CLUSTER", "MEET", host, port);
  } catch (error) {
    run.warn(`${sender} could not greet ${receiver}: ${String(error)}`);
  }
}

/** Takes a new epoch, the highest that the node knows of. */
export async function bumpEpoch(run: Run, node: string): Promise<void> {
  try {
    await (await run.client(node)).call("CLUSTER", "BUMPEPOCH");
  } catch (error) {
    run.warn(`${node}: CLUSTER BUMPEPOCH: ${String(error)}`);
  }
}

export function everyNode(run: Run): string[] {
  const { primaries, replicasOf } = run.context;
  return [...new Set(primaries.flatMap((name) => [name, ...replicasOf(name)]))];
}
