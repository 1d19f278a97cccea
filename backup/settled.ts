/** The cluster as it can be backed up or restored into. What passes by itself is waited for; anything else is refused at once. */
import { type Clock, systemClock } from "../cluster/clock";
import { observe } from "../cluster/observe";
import type { Sessions } from "../cluster/sessions";
import type { ClusterSpec, NodeSpec } from "../cluster/spec";
import type { View } from "../cluster/view";
import type { Host } from "../hosts/host";
import { BackupRefusedError } from "./errors";
import { type Fitness, fitness } from "./fit";
import type { Progress } from "./progress";

export interface Looking {
  readonly spec: ClusterSpec;
  readonly sessions: Sessions;
  readonly hosts: (node: NodeSpec) => Host;
  readonly clock?: Clock | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly progress?: Progress | undefined;
  /** What the cluster is looked at for, as in "cache cannot be backed up now". */
  readonly purpose: "be backed up" | "take a restore";
  /**
   * How long what passes is waited for, in ms. Default 60 000: an election takes less, and after a stall of more than the
   * node timeout a primary calls the cluster down for up to five seconds (cluster.c, CLUSTER_MAX_REJOIN_DELAY).
   */
  readonly patienceMs?: number;
}

export interface Settled extends Fitness {
  readonly view: View;
}

export const PATIENCE_MS = 60_000;
const PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 2_000;

/** @throws BackupRefusedError telling what was seen last */
export function settled(looking: Looking): Promise<Settled> {
  const { spec, sessions, hosts, clock } = looking;
  return settledBy(() => observe(spec, sessions, hosts, clock), looking);
}

/** The same with another way to look. */
export async function settledBy(
  look: () => Promise<View>,
  looking: Omit<Looking, "sessions" | "hosts">,
): Promise<Settled> {
  const { spec, clock = systemClock, signal, progress } = looking;
  const patienceMs = looking.patienceMs ?? PATIENCE_MS;
  const began = clock.now();
  let pauseMs = PAUSE_MS;
  let told: string | undefined;
  for (;;) {
    signal?.throwIfAborted();
    const view = await look();
    const fit = fitness(spec, view);
    if (fit.problems.length === 0) return { ...fit, view };
    const passing = fit.problems.every(({ passes }) => passes);
    const waitedMs = clock.now() - began;
    if (!passing || waitedMs >= patienceMs) throw refusal(looking, fit, passing ? waitedMs : 0);
    const [first] = fit.problems;
    if (first && first.text !== told) {
      told = first.text;
      progress?.text(`waiting up to ${patienceMs / 1000} s for the cluster to settle: ${told}`);
    }
    await clock.sleep(pauseMs, signal);
    pauseMs = Math.min(pauseMs * 1.5, LONGEST_PAUSE_MS);
  }
}

function refusal(
  { spec, purpose }: Pick<Looking, "spec" | "purpose">,
  { problems }: Fitness,
  waitedMs: number,
): BackupRefusedError {
  const waited = waitedMs >= 1_000 ? `, after ${Math.round(waitedMs / 1000)} s of waiting` : "";
  return new BackupRefusedError(
    `${spec.name} cannot ${purpose} now${waited}:\n${problems.map(({ text }) => `  ${text}`).join("\n")}`,
  );
}
