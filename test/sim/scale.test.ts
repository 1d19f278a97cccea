/**
 * Shards and replicas out and in, under a writing client, with the engine killed or a reply lost somewhere in the middle: the
 * next run finishes, every acknowledged write is there, and the run after that has nothing to do.
 *
 * How many random runs there are: support/seeds.ts. SIM_SEED repeats a single one.
 */
import { describe, expect, test } from "vitest";
import type { MutationFault } from "./fake/faults";
import { Random } from "./fake/random";
import { changeOf } from "./support/change";
import { seedsOf } from "./support/seeds";
import { type Shape, simSpec } from "./support/spec";

const FAULTS: readonly MutationFault[] = ["killBefore", "killAfter", "dropReply", "dropCommand"];
const SEEDS = seedsOf({ full: 12, quick: 2 });

function shape(shards: number, replicas: number, version: Shape["version"] = "5.0.14"): Shape {
  return { shards, replicas, zones: 3, version };
}

describe("scaling on the simulator", () => {
  test.each([
    ["a shard more", shape(3, 1), shape(4, 1)],
    ["a shard less", shape(4, 1), shape(3, 1)],
    ["three shards more", shape(3, 0), shape(6, 0)],
    ["three shards less", shape(6, 0), shape(3, 0)],
    ["a replica more", shape(3, 1), shape(3, 2)],
    ["a replica less", shape(3, 2), shape(3, 1)],
    ["no replica any more", shape(3, 1), shape(3, 0)],
    ["shards more, replicas less", shape(3, 2), shape(5, 1)],
  ])("undisturbed: %s", async (_name, before, after) => {
    const changes = await changeOf({ seed: 1, before: simSpec(before), after: simSpec(after) });
    expect(changes).toBeGreaterThan(2);
  });

  test(`${SEEDS.length} random changes and faults`, { timeout: 1_200_000 }, async () => {
    for (const seed of SEEDS) await randomChange(seed);
  });
});

async function randomChange(seed: number): Promise<void> {
  const random = new Random(seed);
  const version = random.pick(["5.0.6", "5.0.14", "6.2.14", "7.0.15"] as const);
  const before = shape(random.between(3, 5), random.between(0, 2), version);
  const after = shape(random.between(3, 5), random.between(0, 2), version);
  const faults = new Map([[random.between(1, 150), random.pick(FAULTS)]]);
  if (random.chance(0.3)) faults.set(random.between(1, 200), random.pick(FAULTS));
  await changeOf({
    seed,
    before: simSpec(before),
    after: simSpec(after),
    faults,
    disabled: random.chance(0.5) ? ["eval"] : [],
  });
}
