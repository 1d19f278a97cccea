/** Waits until the new owners are known where it matters. */
import { RedisReplyError, UnreachableError } from "../client";
import { type ClusterNodes, parseClusterNodes } from "../parse";
import { expandRanges } from "../slots";
import { waitUntil } from "../wait";
import { bumpEpoch, everyNode, greet } from "./greet";
import type { Run } from "./run";
import { MoveError } from "./types";

const TIMEOUT_MS = 30_000;
/** Views that still differ after this long are stuck on an epoch, and gossip alone will not change them. */
const STUCK_MS = 1_500;
const LAGS_SHOWN = 3;

export interface NewOwner {
  readonly target: string;
  readonly slots: readonly number[];
}

/**
 * Every node that answers must see every slot at its new owner, the answering ones must be a majority of the primaries, and the owner's
 * replicas must be among them where they answer: a target that dies before its replica knows takes the slots with it (redis #6339,
 * #10517). They must know the owner's epoch, too: without it an older claim could still win. On 5.0 gossip takes seconds for this, so a node
 * that lags is greeted by the owner (see `greet`).
 * @throws MoveError after 30 s, with what was seen last.
 */
export async function confirmOwners(run: Run, owners: readonly NewOwner[]): Promise<void> {
  const { context } = run;
  const nodes = everyNode(run);
  const started = run.now();
  const bumped = new Set<string>();
  const look = async (): Promise<true | string> => {
    const views = new Map(
      await Promise.all(nodes.map(async (node) => [node, await viewOf(run, node)] as const)),
    );
    const primariesHeard = context.primaries.filter((name) => views.get(name)).length;
    if (2 * primariesHeard <= context.primaries.length)
      return `only ${primariesHeard} of ${context.primaries.length} primaries answer`;
    const lags = owners.flatMap((owner) => lagging(run, owner, views));
    if (lags.length === 0) return true;
    const stuck = run.now() - started > STUCK_MS;
    for (const { node, target } of lags) {
      if (stuck && !bumped.has(target)) await bumpEpoch(run, target);
      if (stuck) bumped.add(target);
      await greet(run, target, node);
    }
    return lags
      .slice(0, LAGS_SHOWN)
      .map((lag) => lag.text)
      .join("; ");
  };
  try {
    const { clock, signal } = context;
    await waitUntil(look, {
      clock,
      signal,
      timeoutMs: TIMEOUT_MS,
      intervalMs: 30,
      what: "all nodes to see the new owners",
    });
  } catch (error) {
    if (context.signal?.aborted) throw error;
    throw new MoveError("agreement", error instanceof Error ? error.message : String(error));
  }
}

/** Undefined where the node does not answer, or only that it loads: an emptied source does, as a replica of the target. */
async function viewOf(run: Run, node: string): Promise<ClusterNodes | undefined> {
  try {
    const client = await run.client(node);
    return parseClusterNodes(String(await client.call("CLUSTER", "NODES")));
  } catch (error) {
    run.forget(node);
    const isLoading = error instanceof RedisReplyError && error.code === "LOADING";
    if (error instanceof UnreachableError || isLoading) return undefined;
    throw error;
  }
}

interface Lag {
  readonly node: string;
  readonly target: string;
  readonly text: string;
}

function lagging(run: Run, owner: NewOwner, views: ReadonlyMap<string, ClusterNodes | undefined>): Lag[] {
  const id = run.context.idOf(owner.target);
  const ownEpoch = views.get(owner.target)?.myself.epoch ?? 0;
  const lags: Lag[] = [];
  for (const [node, view] of views) {
    if (!view) continue;
    const line = [view.myself, ...view.peers].find((peer) => peer.id === id);
    const owned = new Set(expandRanges(line?.slots ?? []));
    const slot = owner.slots.find((candidate) => !owned.has(candidate));
    const epoch = line?.epoch ?? 0;
    if (slot !== undefined)
      lags.push({ node, target: owner.target, text: `${node} sees slot ${slot} not at ${owner.target}` });
    else if (epoch < ownEpoch)
      lags.push({
        node,
        target: owner.target,
        text: `${node} knows epoch ${epoch} of ${owner.target} instead of ${ownEpoch}`,
      });
  }
  return lags;
}
