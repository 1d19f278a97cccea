/** The command line's part about measuring: `bench load`. */
import type { Command } from "commander";
import { wholeNumber } from "./arguments";
import { type LoadCommandOptions, loadCommand } from "./commands/load";
import type { Doors } from "./doors";

export function addLoadCommand<Common>(program: Command, { common, onCluster }: Doors<Common>): void {
  const bench = program.command("bench").description("measure the live cluster").exitOverride();
  common(bench.command("load").description("load it through real clients, and one server alone to compare"))
    .option("--seconds <seconds>", "of each measurement; there are two to six", wholeNumber(1, 60), 5)
    .option("--clients <clients>", "requests under way at a time", wholeNumber(1, 1000), 50)
    .option("--pipeline <commands>", "that redis-benchmark sends at once", wholeNumber(1, 100), 1)
    .option("-y, --yes", "do not ask before loading a cluster on servers")
    .action((options: LoadCommandOptions & Common) => onCluster(loadCommand, options));
}
