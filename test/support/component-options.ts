/** What the options of `RedisCluster` must do on every target. docs/component.md tells it to those who write stacks. */
import * as pulumi from "@pulumi/pulumi";
import type { RegisterResourceRequest } from "@pulumi/pulumi/proto/resource_pb";
import { expect, test } from "vitest";
import { RedisCluster } from "../../components";
import type { RedisClusterArgs } from "../../components/redis-cluster-args";
import { lastPart, requestsOf } from "../aws/support/mocked";

/** What a cluster registers, itself first. */
export function requestsWith(
  args: RedisClusterArgs,
  options: () => pulumi.ComponentResourceOptions,
): Promise<readonly RegisterResourceRequest[]> {
  return requestsOf({}, () => new RedisCluster("redis", args, options()));
}

export const named = (request: RegisterResourceRequest): string =>
  `${request.getType()} ${request.getName()}`;

export function ofTypes(requests: readonly RegisterResourceRequest[], prefix: string) {
  return requests.filter((request) => request.getType().startsWith(prefix));
}

/** "aws ours": what makes the resources. */
export function providersOf(requests: readonly RegisterResourceRequest[]): readonly string[] {
  return [...new Set(requests.map((request) => lastPart(request.getProvider().replace(/::[^:]*$/, ""))))];
}

/** `least`: resources that there are at least, so that a test which saw nothing fails. */
export function testOptions(args: RedisClusterArgs, least: number): void {
  test("without options everything is below the cluster, and nothing is protected", async () => {
    const [cluster, ...children] = await requestsWith(args, () => ({}));
    expect(cluster && named(cluster)).toBe("redis-cluster-kit:index:RedisCluster redis");
    expect(children.length).toBeGreaterThan(least);
    const strays = children.filter((child) => !child.getParent().includes("redis-cluster-kit:index:"));
    expect(strays.map(named)).toEqual([]);
    expect(children.filter((child) => child.getProtect()).map(named)).toEqual([]);
  });

  test("protect and transformations reach everything that is made; transforms go to the engine, which does the same", async () => {
    const seen: string[] = [];
    const requests = await requestsWith(args, () => ({
      protect: true,
      transformations: [
        ({ type, name, props, opts }) => {
          seen.push(`${type} ${name}`);
          return { props, opts: pulumi.mergeOptions(opts, { ignoreChanges: ["transformed"] }) };
        },
      ],
      transforms: [() => undefined],
    }));
    expect(requests.length).toBeGreaterThan(least);
    expect(requests.filter((request) => !request.getProtect()).map(named)).toEqual([]);
    expect(seen.toSorted()).toEqual(requests.map(named).toSorted());
    for (const request of requests) expect(request.getIgnorechangesList()).toContain("transformed");
    const counts = requests.map((request) => request.getTransformsList().length);
    expect(counts).toEqual([1, ...requests.slice(1).map(() => 0)]);
  });
}
