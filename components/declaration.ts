/** From the checked configuration to the declaration that provider and CLI work on. Pure, apart from reading the templates. */
import type { KitConfig, SshConfig } from "../config";
import { backupMaxAgeHours } from "../config/backup-age";
import { isLive, readableDirectives } from "../config/directives";
import { exporterPortOf } from "../config/monitoring";
import type { Declaration } from "../provider/declaration";
import { type TargetGroup, targetGroups } from "../templates/monitoring/targets";
import { renderRedisConf } from "../templates/render";
import { layOut, type PlannedNode } from "../topology";

type DeclaredMonitoring = NonNullable<Declaration["monitoring"]>;

/** Everything that can be said without the password. */
export type PublicDeclaration = Omit<Declaration, "password" | "files" | "ssh">;

export interface DeclareOptions {
  /** Whether `pulumi destroy` deletes the data as well. Default false. */
  readonly purgeOnDestroy?: boolean;
}

/** The whole declaration. `password` has been checked. */
export function declare(config: KitConfig, password: string, options: DeclareOptions = {}): Declaration {
  const { sshPrivateKey, sudoPassword } = config.target === "ssh" ? config : {};
  return {
    ...declarePublic(config, options),
    password,
    files: renderFiles(config, password),
    ...(config.target === "ssh" ? { ssh: sshAccess(config, { sshPrivateKey, sudoPassword }) } : {}),
  };
}

/** How the engine reaches the servers. Secret with its keys in it. */
export function sshAccess(
  config: Pick<SshConfig, "servers" | "bastion">,
  secrets: { readonly sshPrivateKey?: string | undefined; readonly sudoPassword?: string | undefined },
): NonNullable<Declaration["ssh"]> {
  const { sshPrivateKey, sudoPassword } = secrets;
  const servers = config.servers.map(({ name, host, port, user, hostKey, address }) => {
    const way = { host, port, user, address, ...(hostKey === undefined ? {} : { hostKey }) };
    return [name, way] as const;
  });
  return {
    servers: Object.fromEntries(servers),
    ...(config.bastion === undefined ? {} : { bastion: config.bastion }),
    ...(sshPrivateKey === undefined ? {} : { privateKey: sshPrivateKey }),
    ...(sudoPassword === undefined ? {} : { sudoPassword }),
  };
}

export function declarePublic(config: KitConfig, options: DeclareOptions = {}): PublicDeclaration {
  const directives = {
    ...readableDirectives(config.redis, config.redisVersion),
    // CONFIG GET does not answer it; the engine sees it by COMMAND INFO, also that names are still taken away that are declared no more.
    "rename-command": config.redis["rename-command"] ?? "",
  };
  return {
    name: config.name,
    target: config.target,
    nodes: layOut(config).nodes.map(({ dir: _dir, ...node }) => node),
    weights: [...config.weights],
    replicasPerShard: config.replicasPerShard,
    directives,
    liveDirectives: Object.keys(directives).filter((name) => isLive(name, config.redisVersion)),
    nodeTimeoutMs: config.nodeTimeoutMs,
    redisVersion: config.redisVersion,
    ...(config.redisSource === undefined ? {} : { redisSource: config.redisSource }),
    ...(config.redisSourceSha256 === undefined ? {} : { redisSourceSha256: config.redisSourceSha256 }),
    dataDirectory: config.dataDirectory,
    maxMigrationImpact: config.maxMigrationImpact,
    keepPreviousPassword: config.keepPreviousPassword,
    failback: config.failback,
    acceptDataLoss: config.acceptDataLoss,
    ...(config.target === "aws" && !config.aws.allowDestroy ? { protected: true } : {}),
    ...(config.backup === undefined ? {} : { backup: config.backup }),
    ...(config.restore === undefined ? {} : { restore: config.restore }),
    ...(config.monitoring.enabled ? { monitoring: declareMonitoring(config) } : {}),
    ...(options.purgeOnDestroy === undefined ? {} : { purgeOnDestroy: options.purgeOnDestroy }),
  };
}

function declareMonitoring(config: KitConfig): DeclaredMonitoring {
  const { scrapeIntervalSeconds, runbookUrl, prometheusPort } = config.monitoring;
  const basePort = config.target === "local" ? config.basePort : undefined;
  // From elsewhere nobody reaches those that listen on their own server alone: they are no targets.
  const isOpen = config.target !== "ssh" || config.exporterListen !== "loopback";
  const nodes = isOpen ? layOut(config).nodes : [];
  const ports = nodes.map((node) => {
    return [node.name, exporterPortOf(config.monitoring, node, basePort)] as const;
  });
  return {
    exporters: Object.fromEntries(ports),
    scrapeIntervalSeconds,
    runbookUrl,
    ...(prometheusPort === undefined ? {} : { prometheusPort }),
    ...(config.target === "aws" ? { region: config.aws.region } : {}),
    ...declareBackupMetrics(config),
  };
}

/** What the alerts about backups go by. On this machine nothing takes them by itself, so there is no schedule. */
function declareBackupMetrics({ target, backup, monitoring }: KitConfig): Partial<DeclaredMonitoring> {
  const { nodeExporterPort } = monitoring;
  const isTimed = target !== "local" && backup !== undefined;
  const hours = monitoring.backupMaxAgeHours ?? (isTimed ? backupMaxAgeHours(backup.schedule) : undefined);
  return {
    ...(hours === undefined ? {} : { backupMaxAgeHours: hours }),
    ...(isTimed && nodeExporterPort !== undefined ? { nodeExporterPort } : {}),
  };
}

/** The exporters in the form of Prometheus's file_sd; none where monitoring is off. */
export function declareTargets(config: KitConfig): readonly TargetGroup[] {
  if (!config.monitoring.enabled) return [];
  const { exporters } = declareMonitoring(config);
  const nodes = layOut(config).nodes.flatMap((node) => {
    const exporterPort = exporters[node.name];
    return exporterPort === undefined ? [] : [{ ...node, exporterPort }];
  });
  return targetGroups({ cluster: config.name, nodes });
}

/** The redis.conf of every node, by node name. The password is in all of them. */
export function renderFiles(config: KitConfig, password: string): Record<string, string> {
  return Object.fromEntries(
    layOut(config).nodes.map((node) => [
      node.name,
      renderRedisConf({ ...node, ...placeOnServer(config, node) }, config.redis, { password }),
    ]),
  );
}

/** What redis.conf says otherwise on a server of its own: where it listens, and its usual file names. */
function placeOnServer(
  config: KitConfig,
  { name, host }: PlannedNode,
): { bind?: string[]; nodesFile?: string } {
  if (config.target === "local") return {};
  const server = config.target === "ssh" ? config.servers.find((each) => each.name === name) : undefined;
  // Loopback as well: the exporter and whoever looks on the server itself.
  const all = config.target === "ssh" && config.bind === "all";
  return { nodesFile: "nodes.conf", bind: all ? ["0.0.0.0"] : [server?.address ?? host, "127.0.0.1"] };
}
