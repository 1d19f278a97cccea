/** Steps and plans as lines for people. */
import { countSlots, formatRanges } from "../slots";
import type { Plan, Refusal, RotationPhase, Step } from "./types";

/** One line, imperative, without the reason. */
export function describeStep(step: Step): string {
  switch (step.kind) {
    case "startNodes":
      return `start ${names(step.nodes)}`;
    case "writeFiles":
      return `write redis.conf of ${names(step.nodes)}`;
    case "checkReach":
      return `check data and bus ports of ${names(step.nodes)}`;
    case "setLive":
      return `set ${step.directive} to ${step.value} on ${names(step.nodes)}`;
    case "setEpochs":
      return `give ${names(step.epochs.map((entry) => entry.node))} distinct config epochs`;
    case "assignSlots":
      return `assign slots: ${step.assignments.map((a) => `${a.node} ${formatRanges(a.slots)}`).join("; ")}`;
    case "meet":
      return step.newcomers.length === step.members.length
        ? `introduce all ${step.members.length} nodes to each other`
        : `introduce ${names(step.newcomers)} to the cluster`;
    case "replicate":
      return `replicate: ${step.links.map((link) => `${link.replica} -> ${link.primary}`).join("; ")}`;
    case "settle":
      return `wait until ${step.nodes.length} nodes agree and every replica is in sync`;
    case "forget":
      return `forget ${step.node ?? "unknown node"} (${step.id.slice(0, 8)}) on ${names(step.on)}`;
    case "failover":
      return `${step.mode === "force" ? "forced failover" : "failover"}: ${step.replica} takes over from ${step.primary}`;
    case "moveSlots":
      return `move ${step.moves.reduce((sum, move) => sum + countSlots(move.slots), 0)} slots between ${step.moves.length} pairs`;
    case "repairSlots":
      return `repair slots ${formatRanges(step.slots)}`;
    case "removeNode":
      return `remove ${step.node}: empty, forgotten by ${names(step.on)}, stopped`;
    case "restartNode":
      return `restart ${step.node}`;
    case "rotatePassword":
      return describeRotation(step.phase, names(step.nodes));
    default:
      return unreachableStep(step);
  }
}

function describeRotation(phase: RotationPhase, nodes: string): string {
  switch (phase) {
    case "allow":
      return `accept the declared passwords on ${nodes}`;
    case "links":
      return `use the new password for replication on ${nodes}`;
    case "switch":
      return `change the password of ${nodes}`;
    case "revoke":
      return `accept no other password on ${nodes}`;
  }
}

function unreachableStep(step: never): never {
  throw new Error(`unknown step ${JSON.stringify(step)}`);
}

function names(nodes: readonly string[]): string {
  return nodes.length <= 3 ? nodes.join(", ") : `${nodes.length} nodes`;
}

/** Numbered steps with reasons, then what follows; a refusal with its cure. */
export function describePlan(decision: Plan | Refusal): string[] {
  if (decision.kind === "refusal") return [`refused: ${decision.reason}`, `cure: ${decision.cure}`];
  if (decision.steps.length === 0) return ["nothing to do: the cluster is as declared"];
  return [
    ...decision.warnings.map((warning) => `warning: ${warning}`),
    ...decision.steps.map((step, index) => `${index + 1}. ${describeStep(step)}  (${step.reason})`),
    ...(decision.continues ? [`then: ${decision.continues}`] : []),
  ];
}
