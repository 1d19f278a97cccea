/**
 * A failover drill: a primary is handed over or killed while a probe writes; everything is measured, verified and put
 * back. It holds the cluster's advisory lock all the while, so that no `up` comes in between.
 *
 * 1. The scene: only a cluster that is as declared. 2. The probe writes a while undisturbed, to know what is normal.
 * 3. The failover. 4. A killed node is started again and copies its shard. 5. A planned failover puts the roles back.
 * 6. Every acknowledged write is looked for. 7. `up` has nothing to do.
 */
import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { apply, look } from "../engine";
import { lockName, takeLock } from "../lock";
import { describePlan } from "../plan/describe";
import { Sessions } from "../sessions";
import type { ClusterSpec, NodeSpec } from "../spec";
import type { View } from "../view";
import { waitUntil } from "../wait";
import { causeFailover, handBack } from "./acts";
import { waitForgotten } from "./election";
import { reportOf } from "./report";
import { setScene } from "./scene";
import { connectorOf, type Stage, setStage } from "./stage";
import { type Drill, DrillFailedError, type DrillOptions, type DrillRequest } from "./types";

/** How long the probe writes undisturbed: before the failover, after it, and after the handback; in ms. */
const QUIET_MS = 1500;

/** Bound on the probe's first write, before and after the failover, in ms. */
const FIRST_WRITE_MS = 10_000;

/**
 * Bounded in all its waits: about 10 s where all goes well, two minutes and the time to copy a shard where it does not.
 * @throws DrillRefusedError before anything is done; LockedError; DrillFailedError, or the signal's reason when aborted,
 * after the roles were put back as far as possible.
 */
export async function drill(spec: ClusterSpec, request: DrillRequest, options: DrillOptions): Promise<Drill> {
  const holder = options.holder ?? `pid-${process.pid}@${hostname()}`;
  const identity = { holder, runId: options.runId ?? randomUUID() };
  const sessions = new Sessions(spec, connectorOf(options), lockName(holder, identity.runId));
  try {
    await takeLock([...spec.nodes, ...spec.leaving], sessions);
    const scene = await setScene(spec, request, options);
    const stage = setStage(spec, request, options, identity, scene, sessions);
    try {
      return await play(stage);
    } catch (error) {
      throw await putBack(stage, error);
    } finally {
      await Promise.all([stage.probe.stop(), stage.watch.stop()]);
      stage.probe.close();
    }
  } finally {
    sessions.close();
  }
}

async function play(stage: Stage): Promise<Drill> {
  const { scene, record, probe, watch, clock, options } = stage;
  await waitForgotten(scene.replicas, stage.spec, stage.context, (seen) => record.add("waiting", seen));
  probe.start();
  await waitUntil(async () => probe.acks.length > 0 || probe.lastProblem, {
    clock,
    signal: options.signal,
    timeoutMs: FIRST_WRITE_MS,
    what: `the probe's first write to ${scene.primary.name}`,
  });
  record.add("probing", `a probe writes to shard ${stage.request.shard + 1}`);
  await clock.sleep(QUIET_MS, options.signal);
  watch.start();
  await causeFailover(stage);
  await record.waitFor("serving", FIRST_WRITE_MS, options.signal);
  await watch.stop();
  await clock.sleep(QUIET_MS, options.signal);
  await handBack(stage, watch.elected, stage.context);
  await clock.sleep(QUIET_MS, options.signal);
  await probe.stop();
  const lost = await probe.countLost(scene.primary);
  await probe.deleteKeys(scene.primary);
  const remaining = await remainingWork(stage);
  record.add("verified", `${probe.acks.length} acknowledged writes looked for, ${lost} lost`);
  return reportOf(stage, { lost, remaining });
}

/** What is not as before, one line each; empty where `up` has nothing to do and the shard has its primary back. */
async function remainingWork({ spec, options, scene }: Stage): Promise<string[]> {
  const { view, decision } = await look(spec, options);
  if (decision.kind === "refusal" || decision.steps.length > 0) return describePlan(decision);
  const node = view.nodes.find(({ name }) => name === scene.primary.name);
  return node?.reachable && node.role === "primary" ? [] : [`${scene.primary.name} is not the primary`];
}

/** Who leads a shard now. */
function leaderOf(spec: ClusterSpec, view: View, shard: number): NodeSpec | undefined {
  const leaders = view.nodes.filter(
    (node) => node.reachable && node.role === "primary" && node.slots.length > 0,
  );
  return spec.nodes.find((node) => node.shard === shard && leaders.some(({ name }) => name === node.name));
}

/** After a failure or an interruption: what `up` does, then the roles. Never throws; returns what is to be thrown. */
async function putBack(stage: Stage, cause: unknown): Promise<unknown> {
  const { spec, options, identity, probe, watch, scene, context } = stage;
  await Promise.all([probe.stop(), watch.stop()]);
  let left: string[];
  try {
    // The same identity: the lock that this run holds is no obstacle to it.
    const { hosts, connector, clock } = options;
    const { view } = await apply(spec, {
      hosts,
      ...identity,
      ...(connector ? { connector } : {}),
      ...(clock ? { clock } : {}),
    });
    await handBack(stage, leaderOf(spec, view, scene.primary.shard), { ...context, signal: undefined });
    await probe.deleteKeys(scene.primary);
    left = await remainingWork(stage);
  } catch (error) {
    left = [error instanceof Error ? error.message : String(error)];
  }
  if (options.signal?.aborted && left.length === 0) return options.signal.reason;
  const text = cause instanceof Error ? cause.message : String(cause);
  const after =
    left.length === 0 ? "Everything was put back." : `Not put back: ${left.join("; ")}\nRun \`up\`.`;
  return new DrillFailedError(`the drill did not come to its end: ${text}\n${after}`, { cause });
}
