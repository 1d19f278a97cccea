/** What a `Topology` leaves in Pulumi's state, and what the next run reads out of it. */
import { z } from "zod";
import { addressOf } from "../cluster/spec";
import type { View } from "../cluster/view";
import {
  type Declaration,
  type DeclaredNode,
  declarationSchema,
  type Inheritance,
  nodeSchema,
} from "./declaration";
import { sshServerSchema } from "./ssh-access";
import { type PlainObject, secret, UNKNOWN, unwrap } from "./wire";

const role = z.enum(["primary", "replica"]);
const nodeStateSchema = nodeSchema.extend({ role: role.optional(), id: z.string().optional() });

/** Read leniently: a state may be of an older version of the kit, or of a run that failed half-way. */
const outputsSchema = z.object({
  nodes: z.array(nodeStateSchema).catch([]),
  leaving: z.array(nodeSchema).catch([]),
  previousPasswords: z.array(z.string()).catch([]),
  drift: z.array(z.string()).catch([]),
  redisVersion: z.string().optional().catch(undefined),
  restored: z.string().catch(""),
  hostKeys: z.record(z.string(), z.string()).catch({}),
  formerServers: z.record(z.string(), sshServerSchema).catch({}),
});

export type Outputs = z.output<typeof outputsSchema>;
export type NodeState = z.output<typeof nodeStateSchema>;

export function readOutputs(outputs: PlainObject): Outputs {
  return outputsSchema.parse(unwrap(outputs));
}

/** The declaration in a state; `undefined` where it is not one that this version can read. */
export function readDeclaration(inputs: PlainObject): Declaration | undefined {
  return declarationSchema.safeParse(unwrap(inputs)).data;
}

/**
 * What `next` takes over from the state: nodes and passwords of the declaration before it and, where runs failed, of
 * those before that. `known` are nodes that have a folder on this machine, whoever declared them.
 */
export function inherit(
  next: Declaration,
  before: Declaration | undefined,
  outputs: Outputs,
  known: readonly DeclaredNode[] = [],
): Inheritance {
  const declared = new Set(next.nodes.map((node) => node.name));
  const leaving = new Map<string, DeclaredNode>();
  for (const node of [...known, ...outputs.leaving, ...(before?.nodes ?? [])]) {
    if (!declared.has(node.name)) leaving.set(node.name, nodeSchema.parse(node));
  }
  const passwords = [...(before ? [before.password] : []), ...outputs.previousPasswords];
  return {
    leaving: [...leaving.values()].sort((a, b) => (a.name < b.name ? -1 : 1)),
    previousPasswords: [...new Set(passwords)].filter((password) => password !== next.password),
  };
}

/** Outputs of a run that brought everything about. `view` is what was verified last. */
export function finishedOutputs(
  declaration: Declaration,
  inherited: Inheritance,
  view: View,
  redisVersion: string,
  hostKeys: Outputs["hostKeys"] = {},
  restored = "",
): object {
  // Still valid beside the declared one, and needed to end that phase.
  const kept =
    declaration.keepPreviousPassword === true ? { previousPasswords: inherited.previousPasswords } : {};
  const nodes = nodeStates(declaration, view, []);
  return writeOutputs(declaration, { nodes, redisVersion, hostKeys, restored, ...kept });
}

/** Outputs that an observation without a change gives: `drift` says in one line each what is not as declared. */
export function observedOutputs(
  declaration: Declaration,
  view: View,
  before: Outputs,
  drift: readonly string[],
  way: Way = before,
): object {
  const nodes = nodeStates(declaration, view, before.nodes);
  return writeOutputs(declaration, { ...before, ...way, nodes, drift });
}

/** Outputs of a run that failed half-way: they remember what is still to be got rid of. */
export function unfinishedOutputs(
  declaration: Declaration,
  inherited: Inheritance,
  before: Outputs,
  failure: string,
  way: Way = before,
): object {
  const nodes = nodeStates(declaration, undefined, before.nodes);
  const names = new Set(inherited.leaving.map((node) => node.name));
  const formerServers = Object.fromEntries(
    Object.entries(way.formerServers).filter(([name]) => names.has(name)),
  );
  return writeOutputs(declaration, {
    ...before,
    ...way,
    formerServers,
    ...inherited,
    nodes,
    drift: [failure],
  });
}

/** Outputs of a preview: what the declaration alone decides is known, the rest will be. */
export function previewOutputs(declaration: Declaration, before: Outputs): object {
  const nodes = nodeStates(declaration, undefined, before.nodes).map((node) => ({
    ...node,
    role: node.role ?? UNKNOWN,
    id: node.id ?? UNKNOWN,
  }));
  const { redisVersion, hostKeys, restored } = before;
  return writeOutputs(declaration, { nodes, redisVersion, hostKeys, restored });
}

/** Role and id as seen; of a node that does not answer, as they were. */
function nodeStates(
  declaration: Declaration,
  view: View | undefined,
  before: readonly NodeState[],
): NodeState[] {
  return declaration.nodes.map((node) => {
    const seen = view?.nodes.find((candidate) => candidate.name === node.name);
    const last = before.find((candidate) => candidate.name === node.name);
    const facts = seen?.reachable ? { role: seen.role, id: seen.id } : { role: last?.role, id: last?.id };
    return { ...node, ...facts };
  });
}

/** What the next run needs to reach servers, besides the declaration. */
export type Way = Pick<Outputs, "hostKeys" | "formerServers">;

interface Written extends Partial<Inheritance>, Partial<Way> {
  readonly nodes: readonly object[];
  readonly drift?: readonly string[];
  readonly redisVersion?: string | undefined;
  /** The declared backup, once its keys are there. */
  readonly restored?: string;
}

function writeOutputs(declaration: Declaration, written: Written): object {
  return {
    nodes: written.nodes,
    endpoints: declaration.nodes.map(addressOf),
    redisVersion: written.redisVersion ?? declaration.redisVersion,
    restored: written.restored ?? "",
    drift: written.drift ?? [],
    leaving: written.leaving ?? [],
    previousPasswords: secret(written.previousPasswords ?? []),
    hostKeys: written.hostKeys ?? {},
    formerServers: written.formerServers ?? {},
  };
}
