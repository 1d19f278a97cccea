/** The engine: look, or apply until the live cluster is the declared one. */
import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import type { Host } from "../hosts/host";
import type { Connector } from "./client";
import { type Clock, systemClock } from "./clock";
import { ioredisConnector } from "./connection";
import { NotConvergedError, RefusedError, StepError } from "./errors";
import { type Forecast, forecast } from "./foresee";
import { lockName, takeLock } from "./lock";
import { observe } from "./observe";
import { plan } from "./plan";
import { describeStep } from "./plan/describe";
import type { Plan, Refusal, Step } from "./plan/types";
import { Sessions } from "./sessions";
import type { ClusterSpec, NodeSpec } from "./spec";
import { execute } from "./steps";
import type { StepContext } from "./steps/context";
import { wholeLook } from "./torn";
import type { View } from "./view";

export type Progress =
  | { readonly kind: "plan"; readonly plan: Plan; readonly round: number }
  | {
      readonly kind: "step";
      readonly step: Step;
      readonly index: number;
      readonly total: number;
      readonly state: "started" | "done";
      readonly elapsedMs?: number;
    }
  | { readonly kind: "detail"; readonly text: string }
  | { readonly kind: "warning"; readonly text: string };

export interface EngineOptions {
  readonly hosts: (node: NodeSpec) => Host;
  /** Default: ioredis, through the host's `dial` where it has one. */
  readonly connector?: Connector;
  readonly clock?: Clock;
  readonly progress?: (event: Progress) => void;
  /** Ends the run at the next wait; what is done is kept. */
  readonly signal?: AbortSignal;
  /** Called after every executed step: tests judge the cluster there. */
  readonly afterStep?: (step: Step) => Promise<void>;
  /** Who holds the lock, for others' error texts. Default pid and host name. */
  readonly holder?: string;
  /** Unique id of this run, for the lock. Default random. */
  readonly runId?: string;
}

export interface Look {
  readonly view: View;
  readonly decision: Plan | Refusal;
  /** Rounds that are expected to follow the decision, each planned on what the one before should lead to. */
  readonly forecast: Forecast;
}

export interface Outcome {
  readonly view: View;
  readonly rounds: number;
  readonly steps: readonly Step[];
  readonly elapsedMs: number;
}

/** Bound on observe-plan-execute rounds; every fault seen so far converges in four. */
const MAX_ROUNDS = 12;

/**
 * Bounds on one reply, in ms. A run that changes the cluster is patient: a server that waits for its disk (nodes.conf and
 * the append-only file are synced in its main thread) is slow, not gone.
 */
const REPLY_MS = { look: 5_000, apply: 20_000 } as const;

/** The plan and what follows it. What would be refused later is refused now, before anything is changed. */
function decide(spec: ClusterSpec, view: View): Pick<Look, "decision" | "forecast"> {
  const decision = plan(spec, view);
  const ahead = forecast(spec, view, decision);
  const last = ahead.ahead.at(-1);
  return { decision: last?.kind === "refusal" ? last : decision, forecast: ahead };
}

/** Observes and plans; changes nothing, takes no lock. */
export async function look(spec: ClusterSpec, options: EngineOptions): Promise<Look> {
  const sessions = openSessions(spec, options, "redis-cluster-kit:look", REPLY_MS.look);
  try {
    const view = await wholeLook(spec, () => observe(spec, sessions, options.hosts, options.clock));
    return { view, ...decide(spec, view) };
  } finally {
    sessions.close();
  }
}

/**
 * Brings the live cluster to the declared state: takes the lock, then rounds of observe, plan, execute until a plan has
 * no steps. That last look is the verification.
 * @throws RefusedError, LockedError, StepError, NotConvergedError
 */
export async function apply(spec: ClusterSpec, options: EngineOptions): Promise<Outcome> {
  const clock = options.clock ?? systemClock;
  const name = lockName(options.holder ?? `pid-${process.pid}@${hostname()}`, options.runId ?? randomUUID());
  const sessions = openSessions(spec, options, name, REPLY_MS.apply);
  const started = clock.now();
  const steps: Step[] = [];
  try {
    for (let round = 1; round <= MAX_ROUNDS; round++) {
      await takeLock([...spec.nodes, ...spec.leaving], sessions);
      const view = await observe(spec, sessions, options.hosts, options.clock);
      const { decision } = round === 1 ? decide(spec, view) : { decision: plan(spec, view) };
      if (decision.kind === "refusal") throw new RefusedError(decision);
      if (decision.steps.length === 0)
        return { view, rounds: round - 1, steps, elapsedMs: clock.now() - started };
      options.progress?.({ kind: "plan", plan: decision, round });
      await executeAll(decision.steps, stepContext(spec, sessions, options, clock), options);
      steps.push(...decision.steps);
    }
    const view = await observe(spec, sessions, options.hosts, options.clock);
    const left = plan(spec, view);
    throw new NotConvergedError(
      MAX_ROUNDS,
      left.kind === "refusal" ? left.reason : left.steps.map(describeStep).join("; "),
    );
  } finally {
    sessions.close();
  }
}

async function executeAll(
  steps: readonly Step[],
  context: StepContext,
  options: EngineOptions,
): Promise<void> {
  for (const [index, step] of steps.entries()) {
    options.signal?.throwIfAborted();
    const began = context.clock.now();
    options.progress?.({ kind: "step", step, index, total: steps.length, state: "started" });
    try {
      await execute(step, context);
    } catch (error) {
      if (options.signal?.aborted) throw options.signal.reason;
      throw new StepError(step, describeStep(step), error);
    }
    const elapsedMs = context.clock.now() - began;
    options.progress?.({ kind: "step", step, index, total: steps.length, state: "done", elapsedMs });
    await options.afterStep?.(step);
  }
}

/** Connections under a client name. The caller closes them. */
export function openSessions(
  spec: ClusterSpec,
  options: Pick<EngineOptions, "hosts" | "connector">,
  clientName: string,
  replyTimeoutMs: number,
): Sessions {
  const connectorOf = (node: NodeSpec): Connector => {
    if (options.connector) return options.connector;
    const host = options.hosts(node);
    return ioredisConnector(host.dial?.bind(host));
  };
  return new Sessions(spec, connectorOf, clientName, replyTimeoutMs);
}

/** What steps work with. */
export function stepContext(
  spec: ClusterSpec,
  sessions: Sessions,
  options: EngineOptions,
  clock: Clock = systemClock,
): StepContext {
  return {
    spec,
    sessions,
    clock,
    hostOf: options.hosts,
    signal: options.signal,
    detail: (text) => options.progress?.({ kind: "detail", text }),
    warn: (text) => options.progress?.({ kind: "warning", text }),
    lock: (nodes) => takeLock(nodes, sessions),
  };
}
