/** Progress as plain lines: pipes, logs, CI. */
import type { Progress } from "../../cluster/engine";
import { describeStep } from "../../cluster/plan/describe";
import { duration, plural } from "./units";

/** Something that shows the progress of a run. */
export interface ProgressView {
  readonly progress: (event: Progress) => void;
  /** `error`: why the run ended early. Resolves when everything is drawn. */
  readonly end: (error?: unknown) => Promise<void>;
}

/** One line when a step is done; details are left out, since every one would be a line. */
export function linesOf(say: (line: string) => void): ProgressView {
  const progress = (event: Progress): void => {
    switch (event.kind) {
      case "plan":
        if (event.round > 1) say(`round ${event.round}: ${plural(event.plan.steps.length, "step")}`);
        break;
      case "step":
        if (event.state === "done")
          say(
            `[${event.index + 1}/${event.total}] ${describeStep(event.step)} (${duration(event.elapsedMs ?? 0)})`,
          );
        break;
      case "detail":
        break;
      case "warning":
        say(`warning: ${event.text}`);
        break;
      default:
        unknownEvent(event);
    }
  };
  return { progress, end: async () => undefined };
}

function unknownEvent(event: never): never {
  throw new Error(`unknown progress: ${JSON.stringify(event)}`);
}
