/** One look at the live cluster, as all looking commands need it. */
import { look } from "../cluster/engine";
import type { Forecast } from "../cluster/foresee";
import type { Plan, Refusal } from "../cluster/plan/types";
import { type ClusterStatus, summarize } from "../cluster/status";
import type { NodeView, View } from "../cluster/view";
import type { Target } from "./declaration";

export interface Inspection {
  readonly view: View;
  readonly decision: Plan | Refusal;
  /** What is expected to follow the decision. */
  readonly forecast: Forecast;
  readonly status: ClusterStatus;
}

export async function inspect({ spec, hosts }: Target): Promise<Inspection> {
  const { view, decision, forecast } = await look(spec, { hosts });
  return { view, decision, forecast, status: summarize(spec, view) };
}

/** Whether not one node gave any answer: then health is not "bad" but not known. */
export function isSilent(view: View): boolean {
  return view.nodes.every(isSilentNode);
}

function isSilentNode(node: NodeView): boolean {
  return !node.reachable && (node.why === "refused" || node.why === "timeout" || node.why === "error");
}

/** Whether not even a host told anything: then nothing can be planned. */
export function isOutOfReach(view: View): boolean {
  return view.nodes.every((node) => isSilentNode(node) && node.process === "unknown");
}
