/** `restore`: a backup into the (empty) cluster that is declared. The work itself is in backup/. */
import { isBackupId } from "../../backup/manifest";
import { openPlace } from "../../backup/open-place";
import { splitBackupUrl } from "../../backup/place";
import { restoreBackup } from "../../backup/restore";
import type { Answer } from "../answer";
import type { Target } from "../declaration";
import { UsageError } from "../errors";
import { restoredText } from "../print/backup";
import { meterLines } from "../print/meter";
import type { World } from "../world";
import { newestId } from "./backup";

export interface RestoreCommandOptions {
  /** A backup's folder or s3 address, or a place: then its newest backup of this cluster. */
  readonly from?: string;
  readonly spool?: string;
}

export async function restoreCommand(
  target: Target,
  options: RestoreCommandOptions,
  world: World,
): Promise<Answer> {
  const { from, spool } = options;
  if (from === undefined)
    throw new UsageError("which backup? Give --from its folder, or s3://bucket/prefix/NAME.");
  const split = splitBackupUrl(from);
  const isOne = isBackupId(split.id);
  const place = openPlace(isOne ? split.place : from, world.directory, spool === undefined ? {} : { spool });
  const id = isOne ? split.id : await newestId(place, target.spec.name, refuseToChoose);
  const report = await restoreBackup(target.spec, {
    hosts: target.hosts,
    place,
    id,
    tools: await target.tools(),
    now: world.now,
    progress: meterLines(world),
    signal: world.interruption(),
  });
  return { exitCode: 0, json: report, text: (style) => restoredText(target.spec.name, report, style) };
}

/** The cluster is new and empty: nothing tells whose backups it is to get. */
function refuseToChoose(namesakes: string): never {
  throw new UsageError(`${namesakes}. Which one is it? Give --from PLACE/NAME.`);
}
