/**
 * What the cluster will look like once a plan is done, as data: so that a preview shows all rounds of a change and not only
 * the first. A forecast, not a promise: the run itself observes anew between rounds.
 */
import { plan } from "../plan";
import type { Plan, Refusal, RotationPhase, Step } from "../plan/types";
import { countSlots, expandRanges, toRanges } from "../slots";
import type { ClusterSpec } from "../spec";
import type { NodeUp, View } from "../view";
import { change, join, type Model, modelOf, specIn, upIn, viewOf } from "./model";
import { foreseeRestart, foreseeStart } from "./start";

/** Bound on foreseen rounds; a run has more, since it also meets what nobody foresaw. */
const MAX_ROUNDS = 10;

export interface Forecast {
  /** The rounds that are expected to follow the first plan. */
  readonly ahead: readonly (Plan | Refusal)[];
  /** Whether nothing is left after them; false where it refuses or cannot know. */
  readonly complete: boolean;
}

export function forecast(spec: ClusterSpec, view: View, first: Plan | Refusal): Forecast {
  const ahead: (Plan | Refusal)[] = [];
  let current: View | undefined = view;
  let decision = first;
  while (decision.kind === "plan" && decision.steps.length > 0 && ahead.length < MAX_ROUNDS) {
    current = foresee(spec, current, decision.steps);
    if (!current) return { ahead, complete: false };
    decision = plan(spec, current);
    if (decision.kind === "refusal" || decision.steps.length > 0) ahead.push(decision);
  }
  return { ahead, complete: decision.kind === "plan" && decision.steps.length === 0 };
}

/** The view after these steps; `undefined` where a step's outcome is not known before it is done. */
export function foresee(spec: ClusterSpec, view: View, steps: readonly Step[]): View | undefined {
  const model = modelOf(spec, view);
  return steps.every((step) => foreseeStep(model, step)) ? viewOf(model) : undefined;
}

/** Applies one step. False: its outcome cannot be foreseen. */
function foreseeStep(model: Model, step: Step): boolean {
  switch (step.kind) {
    case "startNodes":
      return step.nodes.every((name) => foreseeStart(model, name));
    case "writeFiles":
      for (const name of step.nodes) fileWritten(model, name);
      return true;
    case "checkReach":
    case "settle":
      return true;
    case "setLive":
      for (const name of step.nodes) valueSet(model, name, step.directive, step.value);
      return true;
    case "setEpochs":
      for (const { node, epoch } of step.epochs) change(model, node, { configEpoch: epoch });
      return true;
    case "assignSlots":
      for (const { node, slots } of step.assignments)
        change(model, node, {
          slots: toRanges(expandRanges([...(upIn(model, node)?.slots ?? []), ...slots])),
        });
      return true;
    case "meet":
      join(model, step.members);
      return true;
    case "replicate":
      for (const { replica, primary } of step.links) follow(model, replica, primary);
      return true;
    case "forget":
      model.remembered.delete(step.id);
      return true;
    case "failover":
      return foreseeFailover(model, step.replica, step.primary);
    case "moveSlots":
      for (const move of step.moves) shift(model, move.source, move.target, expandRanges(move.slots));
      return true;
    case "repairSlots":
      return onlyOpen(model, expandRanges(step.slots));
    case "removeNode":
      return foreseeRemoval(model, step.node);
    case "restartNode":
      foreseeRestart(model, step.node);
      return true;
    case "rotatePassword":
      for (const name of step.nodes) change(model, name, afterPhase(step.phase, model.spec));
      return true;
    default:
      return unknownStep(step);
  }
}

function unknownStep(step: never): never {
  throw new Error(`unknown step ${JSON.stringify(step)}`);
}

function fileWritten(model: Model, name: string): void {
  const node = upIn(model, name);
  const configSha256 = specIn(model, name)?.configSha256;
  if (node && configSha256) change(model, name, { host: { ...node.host, configSha256 } });
}

function valueSet(model: Model, name: string, directive: string, value: string): void {
  fileWritten(model, name);
  change(model, name, { settings: { ...upIn(model, name)?.settings, [directive]: value } });
}

function follow(model: Model, replica: string, primary: string): void {
  const leader = upIn(model, primary);
  if (!leader) return;
  change(model, replica, { role: "replica", primaryId: leader.id, linkUp: true, slots: [] });
}

function foreseeFailover(model: Model, replica: string, primary: string): boolean {
  const heir = upIn(model, replica);
  if (!heir?.primaryId) return heir !== undefined;
  const before = upIn(model, primary);
  const formerId = heir.primaryId;
  // A primary that lost its disk runs under a new id; what it owned is remembered under the old one.
  const slots = (before?.id === formerId ? before.slots : model.remembered.get(formerId)?.slots) ?? [];
  const { primaryId: _, linkUp: __, ...rest } = heir;
  model.nodes.set(replica, { ...rest, role: "primary", slots });
  for (const node of model.nodes.values())
    if (node.reachable && (node.primaryId === formerId || node.id === formerId))
      follow(model, node.name, replica);
  const remembered = model.remembered.get(formerId);
  const absence = remembered?.flags.filter((flag) => flag === "noaddr" || flag === "fail") ?? [];
  if (remembered)
    model.remembered.set(formerId, {
      ...remembered,
      flags: ["slave", ...absence],
      primaryId: heir.id,
      slots: [],
    });
  return true;
}

/** Keys are taken to be spread evenly over a primary's slots. */
function shift(model: Model, source: string, target: string, slots: readonly number[]): void {
  const [from, to] = [upIn(model, source), upIn(model, target)];
  if (!from || !to) return;
  const moved = new Set(slots);
  const share = moved.size / Math.max(1, countSlots(from.slots));
  const keys = Math.round(from.keys * share);
  change(model, source, {
    slots: toRanges(expandRanges(from.slots).filter((slot) => !moved.has(slot))),
    keys: from.keys - keys,
  });
  change(model, target, { slots: toRanges([...expandRanges(to.slots), ...slots]), keys: to.keys + keys });
}

/** Open slots get closed where they are; who gets a slot that two or none claim is decided by evidence, later. */
function onlyOpen(model: Model, slots: readonly number[]): boolean {
  const claims = new Map<number, number>();
  for (const node of model.nodes.values())
    if (node.reachable && node.role === "primary")
      for (const slot of expandRanges(node.slots)) claims.set(slot, (claims.get(slot) ?? 0) + 1);
  if (slots.some((slot) => claims.get(slot) !== 1)) return false;
  for (const name of model.nodes.keys()) change(model, name, { migrating: [], importing: [] });
  return true;
}

function foreseeRemoval(model: Model, name: string): boolean {
  const node = model.nodes.get(name);
  if (!node) return true;
  model.groups.delete(name);
  const { process: _, data: __, host, ...rest } = node;
  model.nodes.set(name, {
    name: rest.name,
    process: "stopped",
    data: "present",
    host: { ...host, process: "stopped" },
    reachable: false,
    why: "refused",
    detail: "removed",
  });
  return true;
}

function afterPhase(phase: RotationPhase, spec: ClusterSpec): Partial<NodeUp> {
  switch (phase) {
    case "allow":
      return { acceptedPasswords: [0, ...spec.previousPasswords.map((_, index) => index + 1)] };
    case "links":
      return { linkPasswordIndex: 0 };
    case "switch":
    case "revoke":
      return { passwordIndex: 0, acceptedPasswords: [0], otherPasswords: 0 };
    default:
      return phase satisfies never;
  }
}
