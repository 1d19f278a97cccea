/** The configuration of the stack that runs, checked. */
import * as pulumi from "@pulumi/pulumi";
import { ConfigError, type KitConfig, parseConfig } from "../config";
import { dataFolder } from "../install/cache";
import { knownVersions } from "../install/versions";
import type { RedisClusterArgs } from "./redis-cluster-args";

/** Shown by `pulumi` as it is, without a stack trace; `cause` has the single problems. */
export class InvalidConfigError extends pulumi.RunError {
  constructor(override readonly cause: ConfigError) {
    super(cause.message);
    // Pulumi inspects uncaught errors, and Node (24.12) needs 10 s and more for the frames of Pulumi's SDK in a stack.
    this.stack = cause.message;
  }
}

/**
 * What the stack's configuration says, for `RedisCluster`. Values stay as the stack file has them (`pulumi config set`
 * knows text only): the component reads text as well.
 * @throws InvalidConfigError with all problems at once, a missing password among them.
 */
export function stackArgs(): RedisClusterArgs {
  const prefix = `${pulumi.getProject()}:`;
  const own = Object.entries(pulumi.runtime.allConfig()).filter(([key]) => key.startsWith(prefix));
  const raw: Record<string, string> = { password: "" };
  for (const [key, value] of own) raw[key.slice(prefix.length)] = value;
  const { name } = checkConfig(raw);
  const { password = "", sshPrivateKey, sudoPassword, ...args } = raw;
  return {
    ...args,
    name,
    password: pulumi.secret(password),
    ...(sshPrivateKey === undefined ? {} : { sshPrivateKey: pulumi.secret(sshPrivateKey) }),
    ...(sudoPassword === undefined ? {} : { sudoPassword: pulumi.secret(sudoPassword) }),
  };
}

/** `parseConfig` for a running program: what it cannot know is taken from the stack and this machine. */
export function checkConfig(raw: unknown): KitConfig {
  const context = {
    project: pulumi.getProject(),
    stack: pulumi.getStack(),
    dataRoot: dataFolder(),
    supportedVersions: knownVersions(),
  };
  try {
    return parseConfig(raw, context);
  } catch (error) {
    throw error instanceof ConfigError ? new InvalidConfigError(error) : error;
  }
}
