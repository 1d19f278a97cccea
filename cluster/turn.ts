/** Taking one node out of service so that its server can be replaced, with the cluster serving all the time. */
import { type EngineOptions, openSessions, stepContext } from "./engine";
import { RefusedError } from "./errors";
import { lockName, takeLock } from "./lock";
import { observe } from "./observe";
import type { ClusterSpec, NodeSpec } from "./spec";
import { waitCalm } from "./steps/calm";
import { BOUNDS, type StepContext, specOf } from "./steps/context";
import { execute } from "./steps/index";
import { waitNoRewrite } from "./steps/restart";
import type { NodeDown, NodeUp, NodeView, View } from "./view";

/** What taking a node means right now. */
export type Turn =
  /** Its Redis is known not to run, or its server is off: nothing to hand over. */
  | { readonly kind: "absent" }
  | { readonly kind: "off" }
  /** A replica, or a primary without slots. */
  | { readonly kind: "stop" }
  | { readonly kind: "handOver"; readonly shard: number; readonly heir: string }
  /** Declared without replicas: its slots are down meanwhile. */
  | { readonly kind: "outage" }
  | { readonly kind: "refused"; readonly reason: string; readonly cure: string };

/** What is known beside the view. */
export interface TurnFacts {
  /** Nodes that will be back by then: a preview sees the middle of an interrupted run. */
  readonly returning?: readonly string[];
  /** Whether the cloud says that the node's server is off, so that no Redis can run on it. */
  readonly off?: boolean;
}

/** Never more than one node: whoever else is missing comes back first. Pure. */
export function planTurn(
  spec: ClusterSpec,
  view: View,
  name: string,
  { returning = [], off = false }: TurnFacts = {},
): Turn {
  const node = view.nodes.find((candidate) => candidate.name === name);
  // Nothing of the cluster runs, as after a first `up` that failed on a bad image: no server serves that could be missed.
  if (view.nodes.every((each) => !each.reachable && each.process === "stopped")) return { kind: "absent" };
  const missing = view.nodes.find(
    (other) => other.name !== name && !other.reachable && !returning.includes(other.name),
  );
  if (missing !== undefined)
    return refused(
      `the server of ${name} is not taken while ${missing.name} is down: a shard could lose its last copy`,
      `run \`pulumi up\` without the change of servers first: it heals ${missing.name}`,
    );
  if (node === undefined) return { kind: "absent" };
  if (!node.reachable) return silentTurn(node, off);
  if (node.role === "replica" || node.slots.length === 0) return { kind: "stop" };
  const shard = shardOf(spec, name);
  const heir = view.nodes.find((other) => mayInherit(other, node));
  if (heir !== undefined) return { kind: "handOver", shard, heir: heir.name };
  const later = spec.nodes.find((other) => other.shard === shard && returning.includes(other.name));
  if (later !== undefined) return { kind: "handOver", shard, heir: later.name };
  if (spec.replicasPerShard === 0) return { kind: "outage" };
  return refused(
    `the server of ${name} is not taken: it is primary of shard ${shard + 1}, and none of its replicas is in sync`,
    "wait until a replica is in sync (`redis-cluster-kit status`), then run it again",
  );
}

/** A node that does not answer may serve all the same: only one that is known to be stopped is taken without a handover. */
function silentTurn(node: NodeDown, off: boolean): Turn {
  if (node.process === "stopped") return { kind: "absent" };
  if (off && node.process === "unknown") return { kind: "off" };
  return refused(
    `the server of ${node.name} is not taken: its Redis does not answer as it should (${node.detail}) and may serve others all the same`,
    silentCure(node),
  );
}

function silentCure({ name, why, process }: NodeDown): string {
  if (why === "auth") return "set the password that the cluster has, then run it again";
  if (why === "loading")
    return `wait until ${name} has loaded its data (\`redis-cluster-kit status\`), then run it again`;
  if (process === "unknown")
    return `make the server reachable; where it is lost for good, terminate it (its address and its volume stay) and run \`pulumi up --refresh\`, which makes it again`;
  return `run \`pulumi up\` without the change of servers first: it heals ${name}`;
}

function refused(reason: string, cure: string): Turn {
  return { kind: "refused", reason, cure };
}

function mayInherit(other: NodeView, primary: NodeUp): boolean {
  return (
    other.reachable && other.role === "replica" && other.primaryId === primary.id && other.linkUp === true
  );
}

function shardOf(spec: ClusterSpec, name: string): number {
  return spec.nodes.find((node) => node.name === name)?.shard ?? 0;
}

/** Observes; changes nothing. */
export async function lookAtTurn(
  spec: ClusterSpec,
  name: string,
  options: EngineOptions,
  facts: TurnFacts = {},
): Promise<Turn> {
  const sessions = openSessions(spec, options, "redis-cluster-kit:look", LOOK_REPLY_MS);
  try {
    return planTurn(spec, await observe(spec, sessions, options.hosts, options.clock), name, facts);
  } finally {
    sessions.close();
  }
}

/** Whether the node serves, and has what its primary has. Observes; changes nothing. */
export async function isInService(spec: ClusterSpec, name: string, options: EngineOptions): Promise<boolean> {
  const sessions = openSessions(spec, options, "redis-cluster-kit:look", LOOK_REPLY_MS);
  try {
    const { nodes } = await observe(spec, sessions, options.hosts, options.clock);
    const node = nodes.find((candidate) => candidate.name === name);
    return (
      node?.reachable === true && (node.role === "primary" ? node.slots.length > 0 : node.linkUp === true)
    );
  } finally {
    sessions.close();
  }
}

/** Bounds on one reply, in ms, as in engine.ts. */
const LOOK_REPLY_MS = 5_000;
const APPLY_REPLY_MS = 20_000;

/**
 * 1. all others are there and agree; 2. a primary's shard goes to a replica that has everything, and all have seen it;
 * 3. the node stops in order. Repeating it after an interruption does what is left.
 * @throws RefusedError, LockedError, WaitError
 */
export async function handOver(
  spec: ClusterSpec,
  name: string,
  run: {
    readonly options: EngineOptions;
    readonly lock: { readonly holder: string; readonly runId: string };
    readonly off?: boolean;
  },
): Promise<Turn> {
  const { options, lock, off = false } = run;
  const sessions = openSessions(spec, options, lockName(lock.holder, lock.runId), APPLY_REPLY_MS);
  try {
    await takeLock(spec.nodes, sessions);
    const context = stepContext(spec, sessions, options);
    const view = await observe(spec, sessions, options.hosts, options.clock);
    const turn = planTurn(spec, view, name, { off });
    await act(turn, specOf(context, name), context);
    return turn;
  } finally {
    sessions.close();
  }
}

async function act(turn: Turn, node: NodeSpec, context: StepContext): Promise<void> {
  switch (turn.kind) {
    case "refused":
      throw new RefusedError({ kind: "refusal", findings: [], reason: turn.reason, cure: turn.cure });
    case "off":
      return;
    case "absent":
      // Something may start it meanwhile, and it must not run while its volume is taken away.
      return context.hostOf(node).stop(node, { timeoutMs: BOUNDS.stopMs });
    case "handOver": {
      const { shard, heir } = turn;
      const reason = `the server of ${node.name} is replaced`;
      const swap = { shard, replica: heir, primary: node.name, mode: "planned", reason } as const;
      await execute({ kind: "failover", ...swap }, context);
      return stop(node, context);
    }
    case "outage":
      context.warn(`${node.name} has no replica: its slots are down until it is back`);
      return stop(node, context);
    case "stop":
      return stop(node, context);
    default:
      return unknownTurn(turn);
  }
}

async function stop(node: NodeSpec, context: StepContext): Promise<void> {
  await waitCalm(context, node.name);
  await waitNoRewrite(node, context);
  context.detail(`${node.name} is stopping (it saves its data first)`);
  context.sessions.forget(node.name);
  await context.hostOf(node).stop(node, { timeoutMs: BOUNDS.stopMs });
}

function unknownTurn(turn: never): never {
  throw new Error(`unknown turn: ${JSON.stringify(turn)}`);
}
