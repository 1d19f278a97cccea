/**
 * A change of a running cluster, under a writing client, with something going wrong in the middle: the next run must finish
 * it, and no acknowledged write may be lost.
 */
import type { ClusterSpec } from "../../../cluster/spec";
import type { FakeCluster } from "../fake/cluster";
import type { MutationFault } from "../fake/faults";
import { Random } from "../fake/random";
import { Writer } from "../fake/writer";
import { applyUnderFaults, mustConverge, reproducible, watch } from "./engine";
import { formed } from "./formed";

export interface Change {
  readonly seed: number;
  readonly before: ClusterSpec;
  readonly after: ClusterSpec;
  /** Faults by number of the changing command, counted from the change on. */
  readonly faults?: ReadonlyMap<number, MutationFault>;
  /** Breaks the cluster before the engine comes. */
  readonly disturb?: ((fake: FakeCluster, random: Random) => Promise<void>) | undefined;
  /** The disturbance itself breaks the placement, so nobody looks at it before the end. */
  readonly misplaces?: boolean;
  /** Commands that are renamed away. */
  readonly disabled?: readonly string[];
  /** Keys of the writing client. Default 60; 0: nobody writes. */
  readonly keys?: number;
}

/** A declaration of `after` that knows which nodes of `before` it no longer has. */
export function successor(before: ClusterSpec, after: ClusterSpec): ClusterSpec {
  const kept = new Set(after.nodes.map((node) => node.name));
  return { ...after, leaving: before.nodes.filter((node) => !kept.has(node.name)) };
}

/** Runs the change. @returns how many changing commands the engine issued until it was done */
export async function changeOf(change: Change): Promise<number> {
  const { seed, before, keys = 60, disabled = [] } = change;
  const after = successor(before, change.after);
  const fake = await formed({ seed, spec: before, disabled });
  const label = `seed ${seed}, ${before.shards.length}x${before.replicasPerShard} to ${after.shards.length}x${after.replicasPerShard} on ${after.version}`;
  let issued = 0;
  await reproducible(fake, label, async () => {
    const writer = new Writer(fake, seed, { keys });
    if (keys === 0) writer.stop();
    const random = new Random(seed);
    const violations = watch(fake, change.misplaces ? /in the same zone/ : undefined);
    await fake.advance(300);
    fake.declare(after);
    await change.disturb?.(fake, random);
    for (const [number, fault] of change.faults ?? [])
      fake.faults.plan.set(fake.faults.mutations + number, fault);
    const start = fake.faults.mutations;
    const first = await applyUnderFaults(fake, after);
    issued = fake.faults.mutations - start;
    if (first.ending !== "done") await fake.advance(random.between(200, 3000));
    await mustConverge(fake, after);
    await fake.advance(200);
    writer.stop();
    // What was under way gets its answer or its timeout.
    await fake.advance(1500);
    const wrong = [...writer.verify(), ...violations()];
    if (keys > 0 && writer.summary.acked < 10) wrong.push(`only ${writer.summary.acked} writes came through`);
    if (wrong.length > 0) throw new Error(wrong.join("\n"));
  });
  return issued;
}
