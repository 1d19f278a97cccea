/** `plan`: what `up` would do, step by step and with reasons. Changes nothing. */
import type { Forecast } from "../../cluster/foresee";
import { describeOutlook } from "../../cluster/plan/describe";
import type { Plan, Refusal } from "../../cluster/plan/types";
import type { Answer, ExitCode } from "../answer";
import type { Target } from "../declaration";
import { inspect, isOutOfReach } from "../inspect";
import type { Style } from "../print/style";
import { wrap } from "../print/wrap";

export async function plan(target: Target): Promise<Answer> {
  const { decision, view, forecast } = await inspect(target);
  const exitCode: ExitCode = isOutOfReach(view) ? 2 : isNothing(decision) ? 0 : 1;
  return {
    exitCode,
    json: { ...decision, ahead: forecast.ahead },
    text: (style) =>
      planText(decision, forecast, style, [...notes(target), ...reach(exitCode, view.nodes.length)]),
  };
}

function isNothing(decision: Plan | Refusal): boolean {
  return decision.kind === "plan" && decision.steps.length === 0;
}

function notes({ note }: Target): string[] {
  return note === undefined ? [] : [`note: ${note}`];
}

function reach(exitCode: ExitCode, nodes: number): string[] {
  return exitCode === 2 ? [`none of the ${nodes} nodes can be reached from here`] : [];
}

export function planText(
  decision: Plan | Refusal,
  forecast: Forecast,
  { columns, paint }: Style,
  notes: readonly string[] = [],
): string {
  const lines = [...notes.map((note) => paint("warn", note)), ...describeOutlook(decision, forecast)];
  if (decision.kind === "plan" && decision.destructive)
    lines.push(paint("bad", "This plan is destructive: a step of it deletes data or can lose some."));
  return lines.map((line) => wrap(line, columns, "   ")).join("\n");
}
