/** What would change: the declared difference, and what the live cluster lacks. */
import type { Look } from "../cluster/engine";
import { describePlan } from "../cluster/plan/describe";
import type { Plan, Refusal } from "../cluster/plan/types";
import { addressOf } from "../cluster/spec";
import type { View } from "../cluster/view";
import { knownDeclaration } from "./check";
import type { Declaration } from "./declaration";
import { type DiffAnswer, type DiffRequest, UnchangedError } from "./operations";
import { lookAt, type TopologyContext, withRun } from "./run";
import { readDeclaration, readOutputs } from "./state";
import { changedPaths, type PropertyChange } from "./wire";

export const NOT_KNOWN_YET = "Some inputs are only known during the update, so the plan cannot be shown yet.";

/**
 * Looks at the live cluster and shows the plan. A plan with steps is a change even where no input has changed.
 * @throws UnchangedError where nothing may be done, with the cure.
 */
export async function diffTopology(context: TopologyContext, request: DiffRequest): Promise<DiffAnswer> {
  const changes = changedPaths(request.oldInputs, request.newInputs);
  const declaration = knownDeclaration(request.newInputs);
  if (declaration === undefined) {
    context.log.write("info", request.urn, NOT_KNOWN_YET);
    return { hasChanges: changes.length > 0, changes };
  }
  const before = readDeclaration(request.oldInputs);
  if (before !== undefined) refuseMove(before, declaration);
  const recorded = { inputs: request.oldInputs, outputs: readOutputs(request.oldOutputs) };
  return withRun(context, request, declaration, recorded, async (run) => {
    const looked = await lookAt(run);
    const { view, decision } = looked;
    const unreachable = outOfReach(view);
    if (unreachable !== undefined) {
      run.report.warn(`${unreachable} The plan cannot be shown; only declared changes are.`);
      return { hasChanges: changes.length > 0, changes };
    }
    const { drift, leaving } = recorded.outputs;
    const isSilent = view.nodes.some((node) => !node.reachable && node.process === "unknown");
    if (decision.kind === "refusal" && isSilent && changes.length === 0 && drift.length > 0) {
      // A refresh asks for the difference to what it has just found. Failing there, it would keep a run from making the server
      // anew that the node is missing; the update itself refuses where it is still missing then.
      run.report.warn(`${decision.reason}\n${decision.cure}`);
      return { hasChanges: true, changes: [{ path: "drift", kind: "update" }] };
    }
    const plan = planOf(decision);
    run.report.outlook(looked);
    const isDrifted = plan.steps.length > 0 || drift.length > 0 || leaving.length > 0;
    const all: readonly PropertyChange[] =
      changes.length > 0 || !isDrifted ? changes : [{ path: "drift", kind: "update" }];
    return { hasChanges: all.length > 0, changes: all };
  });
}

/** @throws UnchangedError for a refusal, with its cure. */
export function planOf(decision: Plan | Refusal): Plan {
  if (decision.kind === "plan") return decision;
  throw new UnchangedError(`${decision.reason}\n${decision.cure}`);
}

/** A sentence where nothing at all could be learned, neither from Redis nor from a host. */
export function outOfReach(view: View): string | undefined {
  const isSilent = view.nodes.every((node) => !node.reachable && node.process === "unknown");
  if (!isSilent) return undefined;
  const [first] = view.nodes;
  const detail = first?.reachable === false ? ` (${first.name}: ${first.detail})` : "";
  return `None of the ${view.nodes.length} nodes can be reached from here${detail}.`;
}

/** One line for everything that is not as declared; empty when an `up` would do nothing. */
export function driftOf({ decision }: Look): string[] {
  const findings = decision.findings.filter((finding) => finding.severity !== "info").map(({ text }) => text);
  if (decision.kind === "refusal") return [...new Set([decision.reason, ...findings])];
  if (decision.steps.length === 0) return [];
  return findings.length > 0 ? findings : describePlan(decision);
}

/**
 * What makes a cluster another cluster is never changed in place, and never by replacement: that would delete it.
 * @throws UnchangedError with the cure
 */
export function refuseMove(before: Declaration, now: Declaration): void {
  for (const property of ["name", "target", "dataDirectory"] as const) {
    const [old, wanted] = [before[property], now[property]];
    if (old === wanted) continue;
    throw new UnchangedError(
      `${property} of a cluster cannot change from "${old}" to "${wanted}": its nodes would start empty. ` +
        `${property === "name" ? pinName(old) : "Set it back."} ` +
        "To move the cluster: `pulumi destroy` (the data is kept), move the data, then `pulumi up`.",
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

/** Nobody need have declared a name that changes: by default it is made of other names, and aliases do not reach it. */
function pinName(name: string): string {
  return (
    `Pin it: name: "${name}" in the arguments of RedisCluster, \`pulumi config set name ${name}\` where the stack's configuration has them. ` +
    "Without one it is made of the names of project, stack and resource, and changes with any of them."
  );
}
