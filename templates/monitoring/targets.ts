/**
 * What Prometheus scrapes, from the live topology. Labels are what stays true of a node: cluster, shard, node, zone. The
 * role is none of them: it changes with every failover, while a file stays. It comes from the node's own metrics, as
 * redis_kit:node_role (rules.ts), and is joined where it is wanted.
 */
import type { MonitoredNode, ScrapeSettings } from "./types";
import { toYaml, type Yaml } from "./yaml";

export const JOB = "redis";

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

/** For `file_sd_configs`: Prometheus reads the file again by itself when it changes. */
export function fileSd(settings: Pick<ScrapeSettings, "cluster" | "nodes">): string {
  return `${JSON.stringify(targetGroups(settings), null, 2)}\n`;
}

/** Scrape configuration that names every target. */
export function staticScrape(settings: ScrapeSettings): Yaml {
  const groups = targetGroups(settings).map(({ targets, labels }) => ({
    targets: [...targets],
    labels: { ...labels },
  }));
  return { ...job(settings), static_configs: groups };
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
    ec2_sd_configs: [
      {
        region,
        port: exporterPort,
        filters: [
          { name: `tag:${EC2_TAGS.cluster}`, values: [cluster] },
          // The bastion is the cluster's, too, and has no exporter.
          { name: `tag:${EC2_TAGS.role}`, values: ["node"] },
          { name: "instance-state-name", values: ["running"] },
        ],
      },
    ],
    relabel_configs: [
      relabel(`__meta_ec2_tag_${metaName(EC2_TAGS.cluster)}`, "cluster"),
      relabel(`__meta_ec2_tag_${metaName(EC2_TAGS.node)}`, "node"),
      // Nodes in AWS are named shard-<number>-<letter>.
      { ...relabel(`__meta_ec2_tag_${metaName(EC2_TAGS.node)}`, "shard"), regex: "shard-(\\d+)-.*" },
      relabel("__meta_ec2_availability_zone", "zone"),
    ],
  };
}

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
