import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseConfig } from "../../../config";
import { CONTEXT, problemsOf } from "./context";

const parse = (raw: unknown) => parseConfig(raw, CONTEXT);

describe("a stack without keys", () => {
  test("is the usual six nodes on this machine", () => {
    const { warnings, ...config } = parse({});
    expect(config).toEqual({
      target: "local",
      name: "redis-cluster-kit-dev",
      shards: 3,
      replicasPerShard: 1,
      zones: ["a", "b", "c"],
      host: "127.0.0.1",
      basePort: 7000,
      dataDirectory: "/home/me/data/clusters/redis-cluster-kit-dev",
      redisVersion: "5.0.14",
      weights: [1, 1, 1],
      redis: {
        "cluster-node-timeout": "5000",
        "cluster-migration-barrier": "999999",
        appendonly: "yes",
        appendfsync: "everysec",
        save: "900 1 300 10 60 10000",
        rdbcompression: "yes",
        "tcp-backlog": "511",
        timeout: "0",
        "tcp-keepalive": "300",
        maxclients: "10000",
        maxmemory: "67108864",
        "maxmemory-policy": "allkeys-lru",
      },
      nodeTimeoutMs: 5000,
      maxMigrationImpact: "normal",
      keepPreviousPassword: false,
      failback: false,
      acceptDataLoss: false,
      monitoring: {
        enabled: false,
        exporterPort: 9121,
        scrapeIntervalSeconds: 15,
        runbookUrl: "docs/runbook.md",
      },
    });
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain("5.0 line reached its end of life");
  });

  test("keeps replicas in their places in the way that its version knows", () => {
    expect(parse({ redisVersion: "5.0.14" }).redis).not.toHaveProperty("cluster-allow-replica-migration");
    expect(parse({ redisVersion: "6.2.14" }).redis["cluster-allow-replica-migration"]).toBe("no");
    expect(parse({ redisVersion: "7.0.15" }).redis["cluster-allow-replica-migration"]).toBe("no");
  });

  test("cannot be changed, not in its depth either", () => {
    const config = parse({ redis: { hz: 20 } });
    for (const part of [config, config.redis, config.zones, config.weights, config.warnings]) {
      expect(Object.isFrozen(part)).toBe(true);
    }
  });

  test("leaves what was given as it was", () => {
    const raw = { zones: ["x", "y", "z"], redis: { save: ["900 1"] }, weights: [1, 2, 3] };
    const copy = structuredClone(raw);
    parse(raw);
    expect(raw).toEqual(copy);
    expect(Object.isFrozen(raw.redis)).toBe(false);
  });
});

describe("text, as pulumi config set writes it, means the same as structure", () => {
  test.each([
    [{ shards: "4" }, { shards: 4 }],
    [{ shards: " 4 " }, { shards: 4 }],
    [{ zones: "x,y" }, { zones: ["x", "y"] }],
    [{ zones: '["x", "y"]' }, { zones: ["x", "y"] }],
    [{ zones: [1, 2] }, { zones: ["1", "2"] }],
    [{ weights: "2, 1, 1.5" }, { weights: [2, 1, 1.5] }],
    [{ weights: "[2,1,1]" }, { weights: [2, 1, 1] }],
    [{ redis: '{"maxmemory":"32mb"}' }, { redis: { maxmemory: "32mb" } }],
    [{ password: 1_234_567_890 }, { password: "1234567890" }],
    [{ name: undefined, shards: null }, {}],
  ])("%j is %j", (text, structured) => {
    expect(parse(text)).toEqual(parse(structured));
  });
});

describe("fields", () => {
  test("a name is part of the data directory's path", () => {
    const config = parse({ name: "orders" });
    expect([config.name, config.dataDirectory]).toEqual(["orders", "/home/me/data/clusters/orders"]);
  });

  test("a stack's name that no cluster can have is made one", () => {
    const { name } = parseConfig({}, { ...CONTEXT, project: "my project", stack: "pr/12" });
    expect(name).toBe("my-project-pr-12");
  });

  test("a data directory loses its last slash", () => {
    expect(parse({ dataDirectory: "/srv/redis/" }).dataDirectory).toBe("/srv/redis");
  });

  test("a source of one's own may be any release of a known line", () => {
    const sha256 = "AB".repeat(32);
    const config = parseConfig(
      { redisVersion: "5.0.9", redisSource: "https://mirror.example/redis.tgz", redisSourceSha256: sha256 },
      { ...CONTEXT, supportedVersions: ["5.0.14"] },
    );
    expect(config.redisSourceSha256).toBe(sha256.toLowerCase());
    expect(parse({ redisSource: "/opt/redis/src/redis-server" }).redisSource).toBe(
      "/opt/redis/src/redis-server",
    );
  });

  test("weights are kept as they are given", () => {
    expect(parse({ shards: 4, weights: [2, 1, 1, 0.5] }).weights).toEqual([2, 1, 1, 0.5]);
  });

  test("the stack's directives go over the kit's", () => {
    const { redis, nodeTimeoutMs } = parse({
      redis: { MaxMemory: "1gb", "cluster-node-timeout": 15_000, "slave-priority": "90", save: "" },
    });
    expect(redis).toMatchObject({
      maxmemory: "1073741824",
      "replica-priority": "90",
      save: "",
      appendonly: "yes",
    });
    expect(nodeTimeoutMs).toBe(15_000);
  });
});

test("whatever is given, there is a config or an error that says what is wrong", () => {
  const keys = ["target", "name", "shards", "replicasPerShard", "zones", "host", "basePort", "dataDirectory"];
  const more = ["redisVersion", "redisSource", "redisSourceSha256", "password", "weights", "redis", "other"];
  const raw = fc.dictionary(fc.constantFrom(...keys, ...more), fc.jsonValue({ maxDepth: 2 }), { maxKeys: 6 });
  fc.assert(
    fc.property(raw, (given) => {
      try {
        const config = parse(given);
        expect(config.weights).toHaveLength(config.shards);
      } catch {
        for (const problem of problemsOf(given)) {
          expect(Object.values(problem).every((text) => typeof text === "string" && text !== "")).toBe(true);
        }
      }
    }),
  );
});

describe("how changes are gone about", () => {
  test("takes a word or percent for the impact of moving slots, as text too", () => {
    expect(parse({ maxMigrationImpact: "low" }).maxMigrationImpact).toBe("low");
    expect(parse({ maxMigrationImpact: "35" }).maxMigrationImpact).toBe(35);
    expect(() => parse({ maxMigrationImpact: "0" })).toThrow(/maxMigrationImpact.*low, normal, high/s);
  });

  test("takes switches as text too, and refuses anything else", () => {
    expect(parse({ failback: "true", keepPreviousPassword: true })).toMatchObject({
      failback: true,
      keepPreviousPassword: true,
    });
    expect(() => parse({ acceptDataLoss: "yes" })).toThrow(/acceptDataLoss.*true or false/s);
  });

  test("warns of switches that do nothing here or should not stay on", () => {
    expect(parse({ keepPreviousPassword: true }).warnings.join("\n")).toMatch(/one password at a time/);
    expect(parse({ acceptDataLoss: true }).warnings.join("\n")).toMatch(/Set it back to false/);
  });
});
