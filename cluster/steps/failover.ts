/** Handing a shard over to a replica. */
import { RedisReplyError } from "../client";
import { parseClusterNodes, parseInfo } from "../parse";
import type { Step } from "../plan/types";
import { countSlots } from "../slots";
import { waitUntil } from "../wait";
import { BOUNDS, call, idOf, on, type StepContext } from "./context";

type Failover = Extract<Step, { kind: "failover" }>;

/**
 * 1. planned only: wait until the replica's link is up and its primary lists it, so that nothing but the last moment's
 *    writes has to be matched while clients are paused; 2. CLUSTER FAILOVER, whose OK only means "scheduled";
 * 3. wait until the replica owns the slots, then until every node that answers says so: a primary stopped before its
 *    handover had reached everybody left clusters down (OT-CONTAINER-KIT/redis-operator #1855).
 */
export async function failover(step: Failover, context: StepContext): Promise<void> {
  if (await isPrimary(step.replica, context)) return;
  if (step.mode === "planned") await waitInSync(step.replica, context);
  await waitUntil(
    async () => {
      if (await isPrimary(step.replica, context)) return true;
      return requestFailover(step, context);
    },
    // A vote can be missed; Redis gives up a manual failover after 5 s, so it is asked again, not waited for.
    {
      ...context,
      timeoutMs: BOUNDS.failoverMs,
      intervalMs: step.mode === "force" ? 500 : 50,
      maxIntervalMs: 1000,
      what: `${step.replica} to take over from ${step.primary}`,
    },
  );
  await waitAgreed(step, context);
}

async function requestFailover(step: Failover, context: StepContext): Promise<string> {
  try {
    const args = step.mode === "force" ? ["FAILOVER", "FORCE"] : ["FAILOVER"];
    await call(context, step.replica, "CLUSTER", ...args);
    for (let look = 0; look < 40; look++) {
      if (await isPrimary(step.replica, context)) return "taken over";
      await context.clock.sleep(20, context.signal);
    }
    return "requested, not yet granted";
  } catch (error) {
    if (error instanceof RedisReplyError) return error.message;
    throw error;
  }
}

async function isPrimary(name: string, context: StepContext): Promise<boolean> {
  const { myself } = parseClusterNodes(String(await call(context, name, "CLUSTER", "NODES")));
  return myself.flags.includes("master") && countSlots(myself.slots) > 0;
}

async function waitInSync(replica: string, context: StepContext): Promise<void> {
  await waitUntil(
    async () => {
      const info = parseInfo(String(await call(context, replica, "INFO", "replication")));
      if (info.get("master_link_status") !== "up")
        return `${replica}'s link is ${info.get("master_link_status")}`;
      return info.get("master_sync_in_progress") === "0" || `${replica} is still copying`;
    },
    { ...context, timeoutMs: BOUNDS.settleMs, what: `${replica} to be in sync` },
  );
}

/** Every node that answers sees the new primary with slots. */
async function waitAgreed(step: Failover, context: StepContext): Promise<void> {
  const id = await idOf(context, step.replica);
  await waitUntil(
    async () => {
      for (const node of context.spec.nodes) {
        if (node.name === step.primary && step.mode === "force") continue;
        const text = await on(context, node.name, (client) => client.call("CLUSTER", "NODES")).catch(
          () => undefined,
        );
        if (text === undefined) continue;
        const { myself, peers } = parseClusterNodes(String(text));
        const seen = [myself, ...peers].find((peer) => peer.id === id);
        if (!seen?.flags.includes("master") || seen.slots.length === 0)
          return `${node.name} does not see ${step.replica} as primary yet`;
      }
      return true;
    },
    { ...context, timeoutMs: BOUNDS.settleMs, what: `every node to see ${step.replica} as primary` },
  );
}
