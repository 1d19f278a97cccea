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

export function alertSettings({
  scrapeIntervalSeconds,
  runbookUrl,
}: Pick<DeclaredMonitoring, "scrapeIntervalSeconds" | "runbookUrl">): AlertSettings {
  return { ...ALERT_DEFAULTS, scrapeIntervalSeconds, runbookUrl };
}
