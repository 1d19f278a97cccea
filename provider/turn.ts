/**
 * `Handover` and `Rejoin`: what stands before and after a server that is replaced by somebody else (the provider of the
 * cloud) in between. Both work on the cluster as the last run left it, which is in their state: what this run declares is
 * brought about afterwards, by `Topology`.
 */
import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { z } from "zod";
import { apply } from "../cluster/engine";
import type { ClusterSpec } from "../cluster/spec";
import { handOver, isInService, lookAtTurn, type Turn } from "../cluster/turn";
import { type Declaration, declarationSchema, specOf } from "./declaration";
import type {
  CheckFailure,
  DiffAnswer,
  DiffRequest,
  ResourceOperations,
  Subject,
  UpdateRequest,
} from "./operations";
import { UnchangedError } from "./operations";
import { type Run, type TopologyContext, withRun } from "./run";
import { waitForAnswer } from "./server-answers";
import { readOutputs } from "./state";
import { type PlainObject, unknownPaths, unwrap } from "./wire";

const inputsSchema = z.object({
  node: z.string().min(1),
  /** `Handover` alone. */
  turn: z.string().default(""),
  /** `Handover` alone: nodes whose own turn, or return from an interrupted one, comes before. */
  after: z.array(z.string()).default([]),
  /** `Handover` alone: whether the cloud has the server already. */
  exists: z.boolean().default(false),
  /** `Handover` alone: whether the cloud says that the server is off. */
  off: z.boolean().default(false),
  /** `Rejoin` alone. */
  rolling: z.boolean().default(false),
  declaration: declarationSchema,
});

type Inputs = z.output<typeof inputsSchema>;

const NO_CHANGE: DiffAnswer = { hasChanges: false, changes: [] };

export function handoverOperations(context: TopologyContext): ResourceOperations {
  return {
    ...COMMON,
    create: (request) => {
      refuseLostState(request.inputs);
      return COMMON.create(request);
    },
    diff: (request) => diffHandover(context, request),
    update: (request) => updateHandover(context, request),
  };
}

export function rejoinOperations(context: TopologyContext): ResourceOperations {
  return {
    ...COMMON,
    diff: async (request) => {
      const inputs = known(request.newInputs);
      return inputs?.rolling === true ? changed("rolling") : NO_CHANGE;
    },
    update: (request) => updateRejoin(context, request),
  };
}

/** A node that is declared for the first time has nothing to hand over, and joins through `Topology`. */
const COMMON: Pick<ResourceOperations, "check" | "create" | "read" | "delete"> = {
  check: async (_subject, inputs) => check(inputs),
  create: async ({ name, inputs, preview }) => ({ id: preview ? "" : name, outputs: told(inputs) }),
  read: async ({ outputs }) => outputs,
  delete: async () => undefined,
};

function check(inputs: PlainObject): CheckFailure[] {
  if (unknownPaths(inputs).length > 0) return [];
  const { error } = inputsSchema.safeParse(unwrap(inputs));
  return (error?.issues ?? []).map(({ path, message }) => ({ property: path.join("."), reason: message }));
}

/** `undefined` where a preview does not know all of them, or a state is of another version. */
function known(inputs: PlainObject): Inputs | undefined {
  return unknownPaths(inputs).length > 0 ? undefined : inputsSchema.safeParse(unwrap(inputs)).data;
}

function told(inputs: PlainObject): object {
  return { node: inputs.node ?? "" };
}

function changed(path: string): DiffAnswer {
  return { hasChanges: true, changes: [{ path, kind: "update" }] };
}

async function diffHandover(context: TopologyContext, request: DiffRequest): Promise<DiffAnswer> {
  const inputs = known(request.newInputs);
  if (inputs === undefined || inputs.turn === "") return NO_CHANGE;
  const before = running(request, inputs);
  refuseTwoChanges(before, inputs);
  await within(context, request, before, async (run, spec) => {
    const turn = await lookAtTurn(spec, inputs.node, run.options, {
      returning: inputs.after,
      off: inputs.off,
    });
    if (turn.kind === "refused") throw new UnchangedError(`${turn.reason}\n${turn.cure}`);
    run.report.once(`${inputs.turn}: ${describeTurn(turn, inputs.node)}`);
  });
  return changed("turn");
}

async function updateHandover(context: TopologyContext, request: UpdateRequest): Promise<object> {
  const inputs = known(request.newInputs);
  if (inputs === undefined || request.preview || inputs.turn === "") return told(request.newInputs);
  const before = running(request, inputs);
  refuseTwoChanges(before, inputs);
  await within(context, request, before, async (run, spec) => {
    const lock = { holder: `pid-${process.pid}@${hostname()}`, runId: randomUUID() };
    const turn = await handOver(spec, inputs.node, { options: run.options, lock, off: inputs.off });
    run.report.once(`${inputs.turn}: ${describeTurn(turn, inputs.node)}`);
  });
  return told(request.newInputs);
}

/**
 * Brings the cluster back to what it was: the node's server answers, the node runs, has everything, and all agree. One that
 * is in service is left alone: after an interrupted run another one may be missing, whose own Rejoin comes later.
 */
async function updateRejoin(context: TopologyContext, request: UpdateRequest): Promise<object> {
  const inputs = known(request.newInputs);
  if (inputs === undefined || request.preview || !inputs.rolling) return told(request.newInputs);
  await within(context, request, running(request, inputs), async (run, spec) => {
    await awaitServer(run, spec, inputs.node);
    if (await isInService(spec, inputs.node, run.options)) return;
    const { steps } = await apply(spec, run.options);
    if (steps.length > 0) run.report.info(`${inputs.node} is back and in sync`);
  });
  return told(request.newInputs);
}

/** One that was stopped and started is not provisioned again, which would have waited for it. */
async function awaitServer({ options, report }: Run, spec: ClusterSpec, name: string): Promise<void> {
  const node = spec.nodes.find((each) => each.name === name);
  if (node === undefined) return;
  const { signal } = options;
  await waitForAnswer(node, options.hosts(node), { signal, report: (line) => report.status(line) });
}

/** The cluster that runs, reached as this run says: its declaration is that of the last run. */
function running(request: DiffRequest, now: Inputs): Declaration {
  const before = known(request.oldInputs)?.declaration ?? now.declaration;
  if (now.declaration.ssh === undefined) return before;
  const servers = { ...before.ssh?.servers, ...now.declaration.ssh.servers };
  return { ...before, ssh: { ...now.declaration.ssh, servers } };
}

/**
 * A Handover is in the state before its server is made. A server without one belongs to a cluster that this state knows
 * nothing of: going on would make a second, empty one beside it, with the same names.
 */
function refuseLostState(given: PlainObject): void {
  const { node, exists, declaration } = unwrap(given) as Partial<Inputs>;
  if (exists !== true) return;
  const cluster = declaration?.name === undefined ? "a cluster of this name" : `cluster ${declaration.name}`;
  throw new UnchangedError(
    `the server of ${node} of ${cluster} is there in this account and region, and this stack's state does not know it. ` +
      "The state was lost, or another stack has that cluster. A second, empty one is not made beside it.\n" +
      "Restore the state (`pulumi stack import`, from an export or the backend's history), " +
      "or give this cluster another name: pulumi config set name NAME",
  );
}

/** A new server has the declared Redis alone, and the others still run the one before. */
function refuseTwoChanges(before: Declaration, { turn, declaration, node }: Inputs): void {
  if (before.redisVersion === declaration.redisVersion && before.redisSource === declaration.redisSource)
    return;
  throw new UnchangedError(
    `the server of ${node} is to be replaced (${turn}), and Redis ${before.redisVersion} is to become ${declaration.redisVersion}: one after the other. ` +
      "Set one of the two back, run `pulumi up`, then change it again.",
  );
}

async function within(
  context: TopologyContext,
  subject: Subject,
  declaration: Declaration,
  work: (run: Run, spec: ClusterSpec) => Promise<void>,
): Promise<void> {
  const recorded = { inputs: {}, outputs: readOutputs({}) };
  await withRun(context, subject, declaration, recorded, async (run) => {
    const { version } = await run.access.redis({ install: false });
    await work(run, specOf(declaration, { ...run.inherited, leaving: [] }, version));
  });
}

function describeTurn(turn: Turn, node: string): string {
  switch (turn.kind) {
    case "absent":
      return `${node} does not run, its server is replaced as it is`;
    case "off":
      return `the server of ${node} is off and is replaced as it is`;
    case "stop":
      return `${node} leads nothing and stops, then its server is replaced`;
    case "handOver":
      return `${turn.heir} takes over from ${node}, which stops, then its server is replaced`;
    case "outage":
      return `${node} has no replica: its slots are down while its server is replaced`;
    case "refused":
      return turn.reason;
  }
}
