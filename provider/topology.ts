/**
 * The `Topology` resource: one declared Redis Cluster. Its operations look at the live cluster and let the engine of
 * cluster/ bring about what is declared; the cluster itself is the state, Pulumi's is only what was declared last.
 */
import { apply } from "../cluster/engine";
import { checkInputs, knownDeclaration } from "./check";
import type { Declaration } from "./declaration";
import { diffTopology, driftOf, NOT_KNOWN_YET, outOfReach, planOf } from "./diff";
import { type Holders, hold, otherHolder } from "./holders";
import {
  PartialError,
  type ResourceOperations,
  type Subject,
  UnchangedError,
  type UpdateRequest,
} from "./operations";
import { removeCluster } from "./remove";
import { restoreDeclared } from "./restore";
import { lookAt, type Run, specFor, type TopologyContext, withRun } from "./run";
import {
  finishedOutputs,
  type Outputs,
  observedOutputs,
  previewOutputs,
  readDeclaration,
  readOutputs,
  unfinishedOutputs,
} from "./state";
import type { PlainObject } from "./wire";

export type { TopologyContext } from "./run";

/** What the operations on all clusters of a run share. */
interface ClustersContext extends TopologyContext {
  readonly holders: Holders;
}

export function topologyOperations(common: TopologyContext): ResourceOperations {
  const context: ClustersContext = { ...common, holders: new Map() };
  return {
    check: (_subject, inputs) => Promise.resolve(checkInputs(inputs)),
    diff: (request) => diffTopology(context, request),
    create: (request) => create(context, request),
    update: (request) => update(context, request),
    read: (request) => read(context, request),
    delete: (request) => remove(context, request),
  };
}

async function create(
  context: ClustersContext,
  request: Subject & { inputs: PlainObject; preview: boolean },
): Promise<{ id: string; outputs: object }> {
  const declaration = knownDeclaration(request.inputs);
  if (declaration === undefined) {
    context.log.write("info", request.urn, NOT_KNOWN_YET);
    return { id: "", outputs: {} };
  }
  const recorded = { inputs: {}, outputs: readOutputs({}) };
  return withRun(context, request, declaration, recorded, async (run) => {
    const id = declaration.name;
    if (!request.preview) {
      const outputs = await bringAbout(run, id, recorded.outputs);
      hold(context.holders, request, declaration);
      return { id, outputs };
    }
    await showCreation(run);
    return { id, outputs: previewOutputs(declaration, recorded.outputs) };
  });
}

async function showCreation(run: Run): Promise<void> {
  const looked = await lookAt(run);
  const unreachable = outOfReach(looked.view);
  if (unreachable !== undefined) return run.report.warn(`${unreachable} The plan is made during the update.`);
  const plan = planOf(looked.decision);
  const { restore } = run.declaration;
  if (restore !== undefined) run.report.info(`Then ${restore} is restored into it.`);
  if (plan.steps.length > 0) return run.report.outlook(looked);
  run.report.info("The cluster is already there as declared and will be adopted.");
}

async function update(context: ClustersContext, request: UpdateRequest): Promise<object> {
  const declaration = knownDeclaration(request.newInputs);
  if (declaration === undefined) return {};
  const outputs = readOutputs(request.oldOutputs);
  // The plan of a preview was shown by diff.
  if (request.preview) return previewOutputs(declaration, outputs);
  const recorded = { inputs: request.oldInputs, outputs };
  return withRun(context, request, declaration, recorded, async (run) => {
    const finished = await bringAbout(run, request.id, outputs);
    hold(context.holders, request, declaration);
    return finished;
  });
}

/** @throws UnchangedError before the first step, PartialError after it. */
async function bringAbout(run: Run, id: string, before: Outputs): Promise<object> {
  try {
    const spec = await specFor(run, { install: true });
    const { view, steps, elapsedMs } = await apply(spec, run.options);
    const seconds = (elapsedMs / 1000).toFixed(1);
    run.report.info(
      `${spec.nodes.length} nodes verified: every slot has one owner, every replica is in sync (${steps.length} steps, ${seconds} s)`,
    );
    const restored = await restoreDeclared(run, spec, before.restored);
    const { declaration, inherited, access } = run;
    return finishedOutputs(declaration, inherited, view, spec.version, access.hostKeys(), restored);
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    if (!run.report.hasBegun) throw new UnchangedError(text, { cause: error });
    throw new PartialError(
      text,
      id,
      unfinishedOutputs(run.declaration, run.inherited, before, text, run.way()),
    );
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
  const recorded = { inputs: request.inputs, outputs: readOutputs(request.outputs) };
  return withRun(context, request, declaration, recorded, async (run) => {
    const found = await lookAt(run);
    return observedOutputs(declaration, found.view, recorded.outputs, driftOf(found), run.way());
  });
}

async function remove(
  context: ClustersContext,
  request: Subject & { inputs: PlainObject; outputs: PlainObject },
): Promise<void> {
  const declaration = readDeclaration(request.inputs);
  if (declaration === undefined)
    throw new UnchangedError(
      `the state of ${request.name} cannot be read by this version, so its nodes cannot be stopped. ` +
        "Stop them by hand, then `pulumi state delete` the resource.",
    );
  refuseProtected(declaration);
  const heir = otherHolder(context.holders, request, declaration);
  if (heir !== undefined) {
    context.log.write("info", request.urn, `Its nodes are those of ${heir.name} now, so nothing is stopped.`);
    return;
  }
  const recorded = { inputs: request.inputs, outputs: readOutputs(request.outputs) };
  await withRun(context, request, declaration, recorded, async (run) =>
    removeCluster({ ...run, spec: await specFor(run, { install: false }) }),
  );
}

/**
 * Pulumi's own `protect` would not do: with it a destroy goes on to whatever the cluster does not depend on, and the engine
 * (3.200) then looks for that in time exponential in the servers' chain.
 */
function refuseProtected({ name, protected: isProtected }: Pick<Declaration, "name" | "protected">): void {
  if (isProtected !== true) return;
  throw new UnchangedError(
    `${name} is protected: destroying it is not allowed, and nothing was deleted. ` +
      "If it is to go: pulumi config set --path aws.allowDestroy true, then `pulumi up`, then `pulumi destroy`.",
  );
}
