/**
 * Creation, killed before and after every changing command and with each of their replies lost: the next run finishes it,
 * and the one after that has nothing to do. Then thousands of random shapes and faults.
 *
 * How many random runs there are: support/seeds.ts. SIM_SEED repeats a single one.
 */
import { describe, expect, test } from "vitest";
import { FakeCluster } from "./fake/cluster";
import type { MutationFault } from "./fake/faults";
import { Random } from "./fake/random";
import { applyOn, applyUnderFaults, mustConverge, reproducible, watch } from "./support/engine";
import { seedsOf, strideOf } from "./support/seeds";
import { type Shape, simSpec } from "./support/spec";

const FAULTS: readonly MutationFault[] = ["killBefore", "killAfter", "dropReply", "dropCommand"];
const SEEDS = seedsOf({ full: 400, quick: 10 });
const STRIDE = strideOf(3);
const SIX = simSpec({ shards: 3, replicas: 1, zones: 3 });

async function interrupted(
  seed: number,
  shape: Shape,
  plan: ReadonlyMap<number, MutationFault>,
): Promise<void> {
  const spec = simSpec(shape);
  const fake = new FakeCluster({ seed, spec });
  for (const [number, fault] of plan) fake.faults.plan.set(number, fault);
  await reproducible(fake, `seed ${seed}, ${JSON.stringify(shape)}`, async () => {
    const violations = watch(fake);
    const first = await applyUnderFaults(fake, spec);
    expect(fake.faults.mutations, "the fault's turn never came").toBeGreaterThanOrEqual(
      Math.min(...plan.keys()),
    );
    // Not at once: a server that was just started does not listen yet, and the engine refuses what it can not reach.
    if (first.ending !== "done") await fake.advance(new Random(seed).between(200, 3000));
    await mustConverge(fake, spec);
    expect(violations()).toEqual([]);
  });
}

/** How many changing commands an undisturbed creation issues. */
async function changesOf(shape: Shape): Promise<number> {
  const spec = simSpec(shape);
  const fake = new FakeCluster({ seed: 1, spec });
  await applyOn(fake, spec);
  return fake.faults.mutations;
}

describe("creation on the simulator", () => {
  test("an undisturbed one needs one round and leaves nothing to do", async () => {
    const fake = new FakeCluster({ seed: 1, spec: SIX });
    const outcome = await mustConverge(fake, SIX);
    expect(outcome.rounds).toBe(1);
    expect(fake.surprises).toEqual([]);
  });

  test.each(FAULTS)(
    `%s at ${STRIDE === 1 ? "all" : `one in ${STRIDE} of the`} changing commands of a six-node creation`,
    { timeout: 120_000 },
    async (fault) => {
      const shape: Shape = { shards: 3, replicas: 1, zones: 3 };
      const changes = await changesOf(shape);
      expect(changes).toBeGreaterThan(20);
      for (let number = 1; number <= changes; number += STRIDE)
        await interrupted(1, shape, new Map([[number, fault]]));
    },
  );

  test(`${SEEDS.length} random shapes, versions and faults`, { timeout: 600_000 }, async () => {
    for (const seed of SEEDS) {
      const random = new Random(seed);
      const shape: Shape = {
        // Small clusters more often: they break in the same ways and cost less.
        shards: 3 + Math.floor(6 * random.next() ** 2),
        replicas: random.between(0, 2),
        zones: random.between(1, 4),
        version: random.pick(["5.0.6", "5.0.14", "6.2.14", "7.0.15"] as const),
      };
      const plan = new Map<number, MutationFault>();
      plan.set(random.between(1, 3 * shape.shards * (shape.replicas + 1)), random.pick(FAULTS));
      if (random.chance(0.3)) plan.set(random.between(1, 100), random.pick(FAULTS));
      await interrupted(seed, shape, plan);
    }
  });
});
