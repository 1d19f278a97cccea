/** Stack configuration in, one frozen and checked `KitConfig` out. Pure. */
import { addressProblems, crossFieldProblems } from "./config/checks";
import { defaultDirectives } from "./config/defaults";
import { ConfigError, HIDDEN } from "./config/error";
import { fieldMeta } from "./config/field-meta";
import { readFields } from "./config/fields";
import { passwordProblems } from "./config/password";
import { checkDirectives } from "./config/redis";
import { LATER_TARGETS, type StackValues, stackSchema } from "./config/schema";
import { foreignKeys, type PlaceOf, sshPlace, targetProblems } from "./config/ssh-target";
import type { ConfigContext, KitConfig, LocalConfig } from "./config/types";
import { directiveWarnings, switchWarnings, versionWarnings } from "./config/warnings";
import { layOut, placementWarnings } from "./topology";

export { ADVISORIES_AS_OF, type Advisory, advisoryLine, openAdvisories } from "./config/advisories";
export { type DirectiveInfo, directiveInfo, isLive, readableDirectives } from "./config/directives";
export { ConfigError, type Problem } from "./config/error";
export { passwordProblems } from "./config/password";
export { normalizeDirectives } from "./config/redis";
export type {
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
  const { values, problems: fieldProblems } = readFields(stackSchema, given, {
    prefix: "",
    expected: laterTarget,
  });
  const directives = checkDirectives(values.redis, values.redisVersion);
  const config = buildConfig(values, given, directives.values, context);
  const isGood = fieldProblems.length === 0;
  const problems = [
    ...fieldProblems,
    ...foreignKeys(values.target, given),
    ...directives.problems,
    ...(isGood ? targetProblems(values, given) : []),
    ...(isGood
      ? crossFieldProblems(values, config.shards, directives.values, context.supportedVersions)
      : []),
    ...(values.password === undefined ? [] : passwordProblems(values.password)),
    ...addressProblems(layOut(config).nodes),
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

/** What is expected of a target that this version does not have. */
function laterTarget(key: string, value: unknown): string | undefined {
  const later = key === "target" ? LATER_TARGETS.find((target) => target === value) : undefined;
  const expected = fieldMeta.get(stackSchema.shape.target)?.expected;
  return later && `${expected}: this version of the kit does not have ${later} yet`;
}

function buildConfig(
  values: StackValues,
  given: Readonly<Record<string, unknown>>,
  declared: Readonly<Record<string, string>>,
  context: ConfigContext,
): KitConfig {
  const { redisSource, redisSourceSha256, password, redisVersion, replicasPerShard } = values;
  const name = values.name ?? defaultName(context);
  const redis = { ...defaultDirectives(redisVersion, values.target), ...declared };
  const place = buildPlace(values, given, name, context);
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
    warnings: [
      ...placementWarnings(place.shards, replicasPerShard, place.zones),
      ...directiveWarnings(replicasPerShard, redis),
      ...versionWarnings(redisVersion),
      ...switchWarnings(values, redisVersion),
    ],
  };
}

/** What the target alone knows, and the shape of the cluster there. */
function buildPlace(
  values: StackValues,
  given: Readonly<Record<string, unknown>>,
  name: string,
  context: ConfigContext,
): PlaceOf<KitConfig> {
  switch (values.target) {
    case "local":
      return localPlace(values, name, context);
    case "ssh":
      return sshPlace(values, given);
    default:
      return unknownTarget(values.target);
  }
}

function localPlace(values: StackValues, name: string, { dataRoot }: ConfigContext): PlaceOf<LocalConfig> {
  const { shards, zones, host, basePort } = values;
  const dataDirectory = values.dataDirectory ?? `${dataRoot}/clusters/${name}`;
  return { target: "local", shards, zones, host, basePort, dataDirectory };
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
