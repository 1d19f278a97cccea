/** Pulumi.prod.yaml as the program gets it, with what a stack file has as secrets. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import type { RedisClusterArgs } from "../../../components/redis-cluster-args";

export const PASSWORD = "password-of-the-mocked-stack";
const KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\nof the test\n-----END OPENSSH PRIVATE KEY-----\n";

/** `aws`: keys that are to be others. */
export function prod(aws: object = {}): RedisClusterArgs {
  const text = readFileSync(join(__dirname, "../../../Pulumi.prod.yaml"), "utf8");
  const { config } = parse(text) as { config: Record<string, unknown> };
  const own = Object.entries(config).map(([key, value]) => [key.replace(/^redis-cluster-kit:/, ""), value]);
  const values = Object.fromEntries(own) as Record<string, object>;
  return {
    ...values,
    aws: { ...values.aws, ...aws },
    password: PASSWORD,
    sshPrivateKey: KEY,
  } as RedisClusterArgs;
}
