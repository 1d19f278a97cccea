/**
 * The `Topology` resource: one declared Redis Cluster. Its operations look at the live cluster and let the engine of
 * cluster/ bring about what is declared; the cluster itself is the state, Pulumi's is only what was declared last.
 */
import { apply, type EngineOptions, look } from "../cluster/engine";
import { describePlan } from "../cluster/plan/describe";
import type { Plan, Refusal } from "../cluster/plan/types";
import { addressOf, type ClusterSpec } from "../cluster/spec";
import type { View } from "../cluster/view";
import { type Access, openAccess } from "./access";
import { contradictions, type Declaration, declarationSchema, type Inheritance, specOf } from "./declaration";
import type { EngineLog } from "./engine-log";
import {
  type CheckFailure,
  type DiffAnswer,
  type DiffRequest,
  PartialError,
  type ResourceOperations,
  type Subject,
  UnchangedError,
  type UpdateRequest,
} from "./operations";
import { removeCluster } from "./remove";
import { Report } from "./report";
import {
  finishedOutputs,
  inherit,
  type Outputs,
  observedOutputs,
  previewOutputs,
  readDeclaration,
  readOutputs,
  unfinishedOutputs,
} from "./state";
import { changedPaths, joinPath, type PlainObject, type PropertyChange, unknownPaths, unwrap } from "./wire";

export interface TopologyContext {
  readonly log: EngineLog;
  /** Aborts whatever is in flight. */
  readonly signal: AbortSignal;
  /** What has been shown, by URN. */
  readonly shown: Map<string, string[]>;
}

const NO_OUTPUTS: Outputs = { nodes: [], leaving: [], previousPasswords: [], drift: [] };

export function topologyOperations(context: TopologyContext): ResourceOperations {
  return {
    check: (_subject, inputs) => Promise.resolve(check(inputs)),
    diff: (request) => diff(context, request),
    create: (request) => create(context, request),
    update: (request) => update(context, request),
    read: (request) => read(context, request),
    delete: (request) => remove(context, request),
  };
}

/** Shape and contradictions; what a preview does not know yet is not judged. No side effects. */
function check(inputs: PlainObject): CheckFailure[] {
  const unknown = unknownPaths(inputs);
  const parsed = declarationSchema.safeParse(unwrap(inputs));
  if (parsed.success) return unknown.length > 0 ? [] : contradictions(parsed.data);
  return parsed.error.issues
    .map((issue) => ({
      property: issue.path.reduce<string>(
        (path, part) => (typeof part === "number" ? `${path}[${part}]` : joinPath(path, String(part))),
        "",
      ),
      reason: issue.message,
    }))
    .filter(
      ({ property }) => !unknown.some((path) => property.startsWith(path) || path.startsWith(property)),
    );
}

/** Inputs as a declaration; `undefined` where a preview does not know all of them yet. */
function known(inputs: PlainObject): Declaration | undefined {
  return unknownPaths(inputs).length > 0 ? undefined : declarationSchema.parse(unwrap(inputs));
}

/** One operation on one declaration: its hosts, its report, what it inherits. */
interface Run {
  readonly declaration: Declaration;
  readonly inherited: Inheritance;
  readonly report: Report;
  readonly options: EngineOptions;
  readonly access: Access;
}

/** Opens what an operation needs, runs `work`, closes it. */
async function withRun<T>(
  context: TopologyContext,
  subject: Subject,
  declaration: Declaration,
  state: { inputs: PlainObject; outputs: Outputs },
  work: (run: Run) => Promise<T>,
): Promise<T> {
  const report = new Report(context.log, subject.urn, context.shown);
  const access = openAccess(declaration, (line) => report.status(line));
  const inherited = inherit(declaration, readDeclaration(state.inputs), state.outputs, access.known);
  context.log.hide([declaration.password, ...inherited.previousPasswords]);
  const options = { hosts: access.hosts, progress: report.progress, signal: context.signal };
  try {
    return await work({ declaration, inherited, report, options, access });
  } finally {
    await access.close();
  }
}

interface Look {
  readonly view: View;
  readonly decision: Plan | Refusal;
}

async function lookAt(run: Run): Promise<Look> {
  return look(await specFor(run, { install: false }), run.options);
}

async function specFor(run: Run, options: { install: boolean }): Promise<ClusterSpec> {
  const { version, note } = await run.access.redis(options);
  if (note !== undefined) run.report.once(note);
  return specOf(run.declaration, run.inherited, version);
}

async function diff(context: TopologyContext, request: DiffRequest): Promise<DiffAnswer> {
  const changes = changedPaths(request.oldInputs, request.newInputs);
  const declaration = known(request.newInputs);
  if (declaration === undefined) {
    context.log.write("info", request.urn, NOT_KNOWN_YET);
    return { hasChanges: changes.length > 0, changes };
  }
  const before = readDeclaration(request.oldInputs);
  if (before !== undefined) refuseMove(before, declaration);
  const outputs = readOutputs(request.oldOutputs);
  const state = { inputs: request.oldInputs, outputs };
  return withRun(context, request, declaration, state, async (run) => {
    const found = await lookAt(run);
    if (isOutOfReach(found.view)) {
      run.report.warn(`${outOfReach(found.view)} The plan cannot be shown; only declared changes are.`);
      return { hasChanges: changes.length > 0, changes };
    }
    const plan = planOf(found.decision);
    run.report.plan(plan, "plan:");
    const hasDrift = plan.steps.length > 0 || outputs.drift.length > 0 || outputs.leaving.length > 0;
    const drift: PropertyChange[] = hasDrift ? [{ path: "drift", kind: "update" }] : [];
    const all = changes.length > 0 ? changes : drift;
    return { hasChanges: all.length > 0, changes: all };
  });
}

const NOT_KNOWN_YET = "Some inputs are only known during the update, so the plan cannot be shown yet.";

/** @throws UnchangedError for a refusal, with its cure. */
function planOf(decision: Plan | Refusal): Plan {
  if (decision.kind === "plan") return decision;
  throw new UnchangedError(`${decision.reason}\n${decision.cure}`);
}

/** Nothing at all could be learned: neither from Redis nor from a host. */
function isOutOfReach(view: View): boolean {
  return view.nodes.every((node) => !node.reachable && node.process === "unknown");
}

function outOfReach(view: View): string {
  const [first] = view.nodes;
  const detail = first?.reachable === false ? ` (${first.name}: ${first.detail})` : "";
  return `None of the ${view.nodes.length} nodes can be reached from here${detail}.`;
}

/** What makes a cluster another cluster is never changed in place, and never by replacement: that would delete it. */
function refuseMove(before: Declaration, now: Declaration): void {
  for (const property of ["name", "target", "dataDirectory"] as const) {
    if (before[property] === now[property]) continue;
    throw new UnchangedError(
      `${property} of a cluster cannot change from "${before[property]}" to "${now[property]}": its nodes would start empty. ` +
        `Set it back. To move the cluster: \`pulumi destroy\` (the data is kept), move the data, then \`pulumi up\`.`,
    );
  }
  for (const node of now.nodes) {
    const old = before.nodes.find((candidate) => candidate.name === node.name);
    if (old === undefined || addressOf(old) === addressOf(node)) continue;
    throw new UnchangedError(
      `${node.name} cannot move from ${addressOf(old)} to ${addressOf(node)} while the cluster exists. Set host and basePort back.`,
    );
  }
}

async function create(
  context: TopologyContext,
  request: Subject & { inputs: PlainObject; preview: boolean },
): Promise<{ id: string; outputs: object }> {
  const declaration = known(request.inputs);
  if (declaration === undefined) {
    context.log.write("info", request.urn, NOT_KNOWN_YET);
    return { id: "", outputs: {} };
  }
  const state = { inputs: {}, outputs: NO_OUTPUTS };
  return withRun(context, request, declaration, state, async (run) => {
    const id = declaration.name;
    if (!request.preview) return { id, outputs: await bringAbout(run, id, NO_OUTPUTS) };
    const { view, decision } = await lookAt(run);
    if (isOutOfReach(view)) run.report.warn(`${outOfReach(view)} The plan is made during the update.`);
    else showCreation(run, planOf(decision));
    return { id, outputs: previewOutputs(declaration, NO_OUTPUTS) };
  });
}

function showCreation(run: Run, plan: Plan): void {
  if (plan.steps.length === 0)
    run.report.info("The cluster is already there as declared and will be adopted.");
  else run.report.plan(plan, "plan:");
}

async function update(context: TopologyContext, request: UpdateRequest): Promise<object> {
  const declaration = known(request.newInputs);
  if (declaration === undefined) return {};
  const outputs = readOutputs(request.oldOutputs);
  // The plan of a preview was shown by diff.
  if (request.preview) return previewOutputs(declaration, outputs);
  const state = { inputs: request.oldInputs, outputs };
  return withRun(context, request, declaration, state, (run) => bringAbout(run, request.id, outputs));
}

/** @throws UnchangedError before the first step, PartialError after it. */
async function bringAbout(run: Run, id: string, before: Outputs): Promise<object> {
  try {
    const spec = await specFor(run, { install: true });
    const outcome = await apply(spec, run.options);
    const seconds = (outcome.elapsedMs / 1000).toFixed(1);
    const count = run.declaration.nodes.length;
    run.report.info(
      `${count} nodes verified: every slot has one owner, every replica is in sync (${outcome.steps.length} steps, ${seconds} s)`,
    );
    return finishedOutputs(run.declaration, outcome.view, spec.version);
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    if (!run.report.hasBegun) throw new UnchangedError(text, { cause: error });
    throw new PartialError(text, id, unfinishedOutputs(run.declaration, run.inherited, before, text));
  }
}

/** Never fails for a cluster that is down or out of reach: that is what it reports. */
async function read(
  context: TopologyContext,
  request: Subject & { inputs: PlainObject; outputs: PlainObject },
): Promise<object> {
  const declaration = readDeclaration(request.inputs);
  if (declaration === undefined)
    throw new UnchangedError(
      `${request.name} is not in the state with its inputs, so there is nothing to compare with. ` +
        "To adopt a running cluster, declare it and run `pulumi up`: what is already as declared is left as it is.",
    );
  const outputs = readOutputs(request.outputs);
  const state = { inputs: request.inputs, outputs };
  return withRun(context, request, declaration, state, async (run) => {
    const { view, decision } = await lookAt(run);
    const drift = driftOf(decision);
    return observedOutputs(declaration, view, outputs, drift);
  });
}

/** One line for everything that is not as declared; empty when an `up` would do nothing. */
function driftOf(decision: Plan | Refusal): string[] {
  const findings = decision.findings.filter((finding) => finding.severity !== "info").map(({ text }) => text);
  if (decision.kind === "refusal")
    return [decision.reason, ...findings.filter((text) => text !== decision.reason)];
  if (decision.steps.length === 0) return [];
  return findings.length > 0 ? findings : describePlan(decision);
}

async function remove(
  context: TopologyContext,
  request: Subject & { inputs: PlainObject; outputs: PlainObject },
): Promise<void> {
  const declaration = readDeclaration(request.inputs);
  if (declaration === undefined)
    throw new UnchangedError(
      `the state of ${request.name} cannot be read by this version, so its nodes cannot be stopped. ` +
        "Stop them by hand, then `pulumi state delete` the resource.",
    );
  const state = { inputs: request.inputs, outputs: readOutputs(request.outputs) };
  await withRun(context, request, declaration, state, async (run) =>
    removeCluster({ ...run, spec: await specFor(run, { install: false }) }),
  );
}
