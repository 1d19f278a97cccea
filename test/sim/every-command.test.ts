/**
 * Every operation, with the engine killed before and after each of its changing commands, under a writing client: the next run
 * finishes it, every acknowledged write is there, and the run after that has nothing to do (issue 4). Creation: create.test.ts;
 * shards, whose slots need most commands: every-command-out.test.ts, -in.test.ts.
 */
import { describe, expect, test } from "vitest";
import { DISTURBANCES, MISPLACES } from "./support/disturbances";
import { killedEverywhere } from "./support/every-command";
import { ROLLING_CHANGES } from "./support/rolling-changes";
import { simSpec } from "./support/spec";

const TIMEOUT_MS = 600_000;
const SIX = simSpec({ shards: 3, replicas: 1, zones: 3 });

describe("killed before and after every changing command", { timeout: TIMEOUT_MS }, () => {
  test.each([
    ["a replica more", 1, 2],
    ["a replica less", 2, 1],
    ["no replica any more", 1, 0],
  ])("%s", async (_name, before, after) => {
    const spec = (replicas: number) => simSpec({ shards: 3, replicas, zones: 3 });
    expect(await killedEverywhere({ before: spec(before), after: spec(after) })).toBeGreaterThan(20);
  });

  test.each(Object.keys(ROLLING_CHANGES))("%s", async (name) => {
    const after = ROLLING_CHANGES[name]?.(SIX) ?? SIX;
    expect(await killedEverywhere({ before: SIX, after })).toBeGreaterThan(2);
  });

  // A handover by hand leaves nothing to heal, so there is no command to be killed at.
  const healed = Object.keys(DISTURBANCES).filter((name) => name !== "a planned failover by hand");
  test.each(healed)("healing: %s", async (name) => {
    const misplaces = MISPLACES.has(name);
    const disturb = DISTURBANCES[name];
    expect(await killedEverywhere({ before: SIX, after: SIX, disturb, misplaces })).toBeGreaterThan(0);
  });
});
