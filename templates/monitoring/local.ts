/** The processes of monitoring on this machine, as plain values: an exporter a node, and a Prometheus where one is wanted. */
import { exporterArguments, passwordFile, SLOTS_SCRIPT } from "./exporter";
import { rulesYml } from "./rules";
import { fileSd, fileSdScrape, prometheusYml, targetGroups } from "./targets";
import type { AlertSettings, MonitoredNode, ScrapeSettings } from "./types";

export interface LocalMonitoringSettings extends ScrapeSettings {
  /** Address that Prometheus listens on. */
  readonly host: string;
  /** Absent: no Prometheus. */
  readonly prometheusPort?: number | undefined;
  readonly alerts: AlertSettings;
}

/** Absolute paths. */
export interface MonitoringPrograms {
  readonly exporter: string;
  /** Needed with a `prometheusPort`. */
  readonly prometheus?: string | undefined;
}

/** One process: `{folder}` in an argument stands for its own folder, which holds `files` with mode 0600. */
export interface MonitoringProcess {
  readonly name: string;
  readonly program: string;
  readonly args: readonly string[];
  readonly host: string;
  readonly port: number;
  readonly files: Readonly<Record<string, string>>;
}

export const PROMETHEUS_PROCESS = "prometheus";

/** Exporters in the order of the nodes, then Prometheus. Only `files` hold the password. */
export function localProcesses(
  settings: LocalMonitoringSettings,
  programs: MonitoringPrograms,
  password: string,
): MonitoringProcess[] {
  const exporters = settings.nodes.map((node) => exporterProcess(node, programs.exporter, password));
  const { prometheusPort } = settings;
  if (prometheusPort === undefined || programs.prometheus === undefined) return exporters;
  return [...exporters, prometheusProcess(settings, prometheusPort, programs.prometheus)];
}

function exporterProcess(node: MonitoredNode, program: string, password: string): MonitoringProcess {
  const address = { host: node.host, port: node.port, listen: `${node.host}:${node.exporterPort}` };
  return {
    name: `exporter-${node.name}`,
    program,
    args: exporterArguments(address, { passwords: "{folder}/passwords.json", script: "{folder}/slots.lua" }),
    host: node.host,
    port: node.exporterPort,
    files: { "passwords.json": passwordFile([node], password), "slots.lua": SLOTS_SCRIPT },
  };
}

function prometheusProcess(
  settings: LocalMonitoringSettings,
  port: number,
  program: string,
): MonitoringProcess {
  return {
    name: PROMETHEUS_PROCESS,
    program,
    args: [
      "--config.file={folder}/prometheus.yml",
      "--storage.tsdb.path={folder}/data",
      "--storage.tsdb.retention.time=7d",
      `--web.listen-address=${settings.host}:${port}`,
      "--log.level=warn",
    ],
    host: settings.host,
    port,
    files: {
      "targets.json": fileSd(targetGroups(settings)),
      "alerts.yml": rulesYml(settings, settings.alerts),
      "prometheus.yml": prometheusYml({
        scrapes: [fileSdScrape(settings, "targets.json")],
        ruleFiles: ["alerts.yml"],
        evaluationIntervalSeconds: settings.scrapeIntervalSeconds,
      }),
    },
  };
}
