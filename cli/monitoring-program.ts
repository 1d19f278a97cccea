/** The command line's part about seeing: `watch` and `monitoring`. */
import type { Command } from "commander";
import { number } from "./arguments";
import { type MonitoringFilesOptions, monitoringFiles } from "./commands/monitoring";
import { type WatchOptions, watchCommand } from "./commands/watch";
import type { Doors } from "./doors";

export function addMonitoringCommands<Common>(program: Command, { common, onCluster }: Doors<Common>): void {
  common(program.command("watch").description("the cluster now: roles, slots, load, lag, running changes"))
    .option("--interval <seconds>", "between two looks", number(0.2, 3600), 2)
    .option("--count <looks>", "end after so many (default: at Ctrl-C)", number(1, 1_000_000))
    .action((options: WatchOptions & Common) => onCluster(watchCommand, options));
  const monitoring = program
    .command("monitoring")
    .description("files for Prometheus and Grafana")
    .exitOverride();
  common(monitoring.command("files").description("write scrape configurations, alerts and the dashboard"))
    .requiredOption("--to <folder>", "where to")
    .action((options: MonitoringFilesOptions & Common) => onCluster(monitoringFiles, options));
}
