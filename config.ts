/** Stack configuration in, one frozen and checked `KitConfig` out. Pure. */
import { addressProblems, crossFieldProblems } from "./config/checks";
import { coerce } from "./config/coerce";
import { defaultDirectives } from "./config/defaults";
import { nearest } from "./config/directives";
import { ConfigError, HIDDEN, type Problem, printable } from "./config/error";
import { type FieldMeta, fieldMeta } from "./config/field-meta";
import { passwordProblems } from "./config/password";
import { checkDirectives } from "./config/redis";
import { LATER_TARGETS, type StackValues, stackSchema } from "./config/schema";
import type { ConfigContext, KitConfig } from "./config/types";
import { directiveWarnings, switchWarnings, versionWarnings } from "./config/warnings";
import { layOut, placementWarnings } from "./topology";

export { ADVISORIES_AS_OF, type Advisory, advisoryLine, openAdvisories } from "./config/advisories";
export { type DirectiveInfo, directiveInfo, isLive, readableDirectives } from "./config/directives";
export { ConfigError, type Problem } from "./config/error";
export { passwordProblems } from "./config/password";
export { normalizeDirectives } from "./config/redis";
export type { CommonConfig, ConfigContext, KitConfig, LocalConfig } from "./config/types";
export { memoryBytes } from "./config/values";

/** Configuration namespace of the stack keys: the project's name in Pulumi.yaml. */
export const NAMESPACE = "redis-cluster-kit";

/**
 * Reads the keys of a stack (without the namespace), as text or structured, as `pulumi.Config` and the stack file give
 * them. Throws `ConfigError` with every problem found, so that one round of corrections is enough.
 */
export function parseConfig(raw: unknown, context: ConfigContext): KitConfig {
  const given = readMapping(raw);
  const problems = unknownKeys(given);
  const { values, allGood } = readFields(given, problems);
  const directives = checkDirectives(values.redis, values.redisVersion);
  problems.push(
    ...directives.problems,
    ...(allGood ? crossFieldProblems(values, directives.values, context.supportedVersions) : []),
    ...(values.password === undefined ? [] : passwordProblems(values.password)),
  );
  const config = buildConfig(values, directives.values, context);
  problems.push(...addressProblems(layOut(config).nodes));
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

/** Keys that the schema does not have. Their values may be anything, a misspelt password too: never shown. */
function unknownKeys(given: Readonly<Record<string, unknown>>): Problem[] {
  const known = Object.keys(stackSchema.shape);
  return Object.keys(given)
    .filter((key) => !known.includes(key))
    .map((key) => {
      const near = nearest(key, known);
      const remove = `pulumi config rm ${printable(key)}`;
      return {
        property: key,
        value: HIDDEN,
        expected: `one of the keys ${known.join(", ")}`,
        cure: near === undefined ? remove : `write ${near}, if that is what is meant; otherwise ${remove}`,
      };
    });
}

interface ReadFields {
  readonly values: StackValues;
  readonly allGood: boolean;
}

/** The fields that are good, with defaults in the place of those that are not: so that later checks find the rest. */
function readFields(given: Readonly<Record<string, unknown>>, problems: Problem[]): ReadFields {
  const good: Record<string, unknown> = {};
  const before = problems.length;
  for (const [key, schema] of Object.entries(stackSchema.shape)) {
    const meta = fieldMeta.get(schema);
    if (!meta) throw new Error(`the schema says nothing about ${key}`);
    const value = coerce(given[key], meta.kind);
    if (!schema.safeParse(value).success) problems.push(fieldProblem(key, value, meta));
    else if (value !== undefined) good[key] = value;
  }
  return { values: stackSchema.parse(good), allGood: problems.length === before };
}

function fieldProblem(property: string, value: unknown, meta: FieldMeta): Problem {
  const later = property === "target" ? LATER_TARGETS.find((target) => target === value) : undefined;
  return {
    property,
    value: meta.secret || meta.kind === "record" ? HIDDEN : printable(value),
    expected: later ? `${meta.expected}: this version of the kit does not have ${later} yet` : meta.expected,
    cure: meta.cure,
  };
}

function buildConfig(
  values: StackValues,
  declared: Readonly<Record<string, string>>,
  context: ConfigContext,
): KitConfig {
  const {
    weights,
    redis: _,
    name,
    dataDirectory,
    redisSource,
    redisSourceSha256,
    password,
    ...rest
  } = values;
  const clusterName = name ?? defaultName(context);
  const redis = { ...defaultDirectives(values.redisVersion), ...declared };
  const { shards, replicasPerShard, zones, redisVersion } = values;
  return {
    ...rest,
    name: clusterName,
    dataDirectory: dataDirectory ?? `${context.dataRoot}/clusters/${clusterName}`,
    ...(redisSource === undefined ? {} : { redisSource }),
    ...(redisSourceSha256 === undefined ? {} : { redisSourceSha256 }),
    ...(password === undefined ? {} : { password }),
    weights: weights ?? Array.from({ length: shards }, () => 1),
    redis,
    nodeTimeoutMs: Number(redis["cluster-node-timeout"]),
    warnings: [
      ...placementWarnings(shards, replicasPerShard, zones),
      ...directiveWarnings(replicasPerShard, redis),
      ...versionWarnings(redisVersion),
      ...switchWarnings(values, redisVersion),
    ],
  };
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
