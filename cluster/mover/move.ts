/** Moves slots between primaries: fast, without losing or overwriting a key, to be stopped and repeated at any moment. */
import { expandRanges } from "../slots";
import { confirmOwners, type NewOwner } from "./agreement";
import { withFittingCompression } from "./compression";
import { Gate } from "./gate";
import { closePair, openPair } from "./pair";
import { Run } from "./run";
import { type MoveContext, MoveError, type MoveRequest, type MoveResult } from "./types";
import { Worker } from "./worker";

/** Legs of one source under way at once. Their keys take turns; the rest is round trips. */
const LEGS_AT_ONCE = 4;

/** All slots that go from one source to one target. */
export interface Leg {
  readonly source: string;
  readonly target: string;
  readonly slots: readonly number[];
}

/**
 * Moves the slots of the request; those that are already at their target are passed over, so the same request continues a run that was
 * stopped or killed. Sources work in parallel, each sending keys to one target at a time: a server has one thread, and MIGRATE takes it whole.
 *
 * Resolves when every node that answers sees the new owners. `result.refused` lists slots that were not moved because a key of theirs
 * cannot be; `result.conflicts` the keys that had two values, both of which are kept.
 * @throws MoveError, UnreachableError, or the signal's reason. The cluster then serves all keys, and the next run continues.
 */
export async function moveSlots(request: MoveRequest, context: MoveContext): Promise<MoveResult> {
  const legs = legsOf(request);
  const run = new Run(context);
  run.slotsTotal = legs.reduce((sum, leg) => sum + leg.slots.length, 0);
  try {
    for (const phase of phasesOf(legs)) {
      await runAll(
        [...bySource(phase)].map(
          ([source, own]) =>
            () =>
              moveFrom(run, source, own),
        ),
      );
      await confirmOwners(run, withoutRefused(run, phase));
    }
    return run.result();
  } finally {
    run.close();
  }
}

/** @throws MoveError for a slot that is named twice or goes where it comes from. */
function legsOf(request: MoveRequest): Leg[] {
  const seen = new Set<number>();
  return request.moves.map(({ source, target, slots: ranges }) => {
    const slots = expandRanges(ranges);
    for (const slot of slots) {
      if (seen.has(slot) || source === target)
        throw new MoveError("state", `slot ${slot}: the request moves it twice or to its own source`);
      seen.add(slot);
    }
    return { source, target, slots };
  });
}

/**
 * In no phase is a node both source and target. As a target it takes new epochs, and a source whose epoch rises between NODE at its
 * target and NODE at itself claims the slot again: the target would obey and delete the keys.
 */
export function phasesOf(legs: readonly Leg[]): Leg[][] {
  const phases: Leg[][] = [];
  for (const leg of legs) {
    const fits = phases.find((phase) =>
      phase.every((other) => other.source !== leg.target && other.target !== leg.source),
    );
    if (fits) fits.push(leg);
    else phases.push([leg]);
  }
  return phases;
}

function withoutRefused(run: Run, legs: readonly Leg[]): NewOwner[] {
  const refused = new Set(run.refused.map(({ slot }) => slot));
  return legs.map(({ target, slots }) => ({ target, slots: slots.filter((slot) => !refused.has(slot)) }));
}

function bySource(legs: readonly Leg[]): Map<string, Leg[]> {
  const sources = new Map<string, Leg[]>();
  for (const leg of legs) sources.set(leg.source, [...(sources.get(leg.source) ?? []), leg]);
  return sources;
}

async function moveFrom(run: Run, source: string, legs: readonly Leg[]): Promise<void> {
  const slots = legs.flatMap((leg) => leg.slots);
  const room = new Gate(LEGS_AT_ONCE);
  await withFittingCompression(run, source, slots, () =>
    runAll(legs.map((leg) => () => room.share(() => moveLeg(run, leg)))),
  );
}

async function moveLeg(run: Run, { source, target, slots }: Leg): Promise<void> {
  const worker = new Worker(run, await openPair(run.context, source, target));
  try {
    await worker.move(slots);
  } finally {
    closePair(worker.pair);
  }
}

/** Waits for all, also where one fails: the others come to a safe stop by themselves or to their end. Then throws the first failure. */
async function runAll(tasks: readonly (() => Promise<void>)[]): Promise<void> {
  const results = await Promise.allSettled(tasks.map((task) => task()));
  const failed = results.find((result) => result.status === "rejected");
  if (failed) throw failed.reason;
}
