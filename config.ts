/** Stack configuration in, one frozen and checked `KitConfig` out. Pure. */
import { type ReadAws, readAws } from "./config/aws";
import { spreadProblems } from "./config/aws/checks";
import { backupConfig } from "./config/backup";
import { addressProblems, crossFieldProblems } from "./config/checks";
import { defaultDirectives } from "./config/defaults";
import { ConfigError, HIDDEN } from "./config/error";
import { readFields } from "./config/fields";
import { monitoringConfig, monitoringProblems } from "./config/monitoring";
import { passwordProblems } from "./config/password";
import { checkDirectives } from "./config/redis";
import { type StackValues, stackSchema } from "./config/schema";
import { SERVER_DATA_DIRECTORY } from "./config/ssh";
import { foreignKeys, type PlaceOf, sshPlace, targetProblems, targetWarnings } from "./config/ssh-target";
import type { AwsConfig, ConfigContext, KitConfig, LocalConfig } from "./config/types";
import { directiveWarnings, switchWarnings, versionWarnings } from "./config/warnings";
import { layOut, placementWarnings } from "./topology";

export { ADVISORIES_AS_OF, type Advisory, advisoryLine, openAdvisories } from "./config/advisories";
export type { AwsSettings, AwsSubnet } from "./config/aws/types";
export { type DirectiveInfo, directiveInfo, isLive, readableDirectives } from "./config/directives";
export { ConfigError, type Problem } from "./config/error";
export { exporterPortOf, type MonitoringConfig } from "./config/monitoring-types";
export { passwordProblems } from "./config/password";
export { normalizeDirectives } from "./config/redis";
export type {
  AwsConfig,
  CommonConfig,
  ConfigContext,
  KitConfig,
  LocalConfig,
  SshConfig,
  SshServer,
} from "./config/types";
export { memoryBytes } from "./config/values";

/** Configuration namespace of the stack keys: the project's name in Pulumi.yaml. */
export const NAMESPACE = "redis-cluster-kit";

/**
 * Reads the keys of a stack (without the namespace), as text or structured, as `pulumi.Config` and the stack file give
 * them. Throws `ConfigError` with every problem found, so that one round of corrections is enough.
 */
export function parseConfig(raw: unknown, context: ConfigContext): KitConfig {
  const given = readMapping(raw);
  const { values, problems: fieldProblems } = readFields(stackSchema, given, { prefix: "" });
  const directives = checkDirectives(values.redis, values.redisVersion);
  const aws =
    values.target === "aws" ? readAws(values.aws, { ...values, redis: directives.values }) : undefined;
  const config = buildConfig(values, { given, declared: directives.values, aws }, context);
  const isGood = fieldProblems.length === 0;
  const problems = [
    ...fieldProblems,
    ...foreignKeys(values.target, given),
    ...directives.problems,
    ...(isGood ? targetProblems(values, given) : []),
    ...(aws?.problems ?? []),
    ...(isGood
      ? crossFieldProblems(values, config.shards, directives.values, context.supportedVersions)
      : []),
    ...(values.password === undefined ? [] : passwordProblems(values.password)),
    ...addressProblems(layOut(config).nodes),
    ...(config.target === "aws" ? spreadProblems(config.aws, layOut(config).nodes) : []),
    ...monitoringProblems(config.monitoring, layOut(config).nodes, basePortOf(config)),
  ];
  if (problems.length > 0) throw new ConfigError(problems);
  return deepFreeze(config);
}

function readMapping(raw: unknown): Record<string, unknown> {
  if (typeof raw === "object" && raw !== null && !Array.isArray(raw)) return { ...raw };
  throw new ConfigError([
    {
      property: NAMESPACE,
      value: HIDDEN,
      expected: "a mapping of keys and values",
      cure: "give parseConfig the stack's keys, e.g. {shards: 3}",
    },
  ]);
}

/** What else a configuration is built from. */
interface Parts {
  readonly given: Readonly<Record<string, unknown>>;
  /** Directives. */
  readonly declared: Readonly<Record<string, string>>;
  /** Of the target aws alone. */
  readonly aws: ReadAws | undefined;
}

function buildConfig(values: StackValues, parts: Parts, context: ConfigContext): KitConfig {
  const { redisSource, redisSourceSha256, password, redisVersion, replicasPerShard } = values;
  const name = values.name ?? defaultName(context);
  const redis = { ...defaultDirectives(redisVersion, values.target), ...parts.declared };
  const place = buildPlace(values, parts, name, context);
  return {
    name,
    ...place,
    replicasPerShard,
    redisVersion,
    ...(redisSource === undefined ? {} : { redisSource }),
    ...(redisSourceSha256 === undefined ? {} : { redisSourceSha256 }),
    ...(password === undefined ? {} : { password }),
    weights: values.weights ?? Array.from({ length: place.shards }, () => 1),
    redis,
    nodeTimeoutMs: Number(redis["cluster-node-timeout"]),
    maxMigrationImpact: values.maxMigrationImpact,
    keepPreviousPassword: values.keepPreviousPassword,
    failback: values.failback,
    acceptDataLoss: values.acceptDataLoss,
    monitoring: monitoringConfig(values.monitoring, values.target),
    ...(values.backup === undefined ? {} : { backup: backupConfig(values.backup) }),
    ...(values.restore === undefined ? {} : { restore: values.restore }),
    warnings: [
      ...placementWarnings(place.shards, replicasPerShard, place.zones),
      ...directiveWarnings(replicasPerShard, redis),
      ...versionWarnings(redisVersion),
      ...targetWarnings(values),
      ...switchWarnings(values, redisVersion),
      ...(parts.aws?.warnings ?? []),
    ],
  };
}

/** What the target alone knows, and the shape of the cluster there. */
function buildPlace(
  values: StackValues,
  parts: Parts,
  name: string,
  context: ConfigContext,
): PlaceOf<KitConfig> {
  switch (values.target) {
    case "local":
      return localPlace(values, name, context);
    case "ssh":
      return sshPlace(values, parts.given);
    case "aws":
      return awsPlace(values, parts.aws ?? readAws(values.aws, { ...values, redis: parts.declared }));
    default:
      return unknownTarget(values.target);
  }
}

function localPlace(values: StackValues, name: string, { dataRoot }: ConfigContext): PlaceOf<LocalConfig> {
  const { shards, zones, host, basePort } = values;
  const dataDirectory = values.dataDirectory ?? `${dataRoot}/clusters/${name}`;
  return { target: "local", shards, zones, host, basePort, dataDirectory };
}

function awsPlace({ shards, sshPrivateKey }: StackValues, { zones, settings }: ReadAws): PlaceOf<AwsConfig> {
  const key = sshPrivateKey === undefined ? {} : { sshPrivateKey };
  return { target: "aws", shards, zones, aws: settings, dataDirectory: SERVER_DATA_DIRECTORY, ...key };
}

/** Undefined where every node has a machine of its own. */
function basePortOf(config: KitConfig): number | undefined {
  return config.target === "local" ? config.basePort : undefined;
}

function unknownTarget(target: never): never {
  throw new Error(`unknown target: ${String(target)}`);
}

/** `<project>-<stack>`, with a dash for what a cluster's name may not have. */
function defaultName({ project, stack }: ConfigContext): string {
  return (
    `${project}-${stack}`
      .replace(/[^A-Za-z0-9._-]/g, "-")
      .replace(/^[^A-Za-z0-9]+/, "")
      .slice(0, 63) || "redis"
  );
}

function deepFreeze<Value>(value: Value): Value {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const part of Object.values(value)) deepFreeze(part);
  }
  return value;
}
