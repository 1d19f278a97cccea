/** What a declaration says of monitoring, and the settings that all files of monitoring are rendered from. */
import { z } from "zod";
import { ALERT_DEFAULTS, type AlertSettings, type ScrapeSettings } from "../templates/monitoring/types";
import type { DeclaredNode } from "./types";

const port = z.int().min(1).max(65_535);

export const monitoringSchema = z.strictObject({
  /** Port of every node's exporter, by node name. */
  exporters: z.record(z.string(), port),
  scrapeIntervalSeconds: z.int().positive(),
  /** Where alerts point to. */
  runbookUrl: z.string().min(1),
  /** Of a Prometheus on this machine. */
  prometheusPort: port.optional(),
  /** Of AWS, where the nodes are there. */
  region: z.string().optional(),
  /** Of node_exporter on the servers, where it tells of their backups. */
  nodeExporterPort: port.optional(),
  /** The last good backup must be younger. */
  backupMaxAgeHours: z.int().positive().optional(),
});

export type DeclaredMonitoring = z.output<typeof monitoringSchema>;

export interface MonitoredCluster {
  /** Of the cluster. */
  readonly name: string;
  readonly nodes: readonly DeclaredNode[];
  readonly monitoring: DeclaredMonitoring;
}

export function scrapeSettings({ name, nodes, monitoring }: MonitoredCluster): ScrapeSettings {
  return {
    cluster: name,
    nodes: nodes.flatMap((node) => {
      const exporterPort = monitoring.exporters[node.name];
      return exporterPort === undefined ? [] : [{ ...node, exporterPort }];
    }),
    scrapeIntervalSeconds: monitoring.scrapeIntervalSeconds,
  };
}

type AlertKeys = "scrapeIntervalSeconds" | "runbookUrl" | "nodeExporterPort" | "backupMaxAgeHours";

export function alertSettings(declared: Pick<DeclaredMonitoring, AlertKeys>): AlertSettings {
  const { scrapeIntervalSeconds, runbookUrl, nodeExporterPort } = declared;
  const { backupMaxAgeHours = ALERT_DEFAULTS.backupMaxAgeHours } = declared;
  const expectsBackups = nodeExporterPort !== undefined;
  return { ...ALERT_DEFAULTS, scrapeIntervalSeconds, runbookUrl, backupMaxAgeHours, expectsBackups };
}
