/** `monitoring files`: what Prometheus and Grafana need, rendered from the declared topology. */
import { readFileSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { errorText } from "../../hosts/local/files";
import {
  alertSettings,
  type DeclaredMonitoring,
  scrapeSettings,
} from "../../provider/monitoring-declaration";
import { dashboardFor } from "../../templates/monitoring/dashboard";
import { rulesYml } from "../../templates/monitoring/rules";
import { RUNBOOK_FILE } from "../../templates/monitoring/runbook";
import {
  backupFileScrape,
  backupGroups,
  backupScrape,
  ec2BackupScrape,
  ec2Scrape,
  fileSd,
  fileSdScrape,
  prometheusYml,
  staticScrape,
  type TargetGroup,
  targetGroups,
} from "../../templates/monitoring/targets";
import type { Yaml } from "../../templates/monitoring/yaml";
import type { Answer } from "../answer";
import type { Target } from "../declaration";
import { UsageError } from "../errors";
import type { World } from "../world";

export interface MonitoringFilesOptions {
  /** Folder; made where it is not there. */
  readonly to: string;
}

interface Written {
  readonly name: string;
  readonly what: string;
}

type File = Written & { readonly text: string };

export async function monitoringFiles(
  target: Target,
  { to }: MonitoringFilesOptions,
  { directory }: World,
): Promise<Answer> {
  const folder = resolve(directory, to);
  const files = filesOf(target);
  try {
    await mkdir(folder, { recursive: true });
    for (const { name, text } of files) await writeFile(join(folder, name), text);
  } catch (error) {
    throw new UsageError(`--to ${to} cannot be written: ${errorText(error)}`);
  }
  const width = Math.max(...files.map(({ name }) => name.length));
  const isReachable = Object.keys(target.monitoring?.exporters ?? {}).length > 0;
  return {
    exitCode: 0,
    json: { folder, files: files.map(({ name }) => name) },
    text: () =>
      [
        folder,
        ...files.map(({ name, what }) => `  ${name.padEnd(width)}  ${what}`),
        ...(isReachable ? [] : [NO_TARGETS]),
      ].join("\n"),
  };
}

/** Of servers whose exporters answer themselves alone. */
const NO_TARGETS =
  "No targets: the exporters listen on loopback (ssh.exporterListen). An agent on each server asks 127.0.0.1 and gives what it finds the labels cluster, shard, node and zone.";

/** None holds a secret. @throws UsageError where monitoring is off. */
function filesOf(target: Target): File[] {
  const { spec, monitoring } = target;
  if (monitoring === undefined)
    throw new UsageError(
      "monitoring is off in this declaration. `pulumi config set --path monitoring.enabled true`, then `up`.",
    );
  const declared = { cluster: spec.name, nodes: spec.nodes };
  return [
    ...scrapeFiles(target, monitoring),
    {
      name: "alerts.yml",
      what: "the rules, which know every node; write it again when nodes come or go",
      text: rulesYml(declared, alertSettings(monitoring)),
    },
    {
      name: "runbook.md",
      what: "what to do about each alert; monitoring.runbookUrl says where you put it",
      text: readFileSync(RUNBOOK_FILE, "utf8"),
    },
    {
      name: "dashboard.json",
      what: "for Grafana: import it",
      text: dashboardFor(
        scrapeSettings({ name: spec.name, nodes: spec.nodes, monitoring }).scrapeIntervalSeconds,
      ),
    },
  ];
}

function scrapeFiles({ spec }: Target, monitoring: DeclaredMonitoring): File[] {
  const settings = scrapeSettings({ name: spec.name, nodes: spec.nodes, monitoring });
  const servers = { cluster: spec.name, nodes: spec.nodes };
  const evaluationIntervalSeconds = settings.scrapeIntervalSeconds;
  const whole = (scrapes: readonly Yaml[]) =>
    prometheusYml({ scrapes, ruleFiles: ["alerts.yml"], evaluationIntervalSeconds });
  const [exporterPort = 9121] = Object.values(monitoring.exporters);
  const { region, nodeExporterPort: port } = monitoring;
  const alsoBackups = (scrape: (port: number) => Yaml) => (port === undefined ? [] : [scrape(port)]);
  return [
    {
      name: "prometheus.yml",
      what: "reads the targets from files, which may be replaced while it runs",
      text: whole([
        fileSdScrape(settings, "targets.json"),
        ...alsoBackups(() => backupFileScrape("backup-targets.json")),
      ]),
    },
    {
      name: "targets.json",
      what: "every exporter with its labels (file_sd)",
      text: fileSd(targetGroups(settings)),
    },
    ...(port === undefined ? [] : [backupTargets(backupGroups(servers, port))]),
    {
      name: "prometheus-static.yml",
      what: "the same, in one file",
      text: whole([staticScrape(settings), ...alsoBackups((each) => backupScrape(servers, each))]),
    },
    ...(region === undefined
      ? []
      : [
          {
            name: "prometheus-ec2.yml",
            what: "finds the servers in AWS by their tags",
            text: whole([
              ec2Scrape(settings, { region, exporterPort }),
              ...alsoBackups((each) => ec2BackupScrape(spec.name, region, each)),
            ]),
          },
        ]),
  ];
}

function backupTargets(groups: readonly TargetGroup[]): File {
  const what = "node_exporter of every server (file_sd), for metrics of backups";
  return { name: "backup-targets.json", what, text: fileSd(groups) };
}
