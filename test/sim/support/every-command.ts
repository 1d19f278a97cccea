/** One operation, again and again, killed at another of its commands each time. */
import { type Change, changeOf } from "./change";
import { strideOf } from "./seeds";

/** Enough keys that every slot window meets some; each costs time in every one of hundreds of runs. */
const KEYS = 20;
const STRIDE = strideOf(180);

/** @returns how many changing commands the operation has */
export async function killedEverywhere(change: Omit<Change, "seed" | "faults" | "keys">): Promise<number> {
  const own = { ...change, seed: 1, keys: KEYS };
  const commands = await changeOf(own);
  for (const fault of ["killBefore", "killAfter"] as const) {
    for (let number = 1; number <= commands; number += STRIDE)
      await changeOf({ ...own, faults: new Map([[number, fault]]) });
  }
  return commands;
}
