import { describe, expect, test } from "vitest";
import { ConfigError, parseConfig } from "../../../config";
import { CONTEXT, problemOf, problemsOf } from "./context";

describe("what is refused, by property, with what was expected", () => {
  test.each([
    [{ target: "gcp" }, "target", '"local"'],
    [{ target: "ssh" }, "ssh", "the servers, since target is ssh"],
    [{ target: "aws" }, "aws.region", "the region of everything"],
    [{ name: "-x" }, "name", "letters"],
    [{ name: "../up" }, "name", "letters"],
    [{ shards: 2 }, "shards", "from 3 to 50"],
    [{ shards: 51 }, "shards", "from 3 to 50"],
    [{ shards: "three" }, "shards", "from 3 to 50"],
    [{ shards: 3.5 }, "shards", "whole number"],
    [{ shards: true }, "shards", "whole number"],
    [{ replicasPerShard: -1 }, "replicasPerShard", "from 0 to 5"],
    [{ replicasPerShard: "6" }, "replicasPerShard", "from 0 to 5"],
    [{ zones: [] }, "zones", "1 to 26"],
    [{ zones: "a,a" }, "zones", "different"],
    [{ zones: ["a", ""] }, "zones", "names"],
    [{ host: "localhost" }, "host", "IPv4"],
    [{ host: "0.0.0.0" }, "host", "IPv4"],
    [{ host: "::1" }, "host", "IPv4"],
    [{ basePort: 80 }, "basePort", "1024 to 55535"],
    [{ basePort: 55_536 }, "basePort", "65535"],
    [{ basePort: 55_531 }, "basePort", "ports from 1 to 65535"],
    [{ dataDirectory: "relative" }, "dataDirectory", "absolute"],
    [{ dataDirectory: "/a\nb" }, "dataDirectory", "control"],
    [{ dataDirectory: "/" }, "dataDirectory", "not /"],
    [{ redisVersion: "5.0" }, "redisVersion", "three numbers"],
    [{ redisVersion: 7 }, "redisVersion", "three numbers"],
    [{ redisVersion: "4.0.14" }, "redisVersion", "5.0.x, 6.2.x, 7.0.x"],
    [{ redisSource: "ftp://x/y" }, "redisSource", "http(s)"],
    [
      { redisSource: "https://me:secret@x/y", redisSourceSha256: "a".repeat(64) },
      "redisSource",
      "without user name",
    ],
    [{ redisSource: "https://x/y.tar.gz" }, "redisSourceSha256", "a URL may answer anything"],
    [{ redisSourceSha256: "a".repeat(64) }, "redisSourceSha256", "redisSource is not set"],
    [{ redisSource: "/x", redisSourceSha256: "abc" }, "redisSourceSha256", "64 hex"],
    [{ weights: [1, 1] }, "weights", "3 positive numbers"],
    [{ weights: [1, 1, 0] }, "weights", "positive"],
    [{ weights: [1, 1, 1_000_000] }, "weights", "16384th"],
    [{ redis: "maxmemory 64mb" }, "redis", "directives by name"],
    [{ redis: ["maxmemory 64mb"] }, "redis", "directives by name"],
    [{ redis: { "min-replicas-to-write": 2 } }, "redis.min-replicas-to-write", "at most 1"],
    [{ shard: 4 }, "shard", "one of the keys"],
  ])("%j", (raw, property, expected) => {
    // A node's bus port that is out of range is one of several.
    const [problem] = problemsOf(raw);
    expect(problem?.property).toBe(property);
    expect(problem?.expected).toContain(expected);
    expect(problem?.cure).not.toBe("");
  });

  test("all at once", () => {
    const properties = problemsOf({
      shards: 1,
      host: "x",
      redis: { port: 1, hz: "many" },
      nonsense: 1,
      password: "",
    });
    expect(properties.map(({ property }) => property).sort()).toEqual([
      "host",
      "nonsense",
      "password",
      "redis.hz",
      "redis.port",
      "shards",
    ]);
  });

  test.each([[undefined], [null], ["text"], [[1]], [3]])("%j, which is no mapping", (raw) => {
    expect(problemOf(raw).expected).toBe("a mapping of keys and values");
  });

  test("a version that only others than those given support", () => {
    const supportedVersions = ["5.0.5", "5.0.14", "6.2.9", "6.2.14"];
    const problem = problemOf({ redisVersion: "7.0.15" }, { supportedVersions });
    expect(problem.expected).toBe("one of 5.0.5, 5.0.14, 6.2.9, 6.2.14");
    expect(problem.cure).toContain("redisVersion 5.0.14;");
    expect(problemOf({ redisVersion: "6.2.1" }, { supportedVersions }).cure).toContain(
      "redisVersion 6.2.14;",
    );
  });

  test("a misspelt key, with the one that is meant", () => {
    expect(problemOf({ replicaPerShard: 1 }).cure).toContain("replicasPerShard");
    expect(problemOf({ observability: 1 }).cure).toBe('pulumi config rm "observability"');
  });
});

describe("the error's text", () => {
  test("has property, value, what was expected and the cure of every problem", () => {
    const parse = () => parseConfig({ shards: "2", zones: "a,a" }, CONTEXT);
    expect(parse).toThrow(ConfigError);
    expect(parse).toThrowErrorMatchingInlineSnapshot(`
      [ConfigError: The configuration has 2 problems; nothing was changed.
        shards: 2
          expected: a whole number from 3 to 50
          cure:     pulumi config set shards 3
        zones: ["a","a"]
          expected: 1 to 26 different names of letters, digits, dots, dashes or underscores
          cure:     pulumi config set --path "zones[0]" a, or zones: [a, b, c] in the stack file]
    `);
  });

  test.each([
    [{ password: "shrt-s3cret\n" }],
    [{ pasword: "s3cret" }],
    [{ redis: { requirepass: "s3cret" } }],
    [{ redis: { masterauth: "s3cret" } }],
    [{ redis: { requirepas: "s3cret" } }],
    [{ redis: { user: "default on >s3cret ~* +@all" } }],
    [{ redis: '{"requirepass": "s3cret"' }],
    [{ redisSource: "https://me:s3cret@example.org/x", redisSourceSha256: "a".repeat(64) }],
    [{ redisSource: "https://example.org/x?token=s3cret y" }],
  ])("never has a secret: %j", (raw) => {
    expect(() => parseConfig(raw, CONTEXT)).toThrow(ConfigError);
    expect(JSON.stringify(problemsOf(raw))).not.toContain("s3cret");
    expect(() => parseConfig(raw, CONTEXT)).not.toThrow("s3cret");
  });

  test("cuts long values", () => {
    expect(problemOf({ name: "x".repeat(5000) }).value.length).toBeLessThan(100);
  });
});
