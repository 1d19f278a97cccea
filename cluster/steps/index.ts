/** Executes one step. */
import type { Step } from "../plan/types";
import type { StepContext } from "./context";
import { failover } from "./failover";
import { assignSlots, meet, replicate, setEpochs, setLive } from "./form";
import { forget, removeNode } from "./leave";
import { checkReach, startNodes, writeFiles } from "./processes";
import { restartNode } from "./restart";
import { rotatePassword } from "./rotate";
import { settle } from "./settle";
import { moveSlots, repairSlots } from "./slots";

/**
 * Does what the step says and, where it changed members, roles or owners, waits until every declared node knows:
 * between any two steps the whole cluster tells one story.
 */
export async function execute(step: Step, context: StepContext): Promise<void> {
  await perform(step, context);
  const members = agreeingAfter(step, context);
  if (members) await settle(members, context, { agreementOnly: true });
}

function agreeingAfter(step: Step, context: StepContext): readonly string[] | undefined {
  switch (step.kind) {
    case "meet":
      // Nothing to agree upon yet where everybody is new.
      return step.newcomers.length < step.members.length ? step.members : undefined;
    case "replicate":
    case "moveSlots":
    case "repairSlots":
    case "forget":
    case "removeNode":
      return context.spec.nodes.map((node) => node.name);
    // These change nothing that nodes tell each other, or wait for it themselves.
    case "startNodes":
    case "writeFiles":
    case "checkReach":
    case "setLive":
    case "setEpochs":
    case "assignSlots":
    case "settle":
    case "failover":
    case "restartNode":
    case "rotatePassword":
      return undefined;
  }
}

/** Each kind has one function; the switch is exhaustive. */
async function perform(step: Step, context: StepContext): Promise<void> {
  switch (step.kind) {
    case "startNodes":
      return startNodes(step, context);
    case "writeFiles":
      return writeFiles(step, context);
    case "checkReach":
      return checkReach(step, context);
    case "setLive":
      return setLive(step, context);
    case "setEpochs":
      return setEpochs(step, context);
    case "assignSlots":
      return assignSlots(step, context);
    case "meet":
      return meet(step, context);
    case "replicate":
      return replicate(step, context);
    case "settle":
      return settle(step.nodes, context, { agreementOnly: step.agreementOnly === true });
    case "forget":
      return forget(step, context);
    case "failover":
      return failover(step, context);
    case "removeNode":
      return removeNode(step, context);
    case "restartNode":
      return restartNode(step, context);
    case "rotatePassword":
      return rotatePassword(step, context);
    case "moveSlots":
      return moveSlots(step, context);
    case "repairSlots":
      return repairSlots(step, context);
    default:
      return unknownStep(step);
  }
}

function unknownStep(step: never): never {
  throw new Error(`unknown step ${JSON.stringify(step)}`);
}
