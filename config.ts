/** Stack configuration in, one frozen and checked `KitConfig` out. Pure. */
import { coerce } from "./config/coerce";
import { defaultDirectives } from "./config/defaults";
import { ConfigError, HIDDEN, type Problem, printable } from "./config/error";
import { normalizeDirectives } from "./config/normalize";
import { type FieldMeta, fieldMeta, type StackValues, stackSchema } from "./config/schema";
import type { ConfigContext, KitConfig } from "./config/types";
import { placementWarnings } from "./topology";

export { ConfigError, type Problem } from "./config/error";
export { memoryBytes, normalizeDirectives } from "./config/normalize";
export type { CommonConfig, ConfigContext, KitConfig, LocalConfig } from "./config/types";

/**
 * Reads the keys of a stack (without the namespace), text or structured.
 * Throws `ConfigError` with every problem found.
 */
export function parseConfig(raw: unknown, context: ConfigContext): KitConfig {
  const problems: Problem[] = [];
  const values = readFields(raw, problems);
  if (problems.length > 0) throw new ConfigError(problems);
  return Object.freeze(buildConfig(values, context));
}

function readFields(raw: unknown, problems: Problem[]): StackValues {
  const given = typeof raw === "object" && raw !== null ? (raw as Record<string, unknown>) : {};
  const good: Record<string, unknown> = {};
  for (const [key, schema] of Object.entries(stackSchema.shape)) {
    const meta = fieldMeta.get(schema);
    if (!meta) throw new Error(`the schema says nothing about ${key}`);
    const value = coerce(given[key], meta.kind);
    const result = schema.safeParse(value);
    if (!result.success) problems.push(fieldProblem(key, value, meta));
    else if (value !== undefined) good[key] = value;
  }
  return stackSchema.parse(good);
}

function fieldProblem(property: string, value: unknown, meta: FieldMeta): Problem {
  const shown = meta.secret ? HIDDEN : printable(value);
  return { property, value: shown, expected: meta.expected, cure: meta.cure };
}

function buildConfig(values: StackValues, context: ConfigContext): KitConfig {
  const { weights, redis, name, dataDirectory, redisSource, redisSourceSha256, password, ...rest } = values;
  const clusterName = name ?? `${context.project}-${context.stack}`;
  const directives = {
    ...defaultDirectives(values.redisVersion),
    ...normalizeDirectives(redis, values.redisVersion),
  };
  return {
    ...rest,
    name: clusterName,
    dataDirectory: dataDirectory ?? `${context.dataRoot}/clusters/${clusterName}`,
    ...(redisSource === undefined ? {} : { redisSource }),
    ...(redisSourceSha256 === undefined ? {} : { redisSourceSha256 }),
    ...(password === undefined ? {} : { password }),
    weights: weights ?? Array.from({ length: values.shards }, () => 1),
    redis: directives,
    nodeTimeoutMs: Number(directives["cluster-node-timeout"]),
    warnings: placementWarnings(values.shards, values.replicasPerShard, values.zones),
  };
}
