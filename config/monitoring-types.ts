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
}
