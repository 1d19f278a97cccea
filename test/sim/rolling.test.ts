/**
 * Changes that go through the nodes one by one, under a writing client: directives, releases, passwords. The engine is killed or loses
 * a reply somewhere in the middle; the next run finishes, and every acknowledged write is there.
 *
 * How many random runs there are: support/seeds.ts. SIM_SEED repeats a single one.
 */
import { describe, expect, test } from "vitest";
import type { MutationFault } from "./fake/faults";
import { Random } from "./fake/random";
import { changeOf } from "./support/change";
import { ROLLING_CHANGES } from "./support/rolling-changes";
import { seedsOf } from "./support/seeds";
import { type Shape, simSpec } from "./support/spec";

const FAULTS: readonly MutationFault[] = ["killBefore", "killAfter", "dropReply", "dropCommand"];
const SEEDS = seedsOf({ full: 60, quick: 8 });

type Before = Shape["version"] & string;

function shape(random: Random, version: Before): Shape {
  return { shards: 3, replicas: random.between(1, 2), zones: 3, version };
}

describe("rolling changes on the simulator", () => {
  test.each(Object.keys(ROLLING_CHANGES))("undisturbed: %s", async (name) => {
    for (const version of ["5.0.14", "6.2.14"] as const) {
      const before = simSpec({ shards: 3, replicas: 1, zones: 3, version });
      const changes = await changeOf({ seed: 1, before, after: ROLLING_CHANGES[name]?.(before) ?? before });
      expect(changes).toBeGreaterThan(0);
    }
  });

  test(`${SEEDS.length} random changes and faults`, { timeout: 1_200_000 }, async () => {
    const names = Object.keys(ROLLING_CHANGES);
    for (const seed of SEEDS) {
      const random = new Random(seed);
      const before = simSpec(shape(random, random.pick(["5.0.6", "5.0.14", "6.2.14"] as const)));
      const after = ROLLING_CHANGES[random.pick(names)]?.(before) ?? before;
      const faults = new Map([[random.between(1, 40), random.pick(FAULTS)]]);
      await changeOf({ seed, before, after, faults });
    }
  });
});
