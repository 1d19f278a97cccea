import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { memoryBytes, normalizeDirectives } from "../../../config";
import { parseRedisConf, renderRedisConf } from "../../../templates/render";

/** Normalised values are compared with real servers in test/integration/directives.test.ts. */
describe("values as CONFIG GET answers them", () => {
  test.each([
    ["maxmemory", "64mb", "67108864"],
    ["maxmemory", "64M", "64000000"],
    ["maxmemory", 67_108_864, "67108864"],
    ["maxmemory", " 1GB ", "1073741824"],
    ["maxmemory", "0064b", "64"],
    ["maxmemory-clients", "05%", "5%"],
    ["appendonly", true, "yes"],
    ["appendonly", "No", "no"],
    ["appendfsync", false, "no"],
    ["appendfsync", "ALWAYS", "always"],
    ["hz", "010", "10"],
    ["save", [], ""],
    ["save", ["900 1", "300 10"], "900 1 300 10"],
    ["save", [900, 1], "900 1"],
    ["save", { 900: 1, 300: 10 }, "300 10 900 1"],
    ["oom-score-adj", "relative", "yes"],
    [
      "client-output-buffer-limit",
      { pubsub: "64mb 16mb 60" },
      "normal 0 0 0 slave 268435456 67108864 60 pubsub 67108864 16777216 60",
    ],
    ["notify-keyspace-events", "g$lshzxetd", "A"],
    ["notify-keyspace-events", "EKx", "xKE"],
    ["rename-command", { keys: "", debug: "d1" }, 'DEBUG d1 KEYS ""'],
    ["rename-command", ['FLUSHALL ""'], 'FLUSHALL ""'],
    ["syslog-ident", ' as "it" is ', ' as "it" is '],
    ["list-max-listpack-size", "-2", "-2"],
  ])("%s %j is %j", (name, value, expected) => {
    expect(normalizeDirectives({ [name]: value }, "7.0.15")).toEqual({ [name]: expected });
  });
});

describe("sizes", () => {
  test.each([
    ["1k", 1000n],
    ["1kb", 1024n],
    ["1m", 1_000_000n],
    ["1mb", 1_048_576n],
    ["1g", 1_000_000_000n],
    ["1gb", 1_073_741_824n],
    ["1b", 1n],
    ["1", 1n],
    ["", undefined],
    ["kb", undefined],
    ["1tb", undefined],
    ["-1", undefined],
    ["1 kb", undefined],
  ])("%j is %s bytes", (text, bytes) => {
    expect(memoryBytes(text)).toBe(bytes);
  });

  test("beyond what a double holds are exact", () => {
    expect(memoryBytes("9007199254740993")).toBe(9_007_199_254_740_993n);
  });
});

test("what a stack declares arrives in the file, whatever text it is", () => {
  const legal = fc
    .string({ unit: "grapheme", maxLength: 50 })
    .filter((text) => !/[\p{Cc}\p{Cs}]/u.test(text));
  fc.assert(
    fc.property(legal, (ident) => {
      const directives = normalizeDirectives({ "syslog-ident": ident }, "7.0.15");
      const conf = renderRedisConf({ name: "n", host: "127.0.0.1", port: 7000, dir: "/d" }, directives, {});
      expect(parseRedisConf(conf)).toContainEqual(["syslog-ident", ident]);
    }),
  );
});
