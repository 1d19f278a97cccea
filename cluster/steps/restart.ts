/** Restarting one node of a cluster that goes on serving. */
import { UnreachableError } from "../client";
import { infoNumber, parseClusterNodes, parseInfo, parsePairs, replyOf } from "../parse";
import { restartReasons } from "../plan/rolling";
import type { Step } from "../plan/types";
import { RENAME_COMMAND, readRenames, renameQuery } from "../renames";
import { countSlots } from "../slots";
import type { NodeSpec } from "../spec";
import { waitUntil } from "../wait";
import { waitCalm } from "./calm";
import { BOUNDS, call, on, type StepContext, specOf, versionOf } from "./context";
import { noteStarted } from "./elections";
import { waitLoaded } from "./processes";
import { restoreKept } from "./rotate";
import { waitInSync } from "./sync";

/**
 * 1. the cluster is calm: no slot open, all nodes agree, links up; 2. the node may go: it is a replica, or a primary
 * without any; 3. stop in order, start with the declared file and version; 4. loaded, in sync, seen by everybody;
 * 5. the restart brought what it was for. A run that dies in between leaves a stopped node, which the next one starts.
 * @throws Error where roles changed since the plan was made, or the restart did not change what it was to change.
 */
export async function restartNode(
  step: Extract<Step, { kind: "restartNode" }>,
  context: StepContext,
): Promise<void> {
  const node = specOf(context, step.node);
  await waitCalm(context, node.name);
  const lone = await mayStop(node, context);
  await rewriteWithoutOldNames(node, context);
  await stop(node, lone, context);
  await context.hostOf(node).start(node);
  noteStarted(node.name, context);
  await waitLoaded(node, context);
  await context.lock([node]);
  await restoreKept(node.name, await versionOf(node.name, context), context);
  if (!lone) await waitInSync(node.name, context);
  await waitCalm(context, node.name);
  await checkTaken(node, context);
}

/** Whether the node is a primary without replicas; its slots are down while it restarts. */
async function mayStop(node: NodeSpec, context: StepContext): Promise<boolean> {
  const { myself, peers } = parseClusterNodes(String(await call(context, node.name, "CLUSTER", "NODES")));
  if (myself.flags.includes("slave")) return false;
  const replicas = peers.filter((peer) => peer.primaryId === myself.id);
  if (myself.slots.length > 0 && replicas.length > 0)
    throw new Error(
      `${node.name} owns ${countSlots(myself.slots)} slots and has ${replicas.length} replica${replicas.length === 1 ? "" : "s"}: ` +
        "a primary is handed over before it restarts, so its role changed since the plan was made",
    );
  return true;
}

/**
 * An append-only file is replayed with the names of the new redis.conf: a FLUSHALL in it that is no command any more would end the start
 * ("Unknown command reading the append only file"). Rewritten, it holds data only.
 */
async function rewriteWithoutOldNames(node: NodeSpec, context: StepContext): Promise<void> {
  const declared = node.directives[RENAME_COMMAND];
  if (declared === undefined) return;
  const version = await versionOf(node.name, context);
  const [commands, config] = await on(context, node.name, (client) =>
    client.pipeline([renameQuery(declared), ["CONFIG", "GET", "appendonly"]]),
  );
  if (readRenames(replyOf(commands), declared, version) === declared) return;
  if (parsePairs(replyOf(config)).get("appendonly") !== "yes") return;
  await waitNoRewrite(node, context);
  context.detail(
    `${node.name} rewrites its append-only file: the old one may hold commands by names that end`,
  );
  await call(context, node.name, "BGREWRITEAOF");
}

/**
 * SIGTERM makes Redis save where the declaration persists anything. A lone primary that persists nothing would come back
 * empty, so it is told to save all the same (SHUTDOWN SAVE).
 */
async function stop(node: NodeSpec, lone: boolean, context: StepContext): Promise<void> {
  await waitNoRewrite(node, context);
  context.detail(`${node.name} is stopping (it saves its data first)`);
  if (lone) await saveLone(node, context);
  context.sessions.forget(node.name);
  await context.hostOf(node).stop(node, { timeoutMs: BOUNDS.stopMs });
}

/** Redis ignores SIGTERM while it writes its first append-only file ("Writing initial AOF, can't exit"). */
export function waitNoRewrite(node: NodeSpec, context: StepContext): Promise<void> {
  return waitUntil(
    async () => {
      const info = parseInfo(String(await call(context, node.name, "INFO", "persistence")));
      const busy = ["aof_rewrite_in_progress", "aof_rewrite_scheduled"].some(
        (field) => infoNumber(info, field) > 0,
      );
      if (busy) context.detail(`${node.name} is rewriting its append-only file`);
      return busy ? "a rewrite of the append-only file is under way" : true;
    },
    {
      ...context,
      timeoutMs: BOUNDS.stopMs,
      maxIntervalMs: 500,
      what: `${node.name} to finish its append-only file`,
    },
  );
}

async function saveLone(node: NodeSpec, context: StepContext): Promise<void> {
  await on(context, node.name, async (client) => {
    const config = parsePairs(await client.call("CONFIG", "GET", "*"));
    const appendonly = config.get("appendonly");
    if (appendonly === "no" && node.directives.appendonly === "yes")
      throw new Error(
        `${node.name} has no replica and no append-only file yet, and would start from one: set appendonly live first`,
      );
    if (appendonly === "yes" || config.get("save") !== "") return;
    try {
      await client.call("SHUTDOWN", "SAVE");
    } catch (error) {
      // A server that shuts down does not answer; an error reply means that it could not save and goes on.
      if (!(error instanceof UnreachableError)) throw error;
    }
  });
}

/** Reads the node's own answer once more, so that a restart that changes nothing is never planned in a circle. */
async function checkTaken(node: NodeSpec, context: StepContext): Promise<void> {
  const renames = node.directives[RENAME_COMMAND];
  const [server, config, commands] = await on(context, node.name, (client) =>
    client.pipeline([
      ["INFO", "server"],
      ["CONFIG", "GET", "*"],
      ...(renames === undefined ? [] : [renameQuery(renames)]),
    ]),
  );
  const version = parseInfo(String(server)).get("redis_version") ?? "unknown";
  const settings = Object.fromEntries(parsePairs(replyOf(config)));
  if (renames !== undefined) settings[RENAME_COMMAND] = readRenames(replyOf(commands), renames, version);
  const left = restartReasons(context.spec, node, { version, settings });
  if (left.length > 0)
    throw new Error(
      `${node.name} was restarted and still ${left.join("; ")}. Its redis.conf or its installed version is another one; no further node was restarted`,
    );
}
