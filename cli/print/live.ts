/** Progress on a terminal: a list of the plan's steps that is redrawn. */
import { Listr, type ListrTask, PRESET_TIMER } from "listr2";
import type { Progress } from "../../cluster/engine";
import { describeStep } from "../../cluster/plan/describe";
import type { Plan } from "../../cluster/plan/types";
import type { ProgressView } from "./lines";

interface Row {
  readonly done: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
  /** Shows one line below the step while it runs. */
  show: (text: string) => void;
}

/** Rounds come one below the other, each with its own list. */
export function liveTasks(): ProgressView {
  let rows: Row[] = [];
  let current = 0;
  let drawn: Promise<unknown> = Promise.resolve();
  const begin = (plan: Plan) => {
    rows = plan.steps.map(newRow);
    current = 0;
    const tasks = plan.steps.map((step, index) => taskOf(describeStep(step), rows[index]));
    drawn = drawn.then(() => draw(tasks));
  };
  const progress = (event: Progress): void => {
    switch (event.kind) {
      case "plan":
        begin(event.plan);
        break;
      case "step":
        current = event.index;
        if (event.state === "done") rows[event.index]?.resolve();
        break;
      case "detail":
      case "warning":
        rows[current]?.show(event.text);
        break;
      default:
        unknownEvent(event);
    }
  };
  const end = async (error?: unknown) => {
    for (const row of rows) row.reject(error ?? new Error("the run has ended"));
    await drawn;
  };
  return { progress, end };
}

function newRow(): Row {
  let resolve: Row["resolve"] = () => undefined;
  let reject: Row["reject"] = () => undefined;
  const done = new Promise<void>((onDone, onFailed) => {
    [resolve, reject] = [onDone, onFailed];
  });
  // Steps that never begin are rejected with nobody listening.
  done.catch(() => undefined);
  return { done, resolve, reject, show: () => undefined };
}

function taskOf(title: string, row: Row | undefined): ListrTask {
  return {
    title,
    task: (_context, task) => {
      if (!row) return;
      row.show = (text) => {
        task.output = text;
      };
      return row.done;
    },
  };
}

/** The error itself is told by main, with its cure; here the step is only marked. */
async function draw(tasks: ListrTask[]): Promise<void> {
  const list = new Listr(tasks, {
    registerSignalListeners: false,
    rendererOptions: { timer: PRESET_TIMER, showErrorMessage: false, collapseErrors: false },
  });
  await list.run().catch(() => undefined);
}

function unknownEvent(event: never): never {
  throw new Error(`unknown progress: ${JSON.stringify(event)}`);
}
