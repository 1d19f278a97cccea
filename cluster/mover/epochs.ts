/** Which of two claims to a slot wins. */
import { waitUntil } from "../wait";
import { bumpEpoch, everyNode, greet } from "./greet";
import { claims, type Pair } from "./pair";
import type { Run } from "./run";
import { MoveError } from "./types";

const TIMEOUT_MS = 30_000;

/**
 * Puts the target ahead of the source before it takes anything from it. A message of the source that was under way when the target took
 * a slot still claims it; with an epoch above the target's it would win, and the target would delete the keys that it has just received.
 * Redis lets the target take the highest epoch that it *knows of*, and SETSLOT spreads owners without their epochs, so right after
 * another move it may know an old one of the source.
 */
export async function putAhead(run: Run, pair: Pair): Promise<void> {
  const { source, target } = pair;
  let told = false;
  const look = async (): Promise<true | string> => {
    const now = await claims(pair);
    const known = now.target.epochs.get(source.id);
    if (known === undefined) return `${target.name} does not know ${source.name}`;
    if (known !== now.source.epoch) {
      await greet(run, source.name, target.name);
      return `${target.name} knows epoch ${known} of ${source.name} instead of ${now.source.epoch}`;
    }
    if (now.target.epoch > known) return true;
    await bumpEpoch(run, target.name);
    // The others hear of it while keys move, so that nobody waits for it at the end.
    if (!told) for (const node of everyNode(run)) void greet(run, target.name, node);
    told = true;
    return `${target.name} has epoch ${now.target.epoch}, ${source.name} ${known}`;
  };
  const { clock, signal } = run.context;
  try {
    await waitUntil(look, {
      clock,
      signal,
      timeoutMs: TIMEOUT_MS,
      intervalMs: 20,
      what: "the target to be ahead of the source",
    });
  } catch (error) {
    if (signal?.aborted || error instanceof MoveError) throw error;
    throw new MoveError("agreement", error instanceof Error ? error.message : String(error));
  }
}
