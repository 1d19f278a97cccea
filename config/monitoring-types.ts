/** Of `monitoring`, apart from its schema: programs that use the package need no zod to be type-checked. */

/** What a checked configuration says. */
export interface MonitoringConfig {
  /** Whether every node gets an exporter. */
  readonly enabled: boolean;
  /** Port of the first node's exporter on this machine, the others as far apart as the nodes; of every exporter on servers. */
  readonly exporterPort: number;
  /** Port of a Prometheus on this machine. Absent: none is started. Local target only. */
  readonly prometheusPort?: number;
  readonly scrapeIntervalSeconds: number;
  /** Where alerts say that docs/runbook.md is to be read. */
  readonly runbookUrl: string;
  /** Port of node_exporter on the servers of ssh and aws. Absent: its metrics of backups are not asked for. */
  readonly nodeExporterPort?: number;
  /** How old the last good backup may get. Absent: as the schedule of `backup` has it. */
  readonly backupMaxAgeHours?: number;
}

/**
 * Port of a node's exporter. On this machine exporters are as far apart as the nodes' data ports, so that none moves when
 * others come; on servers it is the same everywhere.
 */
export function exporterPortOf(
  { exporterPort }: Pick<MonitoringConfig, "exporterPort">,
  node: { readonly port: number },
  basePort: number | undefined,
): number {
  return basePort === undefined ? exporterPort : exporterPort + node.port - basePort;
}
