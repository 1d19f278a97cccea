/** The command line's part about backups. */
import { type Command, InvalidArgumentError } from "commander";
import type { Retention } from "../backup/prune";
import type { Answer } from "./answer";
import {
  type BackupOptions,
  backupCommand,
  listCommand,
  type PlaceCommandOptions,
  pruneCommand,
  verifyCommand,
} from "./commands/backup";
import { type RestoreCommandOptions, restoreCommand } from "./commands/restore";
import type { Doors } from "./doors";
import type { World } from "./world";

interface BackupDoors<Common> extends Doors<Common> {
  /** For commands that need no cluster. */
  readonly alone: (
    body: (world: World) => Promise<Answer>,
    options: { readonly json?: boolean },
  ) => Promise<void>;
}

const KEEP = "--keep <policy>";
const KEEP_TEXT = "newest of so many days, weeks, months, e.g. daily=7,weekly=4,monthly=12";
const SPOOL_TEXT = "folder for files on their way to or from S3 (default: the system's temporary folder)";

export function addBackupCommands<Common>(
  program: Command,
  { common, onCluster, alone }: BackupDoors<Common>,
): void {
  // --keep and --json after `backup prune` are prune's, not those of `backup`: both levels must read in order.
  program.enablePositionalOptions();
  const backup = common(
    program.command("backup").description("take a backup; list, verify, prune: see their --help"),
  )
    .option("--to <place>", "a folder, or s3://bucket/prefix (default: the one that is declared)")
    .option(
      "--metrics <file>",
      "file for Prometheus (default: beside the backups, where they are in a folder)",
    )
    .option("--spool <folder>", SPOOL_TEXT)
    .option("--prune", "remove what --keep does not keep, once the new one is good")
    .option(KEEP, KEEP_TEXT, retention)
    .action((options: BackupOptions & Common) => onCluster(backupCommand, options));
  const onPlace = (command: Command) =>
    command
      .requiredOption("--in <place>", "a folder, or s3://bucket/prefix")
      .option("--cluster <name>", "only backups of this cluster")
      .option("--spool <folder>", SPOOL_TEXT)
      .option("--json", "print JSON")
      .option("--debug", "show where an error happened")
      .exitOverride();
  type Own = PlaceCommandOptions & { readonly json?: boolean };
  onPlace(backup.command("list").description("the backups of a place, newest first")).action((options: Own) =>
    alone((world) => listCommand(options, world), options),
  );
  onPlace(backup.command("verify").argument("[name]", "which one (default: the newest)"))
    .description("checksums, Redis's own check and counts of one backup")
    .option("--restore", "restore it into a throwaway cluster on this machine and compare every key")
    .action((name: string | undefined, options: Own) =>
      alone((world) => verifyCommand(name, options, world), options),
    );
  onPlace(backup.command("prune").description("remove old backups, never the last good one"))
    .requiredOption(KEEP, KEEP_TEXT, retention)
    .option("--dry-run", "only tell what would be removed")
    .action((options: Own) => alone((world) => pruneCommand(options, world), options));
  common(program.command("restore").description("restore a backup into the cluster, which must be empty"))
    .requiredOption("--from <backup>", "its folder or s3 address; of a place: the newest of this cluster")
    .option("--spool <folder>", SPOOL_TEXT)
    .action((options: RestoreCommandOptions & Common) => onCluster(restoreCommand, options));
}

/** "daily=7,weekly=4,monthly=12"; what is not named keeps nothing. */
export function retention(text: string): Retention {
  const policy = { daily: 0, weekly: 0, monthly: 0 };
  for (const part of text.split(",")) {
    const [, period, number] = /^(daily|weekly|monthly)=(\d{1,4})$/.exec(part.trim()) ?? [];
    if (period === undefined) throw new InvalidArgumentError("Expected e.g. daily=7,weekly=4,monthly=12.");
    policy[period as keyof typeof policy] = Number(number);
  }
  return policy;
}
