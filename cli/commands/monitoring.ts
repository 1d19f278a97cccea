/** `monitoring files`: what Prometheus and Grafana need, rendered from the declared topology. */
import { mkdir, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { errorText } from "../../hosts/local/files";
import { alertSettings, scrapeSettings } from "../../provider/monitoring-declaration";
import { dashboardFor } from "../../templates/monitoring/dashboard";
import { rulesYml } from "../../templates/monitoring/rules";
import {
  ec2Scrape,
  fileSd,
  fileSdScrape,
  prometheusYml,
  staticScrape,
} from "../../templates/monitoring/targets";
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
  return {
    exitCode: 0,
    json: { folder, files: files.map(({ name }) => name) },
    text: () => [folder, ...files.map(({ name, what }) => `  ${name.padEnd(width)}  ${what}`)].join("\n"),
  };
}

/** None holds a secret. @throws UsageError where monitoring is off. */
function filesOf({ spec, monitoring }: Target): (Written & { text: string })[] {
  if (monitoring === undefined)
    throw new UsageError(
      "monitoring is off in this declaration. `pulumi config set --path monitoring.enabled true`, then `up`.",
    );
  const settings = scrapeSettings({ name: spec.name, nodes: spec.nodes, monitoring });
  const evaluationIntervalSeconds = settings.scrapeIntervalSeconds;
  const whole = (scrape: ReturnType<typeof staticScrape>) =>
    prometheusYml({ scrapes: [scrape], ruleFiles: ["alerts.yml"], evaluationIntervalSeconds });
  const [exporterPort = 9121] = Object.values(monitoring.exporters);
  const { region } = monitoring;
  const ec2 = region === undefined ? [] : [whole(ec2Scrape(settings, { region, exporterPort }))];
  return [
    {
      name: "prometheus.yml",
      what: "reads targets.json, which may be replaced while it runs",
      text: whole(fileSdScrape(settings, "targets.json")),
    },
    { name: "targets.json", what: "every exporter with its labels (file_sd)", text: fileSd(settings) },
    { name: "prometheus-static.yml", what: "the same, in one file", text: whole(staticScrape(settings)) },
    ...ec2.map((text) => ({
      name: "prometheus-ec2.yml",
      what: "finds the servers in AWS by their tags",
      text,
    })),
    {
      name: "alerts.yml",
      what: "the rules; docs/runbook.md says what to do",
      text: rulesYml(settings, alertSettings(monitoring)),
    },
    {
      name: "dashboard.json",
      what: "for Grafana: import it",
      text: dashboardFor(settings.scrapeIntervalSeconds),
    },
  ];
}
