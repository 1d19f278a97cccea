/** Executes one step. Each kind has one function; the switch is exhaustive. */
import type { Step } from "../plan/types";
import type { StepContext } from "./context";
import { failover } from "./failover";
import { assignSlots, forget, meet, replicate, resetNode, setEpochs, setLive } from "./form";
import { checkReach, startNodes, stopNode, writeFiles } from "./processes";
import { restartNode } from "./restart";
import { rotatePassword } from "./rotate";
import { settle } from "./settle";

export async function execute(step: Step, context: StepContext): Promise<void> {
  switch (step.kind) {
    case "startNodes":
      return startNodes(step, context);
    case "stopNode":
      return stopNode(step, context);
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
    case "resetNode":
      return resetNode(step, context);
    case "restartNode":
      return restartNode(step, context);
    case "rotatePassword":
      return rotatePassword(step, context);
    case "moveSlots":
    case "repairSlots":
      throw new Error(`this version cannot ${step.kind} yet`);
    default:
      return unknownStep(step);
  }
}

function unknownStep(step: never): never {
  throw new Error(`unknown step ${JSON.stringify(step)}`);
}
