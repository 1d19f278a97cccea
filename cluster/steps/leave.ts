/** Ids and nodes that leave the cluster. */
import { type NodeClient, RedisReplyError } from "../client";
import { parseClusterNodes } from "../parse";
import type { Step } from "../plan/types";
import { formatRanges } from "../slots";
import { waitUntil } from "../wait";
import { BOUNDS, call, on, type StepContext, specOf } from "./context";

type Of<K extends Step["kind"]> = Extract<Step, { kind: K }>;

export async function forget(step: Of<"forget">, context: StepContext): Promise<void> {
  await forgetOn(step.on, step.id, context);
}

/**
 * 1. Proof that nothing is lost with it, asked immediately before: no slot, and as a primary no key (a replica holds a
 *    copy). 2. CLUSTER RESET: it forgets the others and takes a new id, so that its gossip cannot bring the old id back
 *    after the 60 s for which CLUSTER FORGET bans it. 3. Its files become as empty as it is. 4. Everybody forgets it.
 *    5. It stops.
 */
export async function removeNode(step: Of<"removeNode">, context: StepContext): Promise<void> {
  await waitUntil(() => detach(step.node, context), {
    ...context,
    timeoutMs: BOUNDS.loadingMs,
    what: `${step.node} to answer, so that it can be proven empty`,
  });
  await forgetOn(step.on, step.id, context);
  const node = specOf(context, step.node);
  context.sessions.forget(node.name);
  await context.hostOf(node).stop(node);
}

/**
 * A primary whose last slot went, and every replica of it, turns itself into a replica of the one that took it (redis
 * #3083) and copies all of its data. While it loads that copy it answers nothing.
 */
async function detach(name: string, context: StepContext): Promise<true | string> {
  try {
    await on(context, name, async (client) => {
      const { myself } = parseClusterNodes(String(await client.call("CLUSTER", "NODES")));
      if (myself.slots.length > 0)
        throw new Error(`${name} still owns slots ${formatRanges(myself.slots)}; it is not removed`);
      const keys = Number(await client.call("DBSIZE"));
      if (keys > 0 && !myself.flags.includes("slave"))
        throw new Error(`${name} still holds ${keys} keys; it is not removed`);
      await client.call("CLUSTER", "RESET", "HARD");
      await emptyFiles(client);
    });
    return true;
  } catch (error) {
    if (error instanceof RedisReplyError && error.code === "LOADING") return error.message;
    throw error;
  }
}

/**
 * CLUSTER RESET empties a replica's memory alone. Its append-only file still has the copy (FLUSHALL is written to it,
 * the reset is not), and so has the snapshot that a full copy arrives as, whatever `save` says. A node that is declared
 * again would start with those keys, which look like somebody's data: refused from then on.
 */
async function emptyFiles(client: NodeClient): Promise<void> {
  if (Number(await client.call("DBSIZE")) > 0) return;
  for (const command of ["FLUSHALL", "SAVE"]) {
    try {
      await client.call(command);
    } catch (error) {
      // Switched off by rename-command, or a snapshot is being written: the old files are in nobody's way until then.
      if (!(error instanceof RedisReplyError)) throw error;
    }
  }
}

async function forgetOn(names: readonly string[], id: string, context: StepContext): Promise<void> {
  await Promise.all(
    names.map(async (name) => {
      try {
        await call(context, name, "CLUSTER", "FORGET", id);
      } catch (error) {
        // Forgotten already: a repeated step.
        if (!(error instanceof RedisReplyError && /Unknown node/i.test(error.message))) throw error;
      }
    }),
  );
}
