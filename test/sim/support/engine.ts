/** The engine on a fake cluster, and what must hold afterwards. */
import { apply, type EngineOptions, look, type Outcome } from "../../../cluster/engine";
import { describeStep } from "../../../cluster/plan/describe";
import type { ClusterSpec } from "../../../cluster/spec";
import { checkAlways, checkConverged } from "../fake/check";
import type { FakeCluster } from "../fake/cluster";
import { EngineKilled } from "../fake/faults";

let runs = 0;

/** One run of `apply`. @throws EngineKilled where a fault killed it; whatever `apply` throws */
export function applyOn(
  fake: FakeCluster,
  spec: ClusterSpec,
  more: Partial<EngineOptions> = {},
): Promise<Outcome> {
  runs += 1;
  const runId = `run-${runs}`;
  return fake.run((session) =>
    apply(spec, {
      hosts: session.hosts,
      connector: session.connector,
      clock: session.clock,
      holder: "sim",
      runId,
      ...more,
    }),
  );
}

/** How a run ended that something went wrong in. */
export type Ending = "done" | "killed" | "failed";

export async function applyUnderFaults(
  fake: FakeCluster,
  spec: ClusterSpec,
): Promise<{ readonly ending: Ending; readonly why: string }> {
  try {
    await applyOn(fake, spec);
    return { ending: "done", why: "" };
  } catch (error) {
    if (error instanceof EngineKilled) return { ending: "killed", why: error.at };
    return { ending: "failed", why: error instanceof Error ? error.message : String(error) };
  }
}

/** Runs `apply` once without faults, then demands that the cluster is as declared and that nothing is left to plan. */
export async function mustConverge(fake: FakeCluster, spec: ClusterSpec): Promise<Outcome> {
  fake.faults.clear();
  const outcome = await applyOn(fake, spec);
  const wrong = checkConverged(fake);
  if (wrong.length > 0) throw new Error(`done, and yet: ${wrong.join("; ")}`);
  const { decision } = await fake.run((session) =>
    look(spec, { hosts: session.hosts, connector: session.connector, clock: session.clock }),
  );
  if (decision.kind === "refusal") throw new Error(`done, and then refused: ${decision.reason}`);
  if (decision.steps.length > 0)
    throw new Error(`done, and then planned: ${decision.steps.map(describeStep).join("; ")}`);
  return outcome;
}

/** Looks at what must always hold, again and again, for as long as the fake lives. What matches `except` is not counted. */
export function watch(fake: FakeCluster, except?: RegExp, everyMs = 100): () => string[] {
  const found = new Set<string>();
  const tick = () => {
    for (const text of checkAlways(fake)) {
      if (found.size < 20 && !except?.test(text)) found.add(`${text} (at ${Math.round(fake.clock.now())})`);
    }
    fake.scheduler.after(everyMs, tick);
  };
  fake.scheduler.after(everyMs, tick);
  return () => [...found];
}

/** Runs `body`; a failure tells the seed, what was planned to go wrong, and the last commands. */
export async function reproducible(
  fake: FakeCluster,
  label: string,
  body: () => Promise<void>,
): Promise<void> {
  try {
    await body();
  } catch (error) {
    const faults = [...fake.faults.plan].map(([number, fault]) => `${fault} at ${number}`).join(", ");
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    throw new Error(`${label} (${faults}): ${text}\n--- last commands\n${fake.log.tail()}`);
  }
}
