import * as pulumi from "@pulumi/pulumi";
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { RedisCluster } from "../../../components";
import { InvalidConfigError } from "../../../components/stack-config";
import { declarationSchema } from "../../../provider/declaration";

interface Registered {
  readonly type: string;
  readonly name: string;
  readonly inputs: Record<string, unknown>;
}

const PASSWORD = "component-password";
const SECRET = "4dabf18193072939515e22adb298388d";
let registered: Registered[] = [];

/** What the provider answers, without a cluster. */
class Mocks implements pulumi.runtime.Mocks {
  newResource({ type, name, inputs }: pulumi.runtime.MockResourceArgs) {
    registered.push({ type, name, inputs });
    const nodes = inputs.nodes?.map((node: object) => ({ ...node, role: "primary", id: "f".repeat(40) }));
    const endpoints = inputs.nodes?.map(
      ({ host, port }: { host: string; port: number }) => `${host}:${port}`,
    );
    return { id: `${name}-id`, state: { ...inputs, nodes, endpoints, drift: [] } };
  }
  call() {
    return {};
  }
}

const settled = <T>(output: pulumi.Output<T>) => new Promise<T>((resolve) => output.apply(resolve));

beforeAll(() => pulumi.runtime.setMocks(new Mocks(), "project", "stack"));
beforeEach(() => {
  registered = [];
});

describe("RedisCluster", () => {
  test("declares one Topology, as its child, with the checked arguments", async () => {
    const cluster = new RedisCluster("cache", {
      password: PASSWORD,
      shards: 4,
      redis: { maxmemory: "96mb" },
    });
    expect(await settled(cluster.endpoints)).toHaveLength(8);
    expect(registered.map(({ type, name }) => [type, name])).toEqual([
      ["redis-cluster-kit:index:RedisCluster", "cache"],
      ["redis-cluster-kit:index:Topology", "cache"],
    ]);
    const inputs = registered[1]?.inputs ?? {};
    expect(inputs).toMatchObject({ name: "project-stack-cache", replicasPerShard: 1, weights: [1, 1, 1, 1] });
    expect(inputs.directives).toMatchObject({ maxmemory: String(96 * 1024 * 1024) });
    const urn = await settled(cluster.urn);
    expect(urn).toContain("redis-cluster-kit:index:RedisCluster::cache");
  });

  test("keeps the password and everything with it secret, however it was given", async () => {
    const cluster = new RedisCluster("cache", { password: PASSWORD });
    for (const output of [cluster.password, cluster.declaration])
      expect(await pulumi.isSecret(output)).toBe(true);
    expect(await pulumi.isSecret(cluster.endpoints)).toBe(false);
    await settled(cluster.endpoints);
    const inputs = registered.find(({ type }) => type.endsWith("Topology"))?.inputs ?? {};
    const open = Object.entries(inputs).filter(([, value]) => !JSON.stringify(value).includes(SECRET));
    expect(JSON.stringify(open)).not.toContain(PASSWORD);
  });

  test("hands out a declaration that stands for itself", async () => {
    const cluster = new RedisCluster("cache", { password: pulumi.output(PASSWORD) });
    const parsed = declarationSchema.parse(JSON.parse(await settled(cluster.declaration)));
    expect(parsed).toMatchObject({ name: "project-stack-cache", password: PASSWORD });
  });

  test("tells Prometheus what to scrape, where monitoring is on", async () => {
    const quiet = new RedisCluster("quiet", { password: PASSWORD });
    expect(await settled(quiet.scrapeTargets)).toEqual([]);
    const watched = new RedisCluster("watched", { password: PASSWORD, monitoring: { enabled: true } });
    const groups = await settled(watched.scrapeTargets);
    expect(groups.flatMap(({ targets }) => targets).sort()).toEqual(
      [9121, 9122, 9123, 9124, 9125, 9126].map((port) => `127.0.0.1:${port}`),
    );
    const labels = { cluster: "project-stack-watched", shard: "1", node: "shard-1-a", zone: "a" };
    expect(groups).toContainEqual({ targets: ["127.0.0.1:9121"], labels });
  });

  test("has outputs of the target aws empty on others: an undefined one is a warning in every up", async () => {
    const { clientSecurityGroupId, vpcId, privateSubnetIds } = new RedisCluster("cache", {
      password: PASSWORD,
    });
    expect(await settled(pulumi.all([clientSecurityGroupId, vpcId, privateSubnetIds]))).toEqual(["", "", []]);
  });

  test("names the primaries of several shards as entrances, whatever the order of nodes", async () => {
    const cluster = new RedisCluster("cache", { password: PASSWORD, basePort: 7100 });
    const { redisCli, ioredis } = await settled(cluster.connect);
    expect(redisCli).toBe("redis-cli -c -h 127.0.0.1 -p 7100");
    expect(ioredis).toMatch(/7100.*7101.*7102/);
    const other = await settled(cluster.connectWith("print-it"));
    expect(other.auth).toBe('export REDISCLI_AUTH="$(print-it)"');
  });

  test("tells all problems of its arguments at once, without a stack trace", () => {
    const create = () =>
      new RedisCluster("cache", { password: PASSWORD, shards: 2, basePort: 80, zones: [] });
    expect(create).toThrow(InvalidConfigError);
    const problem = catchError(create);
    expect(pulumi.RunError.isInstance(problem)).toBe(true);
    expect(problem.cause.problems.map(({ property }) => property).toSorted()).toEqual([
      "basePort",
      "shards",
      "zones",
    ]);
    expect(problem.stack).toBe(problem.message);
    expect(registered.filter(({ type }) => type.endsWith("Topology"))).toEqual([]);
  });
});

function catchError(work: () => unknown): InvalidConfigError {
  try {
    work();
  } catch (error) {
    if (error instanceof InvalidConfigError) return error;
    throw error;
  }
  throw new Error("it did not fail");
}
