/** Handing a shard over to a replica. */
import { RedisReplyError } from "../client";
import { WaitError } from "../errors";
import { infoNumber, parseClusterNodes, parseInfo } from "../parse";
import type { Step } from "../plan/types";
import { isOlderLine } from "../plan/versions";
import { countSlots } from "../slots";
import { addressOf } from "../spec";
import { waitUntil } from "../wait";
import { waitCalm } from "./calm";
import { BOUNDS, call, on, type StepContext, specOf, versionOf } from "./context";
import { noteElected, waitElectable } from "./elections";
import { withQuickTicks } from "./quicken";
import { settle } from "./settle";
import { waitInSync } from "./sync";

type Failover = Extract<Step, { kind: "failover" }>;

/**
 * 1. planned only: wait until the replica's link is up and its primary lists it, so that nothing but the last moment's
 *    writes has to be matched while clients are paused; 2. CLUSTER FAILOVER, whose OK only means "scheduled";
 * 3. wait until the replica owns the slots, then until every node that answers says so: a primary stopped before its
 *    handover had reached everybody left clusters down (OT-CONTAINER-KIT/redis-operator #1855);
 * 4. planned only: wait until the old primary has become a replica with all the data, in everybody's eyes. Until then the
 *    shard has one copy less, and a new primary that died here left a cluster down for good.
 */
export async function failover(step: Failover, context: StepContext): Promise<void> {
  if (await isPrimary(step.replica, context)) return;
  if (step.mode === "planned") {
    await waitCalm(context);
    await waitInSync(step.replica, context);
    await waitElectable(step.replica, step.primary, context);
    await giveOffset(step.primary, context);
    await withQuickTicks([step.primary, step.replica], context, () => take(step, context));
  } else await take(step, context);
  // The dead primary's shard was taken over by another of its replicas: what is left to do is planned from that.
  if (step.mode === "force" && !(await isPrimary(step.replica, context))) return;
  noteElected(step.replica, context);
  await waitAgreed(step, context);
  if (step.mode === "planned") await waitSwapped(step, context);
}

/** Asks until the replica has the slots. */
async function take(step: Failover, context: StepContext): Promise<void> {
  await waitUntil(
    async () => {
      if (await isPrimary(step.replica, context)) return true;
      if (step.mode === "force" && (await isSuperseded(step, context))) return true;
      return requestFailover(step, context);
    },
    { ...context, ...pace(step, context), what: `${step.replica} to take over from ${step.primary}` },
  );
}

/**
 * A forced one harms nobody while it is tried, and a vote can be missed: it is asked for again at once. A planned one stops
 * the shard's clients for 5 s where it does not succeed (CLUSTER_MF_TIMEOUT), and asking again begins that anew; so it
 * gets its 5 s, and then a pause in which clients work and voters forget: for two node timeouts after a vote about a
 * primary they refuse another one about the same.
 */
function pace(step: Failover, context: StepContext) {
  if (step.mode === "force") return { timeoutMs: BOUNDS.failoverMs, intervalMs: 500, maxIntervalMs: 1000 };
  const pauseMs = Math.min(2 * context.spec.nodeTimeoutMs, 30_000);
  return { timeoutMs: 2 * (PLANNED_MS + pauseMs), intervalMs: pauseMs, maxIntervalMs: pauseMs };
}

/** How long an attempt is watched, in ms: Redis gives a manual failover up after 5 s. */
const PLANNED_MS = 5_500;
const FORCED_MS = 800;

/**
 * Up to 6.2.1 a manual failover never starts, and keeps clients waiting for 5 s, while the primary's replication offset is
 * 0, as it is after a start without writes (redis #8435). WAIT makes it ask its replicas how far they are, and the
 * question itself is part of the stream.
 */
async function giveOffset(primary: string, context: StepContext): Promise<void> {
  const info = parseInfo(String(await call(context, primary, "INFO", "replication")));
  if (infoNumber(info, "master_repl_offset") === 0) await call(context, primary, "WAIT", 1000, 50);
}

async function requestFailover(step: Failover, context: StepContext): Promise<true | string> {
  try {
    const args = step.mode === "force" ? ["FAILOVER", "FORCE"] : ["FAILOVER"];
    await call(context, step.replica, "CLUSTER", ...args);
    const deadline = context.clock.now() + (step.mode === "force" ? FORCED_MS : PLANNED_MS);
    while (context.clock.now() < deadline) {
      if (await isPrimary(step.replica, context)) return true;
      await context.clock.sleep(20, context.signal);
    }
    return "requested and not granted: no majority voted for it in time";
  } catch (error) {
    if (error instanceof RedisReplyError) return error.message;
    throw error;
  }
}

/**
 * Whether the replica follows another node than the dead one: an election of Redis's own was quicker. FORCE would then depose a
 * primary that works, without matching its offset, and what it has acknowledged since would be lost. A node without address is
 * none that works: another id answers where it was.
 */
async function isSuperseded(step: Failover, context: StepContext): Promise<boolean> {
  const { myself, peers } = parseClusterNodes(String(await call(context, step.replica, "CLUSTER", "NODES")));
  const followed = peers.find((peer) => peer.id === myself.primaryId);
  if (followed === undefined || followed.flags.includes("noaddr")) return false;
  return addressOf(followed) !== addressOf(specOf(context, step.primary));
}

async function isPrimary(name: string, context: StepContext): Promise<boolean> {
  const { myself } = parseClusterNodes(String(await call(context, name, "CLUSTER", "NODES")));
  return myself.flags.includes("master") && countSlots(myself.slots) > 0;
}

/** Link and offset of the old primary, then everybody's view of both. */
async function waitSwapped(step: Failover, context: StepContext): Promise<void> {
  const outdated = isOlderLine(
    await versionOf(step.primary, context),
    await versionOf(step.replica, context),
  );
  try {
    await waitInSync(step.primary, context, outdated ? { stallMs: BOUNDS.outdatedLinkMs } : {});
  } catch (error) {
    // Without a partial resync it cannot copy from a newer primary. It is about to restart with the new version.
    if (!(outdated && error instanceof WaitError)) throw error;
    context.detail(`${step.primary} cannot copy from the newer ${step.replica} before it restarts`);
  }
  const spareLinks = new Set(outdated ? [step.primary] : []);
  await settle(
    context.spec.nodes.map((node) => node.name),
    context,
    { spareLinks },
  );
}

/** Every node that answers sees the new primary with slots and with its new epoch: no older claim can win over that. */
async function waitAgreed(step: Failover, context: StepContext): Promise<void> {
  const { myself: heir } = parseClusterNodes(String(await call(context, step.replica, "CLUSTER", "NODES")));
  await waitUntil(
    async () => {
      if (!(await isPrimary(step.replica, context)))
        throw new Error(`${step.replica} was primary for a moment and is a replica again`);
      for (const node of context.spec.nodes) {
        if (node.name === step.primary && step.mode === "force") continue;
        const text = await on(context, node.name, (client) => client.call("CLUSTER", "NODES")).catch(
          () => undefined,
        );
        if (text === undefined) continue;
        const { myself, peers } = parseClusterNodes(String(text));
        const seen = [myself, ...peers].find((peer) => peer.id === heir.id);
        if (!seen?.flags.includes("master") || seen.slots.length === 0 || seen.epoch < heir.epoch)
          return `${node.name} does not see ${step.replica} as primary yet`;
      }
      return true;
    },
    { ...context, timeoutMs: BOUNDS.settleMs, what: `every node to see ${step.replica} as primary` },
  );
}
