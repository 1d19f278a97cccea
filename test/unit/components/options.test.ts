/** What a stack may say in the options of `RedisCluster`. On target aws: test/aws/options.test.ts. */
import * as command from "@pulumi/command";
import { describe, expect, test } from "vitest";
import { RedisCluster } from "../../../components";
import type { RedisClusterArgs } from "../../../components/redis-cluster-args";
import { lastPart, requestsOf } from "../../aws/support/mocked";
import { named, ofTypes, providersOf, requestsWith, testOptions } from "../../support/component-options";

const LOCAL: RedisClusterArgs = { password: "options-password", monitoring: { enabled: true } };
const SSH: RedisClusterArgs = {
  target: "ssh",
  password: "options-password",
  backup: { to: "/backups" },
  ssh: {
    servers: ["a", "b", "c", "a", "b", "c"].map((zone, index) => ({
      name: `redis-${index + 1}`,
      host: `10.0.0.${11 + index}`,
      zone,
    })),
  },
};

describe("on target local", () => testOptions(LOCAL, 1));
describe("on target ssh", () => testOptions(SSH, 35));

test("aliases are the cluster's; children have none of their own, so that the engine finds them by their parent's", async () => {
  const [cluster, ...children] = await requestsWith(LOCAL, () => ({ aliases: [{ name: "cache" }] }));
  const names = cluster?.getAliasesList().map((alias) => alias.getSpec()?.getName());
  expect(names).toEqual(["cache"]);
  expect(children.flatMap((child) => child.getAliasesList())).toEqual([]);
});

describe("dependsOn", () => {
  test("of the cluster: nothing of it is asked for before the other is there", async () => {
    const requests = await requestsOf({}, () => {
      const before = new command.local.Command("before", { create: "true" });
      return new RedisCluster("redis", LOCAL, { dependsOn: before });
    });
    expect(requests.map(named)[0]).toBe("command:local:Command before");
    const cluster = requests.find((request) => request.getType().endsWith(":RedisCluster"));
    expect(cluster?.getDependenciesList().map(lastPart)).toEqual(["Command before"]);
  });

  test("on the cluster: the other waits for all of it, exporters included", async () => {
    const requests = await requestsOf({}, () => {
      const cluster = new RedisCluster("redis", LOCAL);
      return new command.local.Command("after", { create: "true" }, { dependsOn: cluster });
    });
    const after = requests.find((request) => request.getName() === "after");
    const awaited = after?.getDependenciesList().map(lastPart).toSorted();
    expect(awaited).toEqual(["LocalMonitoring redis", "Topology redis"]);
  });
});

test("a given provider for commands runs those on the servers", async () => {
  const requests = await requestsWith(SSH, () => ({ providers: [new command.Provider("ours")] }));
  const used = ofTypes(requests, "command:remote:");
  expect(used.length).toBeGreaterThan(20);
  expect(providersOf(used)).toEqual(["command ours"]);
});
