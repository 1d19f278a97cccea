/** Waits until all nodes tell the same story and every replica is in sync. */
import { type Story, unsettled } from "../agreement";
import { parseClusterNodes, parseInfo } from "../parse";
import type { NodeSpec } from "../spec";
import { waitUntil } from "../wait";
import { BOUNDS, on, type StepContext, specsOf } from "./context";

export interface SettleOptions {
  /** Leave out what needs a full copy (links) or the 2 s after a server's start (cluster_state). Default false. */
  readonly agreementOnly?: boolean;
  /** Replicas whose link may be down. Default none. */
  readonly spareLinks?: ReadonlySet<string>;
  readonly timeoutMs?: number;
}

/** @throws WaitError that tells the last thing that was not settled. */
export async function settle(
  names: readonly string[],
  context: StepContext,
  options: SettleOptions = {},
): Promise<void> {
  const nodes = specsOf(context, names);
  await waitUntil(
    async () => {
      const stories = await Promise.all(nodes.map((node) => tell(node, context, options)));
      const missing = stories.find((story): story is string => typeof story === "string");
      if (missing) return missing;
      const open = unsettled(stories as Story[], nodes);
      if (open) context.detail(`waiting: ${open}`);
      return open ?? true;
    },
    {
      ...context,
      timeoutMs: options.timeoutMs ?? BOUNDS.settleMs,
      what: "all nodes to agree and to be in sync",
    },
  );
}

/** A node's story, or why it has none to tell. */
async function tell(node: NodeSpec, context: StepContext, options: SettleOptions): Promise<Story | string> {
  try {
    return await on(context, node.name, async (client) => {
      const [nodes, cluster, replication] = await client.pipeline([
        ["CLUSTER", "NODES"],
        ["CLUSTER", "INFO"],
        ["INFO", "replication"],
      ]);
      if (nodes instanceof Error) throw nodes;
      const { myself, peers, migrating, importing } = parseClusterNodes(String(nodes));
      const replica = myself.flags.includes("slave");
      const link = parseInfo(String(replication)).get("master_link_status") === "up";
      const state = parseInfo(String(cluster)).get("cluster_state") === "ok";
      return {
        name: node.name,
        id: myself.id,
        role: replica ? "replica" : "primary",
        slots: myself.slots,
        peers,
        migrating,
        importing,
        ...(replica
          ? {
              primaryId: myself.primaryId ?? "",
              linkUp: link || options.agreementOnly === true || options.spareLinks?.has(node.name) === true,
            }
          : {}),
        clusterState: state || options.agreementOnly === true ? "ok" : "fail",
      };
    });
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
