/**
 * The process that makes components for stacks in other languages. The provider plugin starts it when the first of them is
 * asked for (provider/construct.ts) with the engine's address as argument. It is Pulumi's own provider server, since that
 * keeps the requests that it works on at the same time apart: each has a monitor, a configuration and features of its own.
 */
import * as pulumi from "@pulumi/pulumi";
import { version } from "../package.json";
import { REDIS_CLUSTER_TYPE } from "../provider/types";
import { RedisCluster } from "./redis-cluster";
import type { RedisClusterArgs } from "./redis-cluster-args";

/** May be promised, as in a program in TypeScript. */
const PROMISABLE: readonly string[] = ["password", "sshPrivateKey", "sudoPassword"] satisfies Array<
  keyof RedisClusterArgs
>;

const provider: pulumi.provider.Provider = {
  version,
  construct: (name, type, inputs, options) => {
    if (type !== REDIS_CLUSTER_TYPE)
      return Promise.reject(new Error(`this provider has no component ${type}`));
    const cluster = new RedisCluster(name, argsOf(inputs), options);
    const { urn, endpoints, nodes, password, connect, drift, scrapeTargets, declaration } = cluster;
    const { clientSecurityGroupId, vpcId, privateSubnetIds } = cluster;
    const network = { clientSecurityGroupId, vpcId, privateSubnetIds };
    const state = { endpoints, nodes, password, connect, drift, scrapeTargets, ...network, declaration };
    return Promise.resolve({ urn, state });
  },
};

/** @throws InputPropertiesError for a password that is missing and for values that are not known before an update. */
function argsOf(inputs: pulumi.Inputs): RedisClusterArgs {
  const { password, ...others } = inputs;
  const errors = Object.entries(others)
    .filter(([key, value]) => !PROMISABLE.includes(key) && isPromised(value))
    .map(([propertyPath]) => ({
      propertyPath,
      reason:
        "is an output of another resource, or a secret; it must be a plain value: the plan that a preview shows depends on it",
    }));
  if (!isText(password))
    errors.push({ propertyPath: "password", reason: "is missing; it must be a text, best a secret" });
  if (errors.length > 0 || !isText(password))
    throw new pulumi.InputPropertiesError({ message: "RedisCluster:", errors });
  return { ...others, password };
}

function isText(value: unknown): value is pulumi.Input<string> {
  return typeof value === "string" || pulumi.Output.isInstance(value);
}

function isPromised(value: unknown): boolean {
  if (pulumi.Output.isInstance(value)) return true;
  if (typeof value !== "object" || value === null) return false;
  return Object.values(value).some(isPromised);
}

// Its standard input is the plugin's end of a pipe: it must not outlive the plugin.
process.stdin.on("end", () => process.exit()).resume();
void pulumi.provider.main(provider, process.argv.slice(2));
