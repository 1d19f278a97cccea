/** Carries out what was decided about slots in doubt. */
import { type Command, RedisReplyError } from "../../client";
import { WaitError } from "../../errors";
import { parseInfo } from "../../parse";
import { waitUntil } from "../../wait";
import { closePair, openPair } from "../pair";
import type { Run } from "../run";
import { setSlots } from "../scripts";
import { MoveError } from "../types";
import { Worker } from "../worker";
import type { RepairAction, SlotRepair } from "./decide";
import { mergeIntoOwner } from "./merge";

/** A primary that comes back serves after 2 to 5 s. */
const SERVING_TIMEOUT_MS = 10_000;

type Transfer = Extract<RepairAction, { kind: "forward" | "merge" }>;

/**
 * Ownership of every slot first: clients cannot use one in dispute, and with a slot unowned all nodes may refuse everything, MIGRATE
 * included. Then the keys, pair by pair.
 */
export async function carryOut(run: Run, repairs: readonly SlotRepair[]): Promise<void> {
  const transfers = new Map<string, { how: Transfer; slots: number[] }>();
  for (const { slot, actions } of repairs)
    for (const action of actions) {
      run.throwIfAborted();
      if (action.kind === "forward" || action.kind === "merge") collect(transfers, slot, action);
      else await apply(run, slot, action);
    }
  for (const { how, slots } of transfers.values()) {
    await waitServing(run, how);
    await transfer(run, how, slots);
  }
}

/** @throws MoveError where the cluster stays down, with the node that says so. */
async function waitServing(run: Run, how: Transfer): Promise<void> {
  const look = async (): Promise<true | string> => {
    for (const node of [how.source, how.target]) {
      const info = parseInfo(String(await (await run.client(node)).call("CLUSTER", "INFO")));
      if (info.get("cluster_state") !== "ok")
        return `${node} says cluster_state:${info.get("cluster_state")}`;
    }
    return true;
  };
  const { clock, signal } = run.context;
  try {
    await waitUntil(look, {
      clock,
      signal,
      timeoutMs: SERVING_TIMEOUT_MS,
      what: "the cluster to serve, so that keys can move",
    });
  } catch (error) {
    if (error instanceof WaitError) throw new MoveError("down", error.message);
    throw error;
  }
}

function collect(into: Map<string, { how: Transfer; slots: number[] }>, slot: number, how: Transfer): void {
  const id = `${how.kind} ${how.source} ${how.target}`;
  const known = into.get(id) ?? { how, slots: [] };
  known.slots.push(slot);
  into.set(id, known);
}

async function apply(run: Run, slot: number, action: Exclude<RepairAction, Transfer>): Promise<void> {
  const { idOf } = run.context;
  switch (action.kind) {
    case "demote":
      return demote(run, slot, action.node, idOf(action.owner));
    case "own":
      if (action.bump) await command(run, action.node, ["CLUSTER", "BUMPEPOCH"]);
      return command(run, action.node, ["CLUSTER", "SETSLOT", slot, "NODE", idOf(action.node)]);
    case "tell":
      return command(run, action.node, ["CLUSTER", "SETSLOT", slot, "NODE", idOf(action.owner)]);
    case "stable":
      return command(run, action.node, ["CLUSTER", "SETSLOT", slot, "STABLE"]);
    default:
      return unknownAction(action);
  }
}

function unknownAction(action: never): never {
  throw new Error(`unknown repair ${JSON.stringify(action)}`);
}

async function command(run: Run, node: string, command: Command): Promise<void> {
  const client = await run.client(node);
  await client.call(...(command as [string, ...(string | number)[]]));
}

/**
 * In one transaction, so that no message of the cluster comes between: a node that owns a slot and hears of a better claim deletes its keys
 * of it, and one that owns no slot but imports it keeps them. SETSLOT NODE alone is refused while there are keys.
 */
async function demote(run: Run, slot: number, node: string, ownerId: string): Promise<void> {
  const client = await run.client(node);
  const replies = await client.pipeline([
    ["MULTI"],
    ["CLUSTER", "SETSLOT", slot, "STABLE"],
    ["CLUSTER", "DELSLOTS", slot],
    ["CLUSTER", "SETSLOT", slot, "NODE", ownerId],
    ["CLUSTER", "SETSLOT", slot, "IMPORTING", ownerId],
    ["EXEC"],
  ]);
  const failed = replies.find((reply) => reply instanceof RedisReplyError);
  const outcome = replies.at(-1);
  const results = Array.isArray(outcome) ? outcome : [];
  // DELSLOTS is refused where gossip has taken the slot meanwhile; what follows is right then, too.
  if (failed || results.length !== 4)
    throw new MoveError(
      "state",
      `${node} does not give up slot ${slot}: ${failed?.message ?? String(outcome)}`,
    );
}

async function transfer(run: Run, how: Transfer, slots: readonly number[]): Promise<void> {
  const pair = await openPair(run.context, how.source, how.target);
  const worker = new Worker(run, pair);
  try {
    if (how.kind === "forward") {
      await flag(worker, slots);
      await worker.move(slots);
    } else
      await worker.persist(async () => {
        for (const slot of slots) await mergeIntoOwner(worker, slot);
      });
  } finally {
    closePair(worker.pair);
  }
}

/** Both flags for exactly this pair: after a failover one is missing, or names a node that is a replica now. */
async function flag(worker: Worker, slots: readonly number[]): Promise<void> {
  const { source, target } = worker.pair;
  const refused =
    (await setSlots(target.client, slots, "IMPORTING", source.id)) ??
    (await setSlots(source.client, slots, "MIGRATING", target.id));
  if (refused) throw new MoveError("state", `slot ${refused.slot} cannot be opened again: ${refused.text}`);
}
