/** `status`: how the cluster is, what is wrong, and what `up` would do about it. */
import type { Answer } from "../answer";
import type { Target } from "../declaration";
import { type Inspection, inspect, isSilent } from "../inspect";
import { statusText } from "../print/status";

export async function status(target: Target): Promise<Answer> {
  const inspection = await inspect(target);
  return {
    exitCode: isSilent(inspection.view) ? 2 : inspection.status.healthy ? 0 : 1,
    json: inspection.status,
    text: (style) => statusText(summaryOf(inspection, target), style),
  };
}

export function summaryOf({ status, decision, view }: Inspection, target: Target) {
  const { origin, note, upCommand } = target;
  return { status, decision, origin, note, upCommand, isSilent: isSilent(view) };
}
