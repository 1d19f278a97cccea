/**
 * Everything at once: shards and replicas change while nodes are killed or stand still, the engine dies, its replies and the
 * servers' own MIGRATE answers get lost, and the engine can not reach a node for a while. Afterwards the sky clears, and
 * one run must bring the declared cluster about, with every acknowledged write in it.
 *
 * What Redis itself can not keep is left out: a primary that is cut off from the others, or stands still for longer than the
 * node timeout, acknowledges writes that its successor never sees.
 *
 * How many random runs there are: support/seeds.ts. SIM_SEED repeats a single one.
 */
import { describe, test } from "vitest";
import type { FakeCluster } from "./fake/cluster";
import type { MutationFault } from "./fake/faults";
import { ENGINE } from "./fake/network";
import { Random } from "./fake/random";
import { Writer } from "./fake/writer";
import { successor } from "./support/change";
import { applyUnderFaults, mustConverge, reproducible, watch } from "./support/engine";
import { formed } from "./support/formed";
import { seedsOf } from "./support/seeds";
import { type Shape, simSpec } from "./support/spec";

const FAULTS: readonly MutationFault[] = ["killBefore", "killAfter", "dropReply", "dropCommand"];
const SEEDS = seedsOf({ full: 12, quick: 2 });

/** How long the weather lasts, in virtual ms, and how many runs of the engine go through it. */
const STORM_MS = 8000;
const RUNS = 3;

function shapeOf(random: Random, version: Shape["version"] & string): Shape {
  return { shards: random.between(3, 4), replicas: random.between(1, 2), zones: 3, version };
}

function schedule(fake: FakeCluster, random: Random): string[] {
  const { scheduler, network } = fake;
  const events: string[] = [];
  const names = fake.allNodes().map((node) => node.name);
  const at = (what: string, run: () => void) => {
    const delayMs = random.between(0, STORM_MS);
    events.push(`${what} at +${delayMs}`);
    scheduler.after(delayMs, run);
  };
  for (let left = random.between(0, 3); left > 0; left--) {
    const name = random.pick(names);
    const forMs = random.between(10, 3000);
    const node = fake.node(name);
    const kind = random.pick(["kill", "restart", "stand still", "cut off"] as const);
    switch (kind) {
      case "kill":
        at(`kill ${name}`, () => node.kill());
        break;
      case "restart":
        at(`restart ${name}`, () => {
          if (!node.running) return;
          node.kill();
          node.spawn();
        });
        break;
      case "stand still":
        at(`stop ${name} for ${forMs}`, () => {
          const { server } = node;
          server?.freeze();
          scheduler.after(forMs, () => server?.thaw());
        });
        break;
      case "cut off":
        at(`cut ${name} off the engine for ${forMs}`, () => {
          network.cut([ENGINE], [name]);
          scheduler.after(forMs, () => network.heal());
        });
        break;
    }
  }
  return events;
}

async function storm(seed: number): Promise<void> {
  const random = new Random(seed);
  const version = random.pick(["5.0.6", "5.0.14", "6.2.14", "7.0.15"] as const);
  const before = simSpec(shapeOf(random, version));
  const after = successor(before, simSpec(shapeOf(random, version)));
  const fake = await formed({ seed, spec: before });
  const writer = new Writer(fake, seed, { keys: 80 });
  const violations = watch(fake, /in the same zone/);
  await fake.advance(500);
  fake.declare(after);
  const label = `seed ${seed}, ${before.shards.length}x${before.replicasPerShard} to ${after.shards.length}x${after.replicasPerShard} on ${version}`;
  const events = schedule(fake, random);
  const runs: string[] = [];
  try {
    await reproducible(fake, label, async () => {
      fake.faults.migrateReplyLoss = random.chance(0.3) ? 0.1 : 0;
      fake.faults.replyLoss = random.chance(0.3) ? 0.01 : 0;
      for (let run = 0; run < RUNS; run++) {
        if (random.chance(0.6)) {
          fake.faults.plan.set(fake.faults.mutations + random.between(1, 150), random.pick(FAULTS));
        }
        const { ending, why } = await applyUnderFaults(fake, after);
        runs.push(`${ending} ${why}`);
        await fake.advance(random.between(0, 2000));
      }
      await fake.advance(STORM_MS);
      await mustConverge(fake, after);
      writer.stop();
      await fake.advance(1500);
      const wrong = [...writer.verify(), ...violations()];
      if (wrong.length > 0) throw new Error(wrong.join("\n"));
    });
  } catch (error) {
    throw new Error(
      `${events.join("; ")}\n${runs.join("\n")}\n${error instanceof Error ? error.message : String(error)}`,
    );
  }
}

describe("storms on the simulator", () => {
  test(`${SEEDS.length} random ones`, { timeout: 1_800_000 }, async () => {
    for (const seed of SEEDS) await storm(seed);
  });
});
