/**
 * What Prometheus scrapes, from the live topology. Labels are what stays true of a node: cluster, shard, node, zone. The
 * role is none of them: it changes with every failover, while a file stays. It comes from the node's own metrics, as
 * redis_kit:node_role (rules.ts), and is joined where it is wanted.
 */
import type { MonitoredNode, ScrapeSettings } from "./types";
import { toYaml, type Yaml } from "./yaml";

export const JOB = "redis";

/** node_exporter on the servers, asked for what their backup timers have written. */
export const BACKUP_JOB = "redis-backups";

/** One group of Prometheus's file_sd and static_configs. */
export interface TargetGroup {
  readonly targets: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
}

/** One group a node, ordered as the nodes are. */
export function targetGroups({ cluster, nodes }: Pick<ScrapeSettings, "cluster" | "nodes">): TargetGroup[] {
  return nodes.map((node) => ({
    targets: [`${node.host}:${node.exporterPort}`],
    labels: nodeLabels(cluster, node),
  }));
}

/** What stays true of a node, on everything that is known of it. */
export function nodeLabels(cluster: string, node: Pick<MonitoredNode, "name" | "shard" | "zone">) {
  return { cluster, shard: String(node.shard + 1), node: node.name, zone: node.zone };
}

export interface BackedUpServers {
  readonly cluster: string;
  readonly nodes: readonly Pick<MonitoredNode, "name" | "host" | "zone">[];
}

/** The servers' node_exporters. No shard: that is how the rules tell them from the exporters of Redis. */
export function backupGroups({ cluster, nodes }: BackedUpServers, port: number): TargetGroup[] {
  return nodes.map((node) => ({
    targets: [`${node.host}:${port}`],
    labels: { cluster, node: node.name, zone: node.zone },
  }));
}

/** Of node_exporter's metrics those of the timers alone. Often enough for alerts that wait for hours. */
const BACKUP_SCRAPE = {
  job_name: BACKUP_JOB,
  scrape_interval: "60s",
  params: { "collect[]": ["textfile"] },
};

/** Names every server's node_exporter. */
export function backupScrape(settings: BackedUpServers, port: number): Yaml {
  return { ...BACKUP_SCRAPE, static_configs: plain(backupGroups(settings, port)) };
}

/** Reads `file`, whose text is `backupGroups` as JSON. */
export function backupFileScrape(file: string): Yaml {
  return { ...BACKUP_SCRAPE, file_sd_configs: [{ files: [file] }] };
}

/** For `file_sd_configs`: Prometheus reads the file again by itself when it changes. */
export function fileSd(groups: readonly TargetGroup[]): string {
  return `${JSON.stringify(groups, null, 2)}\n`;
}

/** Scrape configuration that names every target. */
export function staticScrape(settings: ScrapeSettings): Yaml {
  return { ...job(settings), static_configs: plain(targetGroups(settings)) };
}

function plain(groups: readonly TargetGroup[]): Yaml {
  return groups.map(({ targets, labels }) => ({ targets: [...targets], labels: { ...labels } }));
}

/** Scrape configuration that reads `file`, a `fileSd` beside or elsewhere. */
export function fileSdScrape(settings: Pick<ScrapeSettings, "scrapeIntervalSeconds">, file: string): Yaml {
  return { ...job(settings), file_sd_configs: [{ files: [file] }] };
}

/** Tags that the aws target gives its instances; the discovery reads them. */
export const EC2_TAGS = {
  cluster: "redis-cluster-kit:cluster",
  node: "redis-cluster-kit:node",
  role: "redis-cluster-kit:role",
} as const;

/** For Prometheus in the same AWS network: finds the instances by their tags, so that no file follows the topology. */
export function ec2Scrape(
  { cluster, scrapeIntervalSeconds }: Omit<ScrapeSettings, "nodes">,
  { region, exporterPort }: { readonly region: string; readonly exporterPort: number },
): Yaml {
  return {
    ...job({ scrapeIntervalSeconds }),
    ...ec2Discovery(cluster, region, exporterPort),
    relabel_configs: [
      ...EC2_LABELS,
      // Nodes in AWS are named shard-<number>-<letter>.
      { ...relabel(`__meta_ec2_tag_${metaName(EC2_TAGS.node)}`, "shard"), regex: "shard-(\\d+)-.*" },
    ],
  };
}

/** As `backupScrape`, the servers found by their tags. */
export function ec2BackupScrape(cluster: string, region: string, port: number): Yaml {
  return { ...BACKUP_SCRAPE, ...ec2Discovery(cluster, region, port), relabel_configs: EC2_LABELS };
}

function ec2Discovery(cluster: string, region: string, port: number) {
  const filters = [
    { name: `tag:${EC2_TAGS.cluster}`, values: [cluster] },
    // The bastion is the cluster's, too, and has no exporter.
    { name: `tag:${EC2_TAGS.role}`, values: ["node"] },
    { name: "instance-state-name", values: ["running"] },
  ];
  return { ec2_sd_configs: [{ region, port, filters }] };
}

const EC2_LABELS = [
  relabel(`__meta_ec2_tag_${metaName(EC2_TAGS.cluster)}`, "cluster"),
  relabel(`__meta_ec2_tag_${metaName(EC2_TAGS.node)}`, "node"),
  relabel("__meta_ec2_availability_zone", "zone"),
];

function relabel(source: string, target: string) {
  return { source_labels: [source], target_label: target };
}

/** As Prometheus makes label names of tags. */
function metaName(tag: string): string {
  return tag.replace(/[^a-zA-Z0-9_]/g, "_");
}

function job({ scrapeIntervalSeconds }: Pick<ScrapeSettings, "scrapeIntervalSeconds">) {
  const interval = `${scrapeIntervalSeconds}s`;
  return { job_name: JOB, scrape_interval: interval, scrape_timeout: interval };
}

export interface PrometheusFiles {
  /** The scrape configurations. */
  readonly scrapes: readonly Yaml[];
  /** Paths of rule files, relative to the configuration's own folder. */
  readonly ruleFiles: readonly string[];
  readonly evaluationIntervalSeconds: number;
}

/** A whole prometheus.yml. */
export function prometheusYml(files: PrometheusFiles): string {
  return toYaml({
    global: { evaluation_interval: `${files.evaluationIntervalSeconds}s` },
    rule_files: [...files.ruleFiles],
    scrape_configs: [...files.scrapes],
  });
}
