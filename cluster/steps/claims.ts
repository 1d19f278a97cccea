/** Slots that two nodes claim, and the time in which the cluster ends that by itself. */
import { WaitError } from "../errors";
import { parseClusterNodes } from "../parse";
import { expandRanges } from "../slots";
import { waitUntil } from "../wait";
import { call, type StepContext } from "./context";

/** A message in half a node timeout at the latest; the nodes were just heard of, so it takes a second or two. */
const GOSSIP_MS = 5_000;

/**
 * Waits while nodes claim the same slots, at most for `GOSSIP_MS`: what is claimed twice after that needs a repair.
 * A primary that lost its shard to a replica and comes back claims its old slots until somebody tells it of the newer epoch. Taking
 * them from it slot by slot meanwhile is thousands of commands, and meets a node that turns replica in the middle of them.
 */
export async function letGossipSettle(context: StepContext): Promise<void> {
  try {
    await waitUntil(
      async () => {
        const twice = await claimedTwice(context);
        return twice === 0 || `${twice} slots are claimed by two nodes`;
      },
      { ...context, timeoutMs: GOSSIP_MS, what: "gossip to end double claims" },
    );
  } catch (error) {
    if (!(error instanceof WaitError)) throw error;
  }
}

async function claimedTwice({ spec, ...context }: StepContext): Promise<number> {
  const claims = await Promise.all(
    [...spec.nodes, ...spec.leaving].map(async ({ name }) => {
      const text = await call({ spec, ...context }, name, "CLUSTER", "NODES").catch(() => undefined);
      return text === undefined ? [] : expandRanges(parseClusterNodes(String(text)).myself.slots);
    }),
  );
  const all = claims.flat();
  return all.length - new Set(all).size;
}
