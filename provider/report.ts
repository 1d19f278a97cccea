/** What an operation tells the user through the engine: lasting lines and a live status, all under one resource. */
import type { Progress } from "../cluster/engine";
import { describePlan, describeStep } from "../cluster/plan/describe";
import type { Plan } from "../cluster/plan/types";
import type { EngineLog } from "./engine-log";

/** Least time between two status texts inside a step, in ms: where there is no terminal each becomes a line of the log. */
const STATUS_EVERY_MS = 1_000;

export class Report {
  /** Whether the operation has begun to change the cluster. */
  hasBegun = false;
  private current = "";
  private lastDetailAt = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly log: EngineLog,
    private readonly urn: string,
    /** What this process has shown, by URN: an update need not repeat what the diff before it said. */
    private readonly shown: Map<string, string[]>,
    private readonly now: () => number = () => performance.now(),
  ) {}

  info(text: string): void {
    this.log.write("info", this.urn, text);
  }

  warn(text: string): void {
    this.log.write("warning", this.urn, text);
  }

  status(text: string): void {
    this.log.status(this.urn, text);
  }

  /** The plan, unless it is the one that was shown last. */
  plan(plan: Plan, intro: string): void {
    const text = describePlan(plan)
      .map((line) => `  ${line}`)
      .join("\n");
    if (plan.steps.length === 0) return;
    const shown = this.shown.get(this.urn) ?? [];
    if (shown.at(-1) === text) return;
    this.shown.set(this.urn, [...shown, text]);
    this.info(`${intro}\n${text}`);
  }

  /** An info line that is shown once. */
  once(text: string): void {
    const shown = this.shown.get(this.urn) ?? [];
    if (shown.includes(text)) return;
    this.shown.set(this.urn, [text, ...shown]);
    this.info(text);
  }

  readonly progress = (event: Progress): void => {
    switch (event.kind) {
      case "plan":
        this.plan(event.plan, event.round === 1 ? "plan:" : "next:");
        break;
      case "step":
        this.step(event);
        break;
      case "detail":
        this.detail(event.text);
        break;
      case "warning":
        this.warn(event.text);
        break;
      default:
        unknownEvent(event);
        break;
    }
  };

  private step(event: Extract<Progress, { kind: "step" }>): void {
    this.hasBegun = true;
    if (event.state === "done") return;
    this.current = `step ${event.index + 1} of ${event.total}: ${describeStep(event.step)}`;
    this.status(this.current);
  }

  private detail(text: string): void {
    if (this.now() - this.lastDetailAt < STATUS_EVERY_MS) return;
    this.lastDetailAt = this.now();
    this.status(this.current === "" ? text : `${this.current}: ${text}`);
  }
}

function unknownEvent(event: never): never {
  throw new Error(`unknown progress: ${JSON.stringify(event)}`);
}
