/** `status`: how the cluster is, what is wrong, and what `up` would do about it. */
import { idsIn } from "../../backup/lineage";
import type { Answer } from "../answer";
import { type LastBackup, lastBackup } from "../backups";
import type { Target } from "../declaration";
import { type Inspection, inspect, isSilent } from "../inspect";
import { statusText } from "../print/status";
import type { Style } from "../print/style";
import { wrap } from "../print/wrap";
import type { World } from "../world";

export async function status(target: Target, _options: object, world: World): Promise<Answer> {
  const inspection = await inspect(target);
  const backup = await lastBackup(target, world, idsIn(inspection.view));
  return {
    exitCode: isSilent(inspection.view) ? 2 : inspection.status.healthy ? 0 : 1,
    json: { ...inspection.status, ...(backup === undefined ? {} : { lastBackup: backup }) },
    text: (style) =>
      [statusText(summaryOf(inspection, target), style), ...backupLines(backup, style)].join("\n"),
  };
}

function backupLines(backup: LastBackup | undefined, style: Style): string[] {
  if (backup === undefined) return [];
  const [text, tone] =
    "problem" in backup ? [backup.problem, "warn" as const] : [backup.text, "dim" as const];
  return ["", style.paint(tone, wrap(`  ${text}`, style.columns, "    "))];
}

export function summaryOf({ status, decision, view }: Inspection, target: Target) {
  const { origin, note, upCommand } = target;
  return { status, decision, origin, note, upCommand, isSilent: isSilent(view) };
}
