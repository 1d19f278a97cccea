import { describe, expect, test, vi } from "vitest";
import type { Progress } from "../../../cluster/engine";
import type { Plan, Step } from "../../../cluster/plan/types";
import { EngineLog } from "../../../provider/engine-log";
import { Report } from "../../../provider/report";

/** Keeps what is said instead of sending it. */
class KeptLog extends EngineLog {
  readonly lines: string[] = [];
  readonly statuses: string[] = [];
  constructor() {
    super(undefined);
  }
  override write(severity: string, _urn: string, text: string): void {
    this.lines.push(`${severity}: ${text}`);
  }
  override status(_urn: string, text: string): void {
    this.statuses.push(text);
  }
}

const start: Step = { kind: "startNodes", nodes: ["a", "b"], reason: "not running" };
const restart: Step = { kind: "restartNode", node: "a", reason: "other version" };
const planOf = (...steps: Step[]): Plan => ({
  kind: "plan",
  findings: [],
  warnings: [],
  steps,
  destructive: false,
});

function reporting() {
  const log = new KeptLog();
  const shown = new Map<string, string[]>();
  let now = 0;
  const report = () => new Report(log, "urn:a", shown, () => now);
  return {
    log,
    report,
    pass: (ms: number) => {
      now += ms;
    },
  };
}

const begun = (step: Step): Progress => ({ kind: "step", step, index: 0, total: 2, state: "started" });

describe("a report", () => {
  test("has not begun before the first step does", () => {
    const report = reporting().report();
    report.progress({ kind: "plan", plan: planOf(start), round: 1 });
    expect(report.hasBegun).toBe(false);
    report.progress(begun(start));
    expect(report.hasBegun).toBe(true);
  });

  test("does not repeat what the program that started us has said", () => {
    const { log, report } = reporting();
    vi.stubEnv("REDIS_CLUSTER_KIT_TOLD", "a stand-in is used");
    report().once("a stand-in is used");
    report().once("another one is used");
    report().once("another one is used");
    vi.unstubAllEnvs();
    expect(log.lines).toEqual(["info: another one is used"]);
  });

  test("shows a plan with its reasons once, also across the operations of one process", () => {
    const { log, report } = reporting();
    report().progress({ kind: "plan", plan: planOf(start), round: 1 });
    report().progress({ kind: "plan", plan: planOf(start), round: 1 });
    expect(log.lines).toHaveLength(1);
    expect(log.lines[0]).toMatch(/^info: plan:\n.*start a, b.*not running/);
    report().progress({ kind: "plan", plan: planOf(restart), round: 2 });
    expect(log.lines[1]).toMatch(/^info: next:\n.*restart a/);
  });

  test("says nothing of a plan without steps", () => {
    const { log, report } = reporting();
    report().progress({ kind: "plan", plan: planOf(), round: 1 });
    expect(log.lines).toEqual([]);
  });

  test("shows the step that runs, and details of it once a second", () => {
    const { log, report, pass } = reporting();
    const one = report();
    one.progress(begun(start));
    for (let text = 0; text < 20; text++) {
      one.progress({ kind: "detail", text: `waiting ${text}` });
      pass(100);
    }
    expect(log.statuses).toEqual([
      "step 1 of 2: start a, b",
      "step 1 of 2: start a, b: waiting 0",
      "step 1 of 2: start a, b: waiting 10",
    ]);
  });

  test("passes warnings on, and says a note once", () => {
    const { log, report } = reporting();
    report().progress({ kind: "warning", text: "careful" });
    report().once("Redis 5.0.6 stands in");
    report().once("Redis 5.0.6 stands in");
    expect(log.lines).toEqual(["warning: careful", "info: Redis 5.0.6 stands in"]);
  });
});
