/** What the monitoring files are rendered from. Plain values. */

/** One node with its exporter. */
export interface MonitoredNode {
  /** Name of the node. */
  readonly name: string;
  /** Where Redis is. */
  readonly host: string;
  readonly port: number;
  /** Index of the shard, from 0; labels count from 1, as names do. */
  readonly shard: number;
  readonly zone: string;
  /** Port of the node's exporter on `host`. */
  readonly exporterPort: number;
}

export interface ScrapeSettings {
  /** Name of the cluster: the label `cluster` of everything. */
  readonly cluster: string;
  readonly nodes: readonly MonitoredNode[];
  /** Between two scrapes, in seconds. */
  readonly scrapeIntervalSeconds: number;
}

/** What a rule file knows of the topology. */
export interface DeclaredNodes {
  /** Name of the cluster. */
  readonly cluster: string;
  readonly nodes: readonly Pick<MonitoredNode, "name" | "shard" | "zone">[];
}

/** How alerts are rendered. */
export interface AlertSettings {
  /** Where docs/runbook.md is to be read; the alert's name in lower case follows after "#". */
  readonly runbookUrl: string;
  /**
   * Factor on every waiting time and range of the rules. 1 but for tests, which cannot wait minutes. No range gets shorter
   * than four scrapes: rates need two of them.
   */
  readonly timeScale: number;
  readonly scrapeIntervalSeconds: number;
  /** A good backup must be younger than this, in hours. */
  readonly backupMaxAgeHours: number;
  /** Whether Prometheus is to hear of backups by itself: where it is told of none, that is an alert. */
  readonly expectsBackups: boolean;
}

export const ALERT_DEFAULTS: AlertSettings = {
  runbookUrl: "docs/runbook.md",
  timeScale: 1,
  scrapeIntervalSeconds: 15,
  backupMaxAgeHours: 26,
  expectsBackups: false,
};

/**
 * `critical`: somebody is woken, data or service is at stake. `warning`: to be looked at on the same day.
 * `info`: worth knowing.
 */
export type Severity = "critical" | "warning" | "info";

export interface Alert {
  readonly name: string;
  readonly severity: Severity;
  /** PromQL. */
  readonly expr: string;
  /** How long it must be true, in seconds, before the scale. */
  readonly forSeconds: number;
  /** One line that names the node and shard, or the cluster and zone. */
  readonly summary: string;
  /** What is at stake. The runbook says what to do. */
  readonly description: string;
}

export interface Recording {
  readonly record: string;
  readonly expr: string;
  /** Set on the result. */
  readonly labels?: Readonly<Record<string, string>>;
}

/** Renders a range of the rules after the scale: `range(300)` is "5m" or less. */
export type Range = (seconds: number) => string;
