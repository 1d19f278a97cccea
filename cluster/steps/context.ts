import type { Host } from "../../hosts/host";
import type { NodeClient, Reply } from "../client";
import type { Clock } from "../clock";
import { parseInfo } from "../parse";
import type { Sessions } from "../sessions";
import type { ClusterSpec, NodeSpec } from "../spec";

/** What every step gets to work with. */
export interface StepContext {
  readonly spec: ClusterSpec;
  readonly sessions: Sessions;
  readonly hostOf: (node: NodeSpec) => Host;
  readonly clock: Clock;
  readonly signal: AbortSignal | undefined;
  /** Live status inside the step. */
  readonly detail: (text: string) => void;
  /** Something the operator should read afterwards. */
  readonly warn: (text: string) => void;
  /** Takes the advisory lock on nodes that came up during this run. */
  readonly lock: (nodes: readonly NodeSpec[]) => Promise<void>;
}

/** Bounds on the waits of steps, in ms. */
export const BOUNDS = {
  /** A started server that loads its data may take long; it is asked until then. */
  loadingMs: 600_000,
  reachMs: 2_000,
  knownMs: 20_000,
  settleMs: 60_000,
  /** A replica that copies a whole data set, as long as it gets on; `stallMs` without anything new is the other bound. */
  syncMs: 3_600_000,
  stallMs: 60_000,
  /** How long an old primary may try a partial resync with a newer one, which is all that it can do. */
  outdatedLinkMs: 10_000,
  /** An orderly stop saves the data set first. */
  stopMs: 600_000,
  failoverMs: 20_000,
} as const;

export function specOf(context: StepContext, name: string): NodeSpec {
  const node = [...context.spec.nodes, ...context.spec.leaving].find((candidate) => candidate.name === name);
  if (!node) throw new Error(`no node named ${name} in the declaration of ${context.spec.name}`);
  return node;
}

export function specsOf(context: StepContext, names: readonly string[]): NodeSpec[] {
  return names.map((name) => specOf(context, name));
}

export function on<T>(
  context: StepContext,
  name: string,
  use: (client: NodeClient) => Promise<T>,
): Promise<T> {
  return context.sessions.withClient(specOf(context, name), use);
}

/** One command on one node. */
export function call(
  context: StepContext,
  name: string,
  ...command: [string, ...(string | number)[]]
): Promise<Reply> {
  return on(context, name, (client) => client.call(...command));
}

/** Version of the running server. */
export async function versionOf(name: string, context: StepContext): Promise<string> {
  return parseInfo(String(await call(context, name, "INFO", "server"))).get("redis_version") ?? "unknown";
}

export async function idOf(context: StepContext, name: string): Promise<string> {
  return String(await call(context, name, "CLUSTER", "MYID"));
}
