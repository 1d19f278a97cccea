/** Steps and plans as lines for people. */
import prettyBytes from "pretty-bytes";
import { countSlots, formatRanges } from "../slots";
import type { MoveEstimate, Plan, Refusal, RotationPhase, SlotMove, Step } from "./types";

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
      return describeMoves(step.moves, step.estimate);
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

/** "move 4096 slots between 3 pairs: about 12,000 keys, 4.2 MB, 1 s" */
function describeMoves(moves: readonly SlotMove[], { keys, bytes, durationMs }: MoveEstimate): string {
  const slots = moves.reduce((sum, move) => sum + countSlots(move.slots), 0);
  const pairs = moves.length === 1 ? "one pair" : `${moves.length} pairs`;
  const seconds = Math.max(1, Math.round(durationMs / 1000));
  const load = keys === 0 ? "no keys" : `about ${keys.toLocaleString("en")} keys, ${prettyBytes(bytes)}`;
  return `move ${slots} slots between ${pairs}: ${load}, ${seconds} s`;
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

/** What is known of the rounds after a plan (foresee/). */
interface Ahead {
  readonly ahead: readonly (Plan | Refusal)[];
  readonly complete: boolean;
}

/** The plan and all that is expected to follow it, numbered through: what a preview shows. */
export function describeOutlook(decision: Plan | Refusal, { ahead, complete }: Ahead): string[] {
  const plans = ahead.filter((round): round is Plan => round.kind === "plan");
  if (decision.kind === "refusal") return describePlan(decision);
  const rounds = [decision, ...plans];
  const warnings = [...new Set(rounds.flatMap((round) => round.warnings))];
  if (decision.steps.length === 0) return describePlan(decision);
  const steps = rounds.flatMap((round, index) =>
    round.steps.map((step) => `${describeStep(step)}  (${index === 0 ? "" : "expected: "}${step.reason})`),
  );
  const last = rounds.at(-1)?.continues;
  return [
    ...warnings.map((warning) => `warning: ${warning}`),
    ...steps.map((line, index) => `${index + 1}. ${line}`),
    ...(!complete && last ? [`then: ${last}`] : []),
  ];
}
