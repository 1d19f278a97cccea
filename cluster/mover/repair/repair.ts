/** Ends what interrupted moves, crashes and other tools left of slots: one owner each, no flag, every key at the owner. */
import { expandRanges, toRanges } from "../../slots";
import type { SlotRange } from "../../spec";
import { confirmOwners } from "../agreement";
import { Run } from "../run";
import { type ClusterContext, type MoveContext, MoveError, type MoveResult } from "../types";
import { planSlotRepair, type SlotRefusal, type SlotRepair } from "./decide";
import { gather, type Look, lookAround, type RepairNode } from "./evidence";
import { carryOut } from "./execute";

/** A forwarded move can bring a second one to light, a merge a third; each look removes at least one cause. */
const MAX_LOOKS = 12;
const PAUSE_MS = 100;
const SLOTS_SHOWN = 3;

export interface RepairContext extends Omit<MoveContext, "primaries" | "replicasOf" | "idOf"> {
  /** Every declared and every leaving node. Roles and ids are looked at anew. */
  readonly nodes: readonly RepairNode[];
}

export interface RepairedSlot {
  readonly slot: number;
  readonly owner: string;
  /** Why this node, as first decided. */
  readonly reason: string;
}

export interface RepairResult extends MoveResult {
  readonly repaired: readonly RepairedSlot[];
  /** Slots that nothing was done about since a node that does not answer owns them or has keys of them. */
  readonly waiting: readonly { readonly slots: readonly SlotRange[]; readonly reason: string }[];
}

/**
 * Looks at the slots, decides (`planSlotRepair`), acts, and looks again until nothing is wrong with them. May be stopped and repeated at
 * any moment. No value is overwritten: where two nodes have different values of a key, the owner's keeps the name, the other is set
 * aside under a reserved name (`QUARANTINE_PREFIX`) and listed in `conflicts`.
 * @throws MoveError where the cluster changed under the repair or does not answer with a majority; UnreachableError; the signal's reason.
 */
export async function repairSlots(
  slots: readonly SlotRange[],
  context: RepairContext,
): Promise<RepairResult> {
  const scope = expandRanges(slots);
  const reasons = new Map<number, string>();
  let run = newRun(context, { nodes: [], absent: [] });
  let last: readonly SlotRepair[] = [];
  try {
    for (let looks = 0; looks < MAX_LOOKS; looks++) {
      const look = await lookAround(run, context.nodes);
      requireMajority(look);
      run.close();
      run = newRun(context, look, run);
      const plans = (await gather(run, look, scope)).map(planSlotRepair);
      const repairs = plans.filter((plan): plan is SlotRepair => plan.kind === "repair");
      const refusals = plans.filter((plan): plan is SlotRefusal => plan.kind === "refusal");
      const todo = repairs.filter((repair) => repair.actions.length > 0);
      for (const { slot, reason } of todo) if (!reasons.has(slot)) reasons.set(slot, reason);
      last = todo;
      if (todo.length > 0 && (await attempt(run, todo, refusals))) {
        // What is in doubt twice is waiting for gossip, about an epoch for example.
        await context.clock.sleep(PAUSE_MS * looks, context.signal);
        continue;
      }
      await confirmOwners(run, ownersOf(repairs));
      const repaired = repairs.flatMap(({ slot, owner }) => {
        const reason = reasons.get(slot);
        return reason === undefined || todo.some((left) => left.slot === slot)
          ? []
          : [{ slot, owner, reason }];
      });
      return { ...run.result(), repaired, waiting: waitingOf([...refusals, ...postponed(todo)]) };
    }
    throw new MoveError("state", `still in doubt after ${MAX_LOOKS} looks: ${describe(last)}`);
  } finally {
    run.close();
  }
}

/** The first slots and what was to be done about them. */
function describe(repairs: readonly SlotRepair[]): string {
  return repairs
    .slice(0, SLOTS_SHOWN)
    .map(({ slot, reason, actions }) => `slot ${slot} (${reason}): ${JSON.stringify(actions)}`)
    .join("; ");
}

/** False where the cluster is down because of slots that have to wait: keys of other slots cannot move then either. */
async function attempt(
  run: Run,
  todo: readonly SlotRepair[],
  refusals: readonly SlotRefusal[],
): Promise<boolean> {
  try {
    await carryOut(run, todo);
    return true;
  } catch (error) {
    if (error instanceof MoveError && error.code === "down" && refusals.length > 0) return false;
    throw error;
  }
}

function postponed(todo: readonly SlotRepair[]): SlotRefusal[] {
  const reason = "the cluster is down until the nodes that are waited for answer; keys cannot move before";
  return todo.map(({ slot }) => ({ kind: "refusal", slot, reason }));
}

/** Roles and ids as they are now; counters and conflicts go on. */
function newRun(context: RepairContext, look: Look, before?: Run): Run {
  const ids = new Map(look.nodes.map((node) => [node.name, node.nodes.myself.id]));
  const nameOf = new Map(look.nodes.map((node) => [node.nodes.myself.id, node.name]));
  const primaryOf = new Map(
    look.nodes.map((node) => [node.name, nameOf.get(node.nodes.myself.primaryId ?? "")]),
  );
  const now: ClusterContext = {
    ...context,
    idOf: (name) => ids.get(name) ?? "",
    primaries: look.nodes.filter((node) => node.primary).map((node) => node.name),
    replicasOf: (name) =>
      look.nodes.filter((node) => primaryOf.get(node.name) === name).map((node) => node.name),
  };
  const run = new Run({ ...context, ...now });
  if (before) run.continue(before);
  return run;
}

/** A minority side must not decide about slots. */
function requireMajority(look: Look): void {
  const [first] = look.nodes;
  if (!first) throw new MoveError("state", "no node answers");
  const owners = new Set<string>();
  for (const { nodes } of look.nodes)
    for (const line of [nodes.myself, ...nodes.peers])
      if (line.flags.includes("master") && line.slots.length > 0) owners.add(line.id);
  const heard = look.nodes.filter((node) => owners.has(node.nodes.myself.id)).length;
  if (2 * heard <= owners.size)
    throw new MoveError(
      "state",
      `only ${heard} of ${owners.size} primaries answer; a minority does not decide about slots`,
    );
}

function ownersOf(repairs: readonly SlotRepair[]): { target: string; slots: number[] }[] {
  const owners = new Map<string, number[]>();
  for (const { slot, owner } of repairs) owners.set(owner, [...(owners.get(owner) ?? []), slot]);
  return [...owners].map(([target, slots]) => ({ target, slots }));
}

function waitingOf(refusals: readonly SlotRefusal[]): RepairResult["waiting"] {
  const byReason = new Map<string, number[]>();
  for (const { slot, reason } of refusals) {
    // One line for all slots of one silent node.
    const general = reason.replace(/ ?\bslot \d+\b/, "");
    byReason.set(general, [...(byReason.get(general) ?? []), slot]);
  }
  return [...byReason].map(([reason, slots]) => ({ reason, slots: toRanges(slots) }));
}
