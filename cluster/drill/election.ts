/**
 * Votes that Redis does not forget. A replica that wins an election keeps its votes in memory (cluster.c,
 * clusterHandleSlaveFailover; Valkey resets them since valkey-io/valkey#1711). If the same process is to take over again
 * within two node timeouts, it promotes itself at once with the epoch of the old election: the others refuse its claim, and
 * what it accepts until the old primary is back is lost. Within four, it does nothing at all while its primary's clients
 * are paused. Seen on 5.0.6 and 7.0.15. So a drill begins only when nobody in the shard can remember an election.
 */
import { parseClientList } from "../parse";
import type { ClusterSpec, NodeSpec } from "../spec";
import { on, type StepContext } from "../steps/context";
import { waitUntil } from "../wait";

/** How long a won election can do harm, in ms: `auth_retry_time` of cluster.c and the second that ages are rounded to. */
export function electionMemoryMs(nodeTimeoutMs: number): number {
  return 4 * Math.max(nodeTimeoutMs, 1000) + 1000;
}

/**
 * Waits until each replica's link to the primary is older than that: then it has not been a primary since, and neither
 * has the primary been elected since.
 */
export async function waitForgotten(
  replicas: readonly NodeSpec[],
  spec: ClusterSpec,
  context: StepContext,
  onWait: (text: string) => void,
): Promise<void> {
  const memoryMs = electionMemoryMs(spec.nodeTimeoutMs);
  let isTold = false;
  await waitUntil(
    async () => {
      for (const replica of replicas) {
        const ageMs = await linkAgeMs(replica, context);
        if (ageMs < memoryMs) {
          const leftMs = memoryMs - ageMs;
          if (!isTold) onWait(`${leftMs / 1000} s until Redis has forgotten the last election of this shard`);
          isTold = true;
          return `${replica.name} has been linked to its primary for ${ageMs / 1000} s only; ${leftMs / 1000} s to go`;
        }
      }
      return true;
    },
    {
      clock: context.clock,
      signal: context.signal,
      timeoutMs: 2 * memoryMs,
      intervalMs: 500,
      maxIntervalMs: 500,
      what: "earlier elections in this shard to be forgotten",
    },
  );
}

/** Age of the replica's link to its primary, in ms by whole seconds; 0 while there is none. */
async function linkAgeMs(replica: NodeSpec, context: StepContext): Promise<number> {
  const list = await on(context, replica.name, (client) => client.call("CLIENT", "LIST"));
  const link = parseClientList(String(list)).find(({ flags }) => flags.includes("M"));
  return 1000 * (link?.ageSeconds ?? 0);
}
