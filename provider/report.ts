/** What an operation tells the user through the engine: lasting lines and a live status, all under one resource. */
import type { Look, Progress } from "../cluster/engine";
import { describeOutlook, describePlan, describeStep } from "../cluster/plan/describe";
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

  /** The plan and what is expected to follow it. */
  outlook({ decision, forecast }: Look): void {
    if (decision.kind === "refusal" || decision.steps.length === 0) return;
    const rounds = forecast.ahead.filter((round): round is Plan => round.kind === "plan");
    const steps = [decision, ...rounds].flatMap((round) => round.steps.map(describeStep));
    this.show(`plan:\n${indented(describeOutlook(decision, forecast))}`, steps);
  }

  /** A round's plan, unless all of it has been shown as part of an outlook or a plan. */
  private plan(plan: Plan, intro: string): void {
    const steps = plan.steps.map(describeStep);
    if (steps.every((step) => this.seen().includes(step))) return;
    this.show(`${intro}\n${indented(describePlan(plan))}`, steps);
  }

  private seen(): readonly string[] {
    return this.shown.get(this.urn) ?? [];
  }

  private show(text: string, steps: readonly string[]): void {
    if (this.seen().includes(text)) return;
    this.shown.set(this.urn, [...this.seen(), text, ...steps]);
    this.info(text);
  }

  /** An info line that is shown once; not at all where `npm run up`, which has started us, has said it (scripts/prepare.ts). */
  once(text: string): void {
    if (process.env.REDIS_CLUSTER_KIT_TOLD !== text) this.show(text, []);
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

function indented(lines: readonly string[]): string {
  return lines.map((line) => `  ${line}`).join("\n");
}

function unknownEvent(event: never): never {
  throw new Error(`unknown progress: ${JSON.stringify(event)}`);
}
