/** From the checked configuration to the declaration that provider and CLI work on. Pure, apart from reading the templates. */
import type { KitConfig } from "../config";
import { isLive, readableDirectives } from "../config/directives";
import type { Declaration } from "../provider/declaration";
import { renderRedisConf } from "../templates/render";
import { layOut } from "../topology";

/** Everything that can be said without the password. */
export type PublicDeclaration = Omit<Declaration, "password" | "files">;

export interface DeclareOptions {
  /** Whether `pulumi destroy` deletes the data as well. Default false. */
  readonly purgeOnDestroy?: boolean;
}

/** The whole declaration. `password` has been checked. */
export function declare(config: KitConfig, password: string, options: DeclareOptions = {}): Declaration {
  return { ...declarePublic(config, options), password, files: renderFiles(config, password) };
}

export function declarePublic(config: KitConfig, options: DeclareOptions = {}): PublicDeclaration {
  const directives = readableDirectives(config.redis, config.redisVersion);
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
    ...(options.purgeOnDestroy === undefined ? {} : { purgeOnDestroy: options.purgeOnDestroy }),
  };
}

/** The redis.conf of every node, by node name. The password is in all of them. */
export function renderFiles(config: KitConfig, password: string): Record<string, string> {
  return Object.fromEntries(
    layOut(config).nodes.map((node) => [node.name, renderRedisConf(node, config.redis, { password })]),
  );
}
