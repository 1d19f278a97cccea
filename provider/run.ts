/** What every operation of a `Topology` works with: the declaration, its hosts, a report, what it inherits. */
import { type EngineOptions, type Look, look } from "../cluster/engine";
import type { ClusterSpec } from "../cluster/spec";
import { type Access, openAccess } from "./access";
import { type Declaration, type Inheritance, specOf } from "./declaration";
import type { EngineLog } from "./engine-log";
import type { Subject } from "./operations";
import { Report } from "./report";
import { inherit, type Outputs, readDeclaration, type Way } from "./state";
import type { PlainObject } from "./wire";

/** What outlives an operation. */
export interface TopologyContext {
  readonly log: EngineLog;
  /** Aborts whatever is in flight. */
  readonly signal: AbortSignal;
  /** What has been shown, by URN. */
  readonly shown: Map<string, string[]>;
}

/** What the state of the stack says of the resource. */
export interface Recorded {
  readonly inputs: PlainObject;
  readonly outputs: Outputs;
}

export interface Run {
  readonly declaration: Declaration;
  readonly inherited: Inheritance;
  readonly report: Report;
  readonly options: EngineOptions & { readonly signal: AbortSignal };
  readonly access: Access;
  /** What the next run needs to reach the servers, as it is now. */
  readonly way: () => Way;
}

/** Opens what an operation needs, runs `work`, closes it. */
export async function withRun<T>(
  context: TopologyContext,
  subject: Subject,
  declaration: Declaration,
  recorded: Recorded,
  work: (run: Run) => Promise<T>,
): Promise<T> {
  const report = new Report(context.log, subject.urn, context.shown);
  const before = readDeclaration(recorded.inputs);
  const formerServers = { ...recorded.outputs.formerServers, ...before?.ssh?.servers };
  const access = openAccess(declaration, {
    report: (line) => report.status(line),
    hasRun: before !== undefined && runsAsDeclared(declaration, before, recorded.outputs),
    formerServers,
    hostKeys: recorded.outputs.hostKeys,
  });
  const inherited = inherit(declaration, before, recorded.outputs, access.known);
  const { sudoPassword, passphrase, privateKey } = declaration.ssh ?? {};
  const wayIn = [sudoPassword, passphrase, privateKey].flatMap((secret) => secret ?? []);
  context.log.hide([declaration.password, ...inherited.previousPasswords, ...wayIn]);
  const options = { hosts: access.hosts, progress: report.progress, signal: context.signal };
  try {
    const way = () => ({ hostKeys: access.hostKeys(), formerServers });
    return await work({ declaration, inherited, report, options, access, way });
  } finally {
    await access.close();
  }
}

/** Whether the last run got exactly the Redis that is declared now. */
function runsAsDeclared(now: Declaration, before: Declaration, outputs: Outputs): boolean {
  const isSame = (["redisVersion", "redisSource", "redisSourceSha256"] as const).every(
    (property) => now[property] === before[property],
  );
  return isSame && outputs.redisVersion === now.redisVersion;
}

/** Observes and plans; changes nothing. */
export async function lookAt(run: Run): Promise<Look> {
  const spec = await specFor(run, { install: false });
  return orAbort(look(spec, run.options), run.options.signal);
}

/** The declaration for the engine, with the Redis that can be had; see `Access.redis`. */
export async function specFor(run: Run, options: { readonly install: boolean }): Promise<ClusterSpec> {
  const { version, note } = await orAbort(run.access.redis(options), run.options.signal);
  if (note !== undefined) run.report.once(note);
  return specOf(run.declaration, run.inherited, version);
}

/** Whatever comes first. For work that changes no cluster and may be left alone, e.g. a build that goes on in the cache. */
function orAbort<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  if (signal.aborted) return Promise.reject(signal.reason);
  let stop: () => void = () => undefined;
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason);
    signal.addEventListener("abort", stop, { once: true });
  });
  return Promise.race([work, aborted]).finally(() => signal.removeEventListener("abort", stop));
}
