/**
 * A running cluster that something happened to, under a writing client: killed nodes, lost disks, power cuts, nodes that moved
 * apart. One run of the engine must heal it, or the run after one that was killed in the middle, without losing a write.
 *
 * How many random runs there are: support/seeds.ts. SIM_SEED repeats a single one.
 */
import { describe, test } from "vitest";
import type { MutationFault } from "./fake/faults";
import { Random } from "./fake/random";
import { changeOf } from "./support/change";
import { DISTURBANCES, MISPLACES } from "./support/disturbances";
import { seedsOf } from "./support/seeds";
import { type Shape, simSpec } from "./support/spec";

const FAULTS: readonly MutationFault[] = ["killBefore", "killAfter", "dropReply", "dropCommand"];
const SEEDS = seedsOf({ full: 150, quick: 5 });
const VERSIONS = ["5.0.6", "5.0.14", "6.2.14", "7.0.15"] as const;

function shape(version: Shape["version"] = "5.0.14"): Shape {
  return { shards: 3, replicas: 1, zones: 3, version };
}

describe("healing on the simulator", () => {
  test.each(Object.keys(DISTURBANCES))("undisturbed: %s", async (name) => {
    for (const version of VERSIONS) {
      const spec = simSpec(shape(version));
      await changeOf({
        seed: 1,
        before: spec,
        after: spec,
        disturb: DISTURBANCES[name],
        misplaces: MISPLACES.has(name),
      });
    }
  });

  test(`${SEEDS.length} random disturbances and faults`, { timeout: 1_200_000 }, async () => {
    const names = Object.keys(DISTURBANCES);
    for (const seed of SEEDS) {
      const random = new Random(seed);
      const spec = simSpec(shape(random.pick(VERSIONS)));
      const faults = new Map([[random.between(1, 12), random.pick(FAULTS)]]);
      const name = random.pick(names);
      const misplaces = MISPLACES.has(name);
      await changeOf({ seed, before: spec, after: spec, faults, disturb: DISTURBANCES[name], misplaces });
    }
  });
});
