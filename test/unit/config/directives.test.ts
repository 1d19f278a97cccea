import { describe, expect, test } from "vitest";
import { normalizeDirectives } from "../../../config";
import {
  DIRECTIVES,
  directiveInfo,
  directiveNames,
  firstLineOf,
  isLive,
  LINES,
  lineOf,
  nearest,
  readableDirectives,
} from "../../../config/directives";
import { expectationOf } from "../../../config/expect";
import { checkDirectives } from "../../../config/redis";
import { normalizeValue } from "../../../config/values";

describe("the table of directives", () => {
  test("has every name once", () => {
    const names = DIRECTIVES.flatMap((entry) => [entry.name, ...entry.aliases.map(({ name }) => name)]);
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
    expect(names.every((name) => /^[a-z][a-z0-9_-]*$/.test(name))).toBe(true);
  });

  test.each(LINES)("has an example in %s that is a good value, for every directive", (line) => {
    for (const entry of DIRECTIVES) {
      const { example } = expectationOf(entry.type, line);
      const unquoted = example.replace(/^(["'])(.*)\1$/, "$2");
      expect([entry.name, normalizeValue(unquoted, entry.type, line)]).not.toContain(undefined);
    }
  });

  test("a canonical value stays as it is", () => {
    for (const entry of DIRECTIVES) {
      const { example } = expectationOf(entry.type, "7.0");
      const once = normalizeValue(example.replace(/^(["'])(.*)\1$/, "$2"), entry.type, "7.0") ?? "";
      expect([entry.name, normalizeValue(once, entry.type, "7.0")]).toEqual([entry.name, once]);
    }
  });

  test.each([
    ["5.0.14", "5.0"],
    ["6.0.20", "5.0"],
    ["6.2.14", "6.2"],
    ["7.0.15", "7.0"],
    ["7.2.4", "7.0"],
    ["8.4.0", "7.0"],
  ])("%s is read with the knowledge of %s", (version, line) => {
    expect(lineOf(version)).toBe(line);
  });
});

describe("a directive's name", () => {
  test.each([
    ["slave-priority", "5.0.14", "replica-priority"],
    ["REPLICA-PRIORITY", "7.0.15", "replica-priority"],
    ["hash-max-ziplist-entries", "5.0.14", "hash-max-ziplist-entries"],
    ["hash-max-ziplist-entries", "6.2.14", "hash-max-ziplist-entries"],
    ["hash-max-ziplist-entries", "7.0.15", "hash-max-listpack-entries"],
    ["lua-time-limit", "6.2.14", "lua-time-limit"],
    ["lua-time-limit", "7.0.15", "busy-reply-threshold"],
    ["hash-max-listpack-entries", "6.2.14", undefined],
    ["io-threads", "5.0.14", undefined],
    ["gopher-enabled", "7.0.15", undefined],
    ["constructor", "7.0.15", undefined],
  ])("%s is, in %s, %s", (name, version, canonical) => {
    expect(directiveInfo(name, version)?.name).toBe(canonical);
  });

  test("is known for each line: more in every later one", () => {
    const [five = [], six = [], seven = []] = LINES.map((line) => directiveNames(`${line}.0`));
    expect(five.length).toBeLessThan(six.length);
    expect(six.length).toBeLessThan(seven.length);
    expect(firstLineOf("io-threads")).toBe("6.2");
    expect(firstLineOf("nonsense")).toBeUndefined();
  });

  test("is guessed when it is misspelt, and not when it is another word", () => {
    expect(nearest("maxmemroy", directiveNames("5.0.14"))).toBe("maxmemory");
    expect(nearest("monitoring", directiveNames("5.0.14"))).toBeUndefined();
    expect(nearest("x", [])).toBeUndefined();
  });
});

describe("how a new value reaches a node", () => {
  test.each([
    ["maxmemory", "5.0.14", true],
    ["slave-priority", "7.0.15", true],
    ["tcp-backlog", "7.0.15", false],
    ["rename-command", "5.0.14", false],
    ["disable-thp", "6.2.14", true],
    ["disable-thp", "7.0.15", false],
    ["lua-replicate-commands", "5.0.14", false],
    ["io-threads", "5.0.14", false],
    ["nonsense", "5.0.14", false],
  ])("%s of %s live: %s", (name, version, live) => {
    expect(isLive(name, version)).toBe(live);
  });

  test("only what CONFIG GET answers can be watched", () => {
    const directives = { maxmemory: "1", "syslog-ident": "x", "rename-command": 'KEYS ""' };
    expect(readableDirectives(directives, "5.0.14")).toEqual({ maxmemory: "1" });
    expect(readableDirectives(directives, "6.2.14")).toEqual({ maxmemory: "1", "syslog-ident": "x" });
  });
});

describe("directives that are refused", () => {
  const problem = (redis: Record<string, unknown>, version = "5.0.14") => {
    const { problems, values } = checkDirectives(redis, version);
    expect([problems.length, values]).toEqual([1, {}]);
    return problems[0];
  };

  test.each([
    ["port", "topology"],
    ["bind", "topology"],
    ["dir", "dataDirectory"],
    ["cluster-enabled", "member"],
    ["cluster-config-file", "memory of the others"],
    ["requirepass", "password"],
    ["MasterAuth", "password"],
    ["daemonize", "process"],
    ["pidfile", "process"],
    ["logfile", "output"],
    ["cluster-announce-ip", "address"],
    ["cluster-announce-bus-port", "address"],
    ["unixsocket", "address"],
    ["include", "has not seen"],
    ["loadmodule", "has not seen"],
    ["slaveof", "address"],
    ["protected-mode", "password"],
    ["cluster-migration-barrier", "zone"],
  ])("%s is the kit's: %s", (name, reason) => {
    expect(problem({ [name]: "x" })?.expected).toMatch(new RegExp(`because .*${reason}`));
  });

  test.each([
    ["user"],
    ["aclfile"],
    ["tls-port"],
    ["cluster-port"],
    ["enable-protected-configs"],
    ["shutdown-on-sigterm"],
  ])("%s of 7.0 is the kit's", (name) => {
    expect(problem({ [name]: "x" }, "7.0.15")?.expected).toContain("the kit writes this directive itself");
  });

  test("an unknown one, with the nearest that is known", () => {
    expect(problem({ "maxmemory-polcy": "x" })).toEqual({
      property: "redis.maxmemory-polcy",
      value: "(not shown)",
      expected: "a directive of Redis 5.0.14",
      cure: "write maxmemory-policy, if that is what is meant; otherwise pulumi config rm --path 'redis.maxmemory-polcy'",
    });
    expect(problem({ "a\nrequirepass": "x" })?.property).toBe('redis."a\\nrequirepass"');
  });

  test("one of another version, with its name in this one", () => {
    expect(problem({ "io-threads": 4 })?.expected).toBe(
      "a directive of Redis 5.0.14; the 6.2 line has this one",
    );
    expect(problem({ "hash-max-listpack-entries": 4 })?.cure).toContain("write hash-max-ziplist-entries");
    expect(problem({ "gopher-enabled": "no" }, "7.0.15")?.expected).toContain("the 6.2 line has this one");
  });

  test("one that is given under two of its names", () => {
    const { problems } = checkDirectives({ "slave-priority": 1, "replica-priority": 2 }, "5.0.14");
    expect(problems.map(({ property, value }) => [property, value])).toEqual([
      ["redis.replica-priority", "given twice"],
    ]);
  });

  test.each([
    ["maxmemory", "64 mb", "a size like 64mb"],
    ["maxmemory", "1.5gb", "a size like 64mb"],
    ["maxmemory", "64mib", "a size like 64mb"],
    ["maxmemory", -1, "a size like 64mb"],
    ["maxmemory", "9999999999gb", "a size like 64mb"],
    ["maxmemory", "5%", "a size like 64mb"],
    ["client-query-buffer-limit", "1kb", "at least 1048576 bytes"],
    ["cluster-node-timeout", "5s", "ms, without a unit"],
    ["cluster-node-timeout", 0, "from 1 to 2147483647"],
    ["timeout", 1.5, "whole number"],
    ["timeout", "1e3", "whole number"],
    ["timeout", 2_147_483_648, "to 2147483647"],
    ["hz", 501, "from 1 to 500"],
    ["appendonly", "on", "yes or no"],
    ["appendfsync", "sometimes", "everysec, always, no"],
    ["maxmemory-policy", "lru", "allkeys-lru"],
    ["save", "900", "pairs"],
    ["save", "0 1", "pairs"],
    ["save", "900 1\n300 1", "no line breaks"],
    ["syslog-ident", "redis\nrequirepass x", "no line breaks"],
    ["syslog-ident", "redis\0", "control characters"],
    ["syslog-ident", "\ud800", "control characters"],
    ["client-output-buffer-limit", "pubsub 64mb 16mb", "groups of class"],
    ["client-output-buffer-limit", "master 0 0 0", "normal, replica or pubsub"],
    ["notify-keyspace-events", "KEQ", "letters out of Ag$lshzxetKE"],
    ["rename-command", { CLUSTER: "" }, "commands out of DEBUG"],
    ["rename-command", { CONFIG: "config-1" }, "commands out of DEBUG"],
    ["rename-command", { KEYS: "scan" }, "with a digit"],
    ["rename-command", { KEYS: "a1", DEBUG: "A1" }, "with a digit"],
    ["rename-command", "KEYS", "commands out of"],
    ["maxmemory", null, "a size"],
    ["maxmemory", { a: null }, "a size"],
  ])("%s: %j", (name, value, expected) => {
    const found = problem({ [name]: value });
    expect(found?.property).toBe(`redis.${name}`);
    expect(found?.expected).toContain(expected);
    expect(found?.cure).toContain("pulumi config set --path");
  });

  test("a choice is cured with the nearest one", () => {
    expect(problem({ "maxmemory-policy": "allkeys-lrv" })?.cure).toContain("allkeys-lru");
  });

  test("6.2 and 7.0 each have letters of events that 5.0 has not", () => {
    expect(normalizeDirectives({ "notify-keyspace-events": "Km" }, "6.2.14")).toEqual({
      "notify-keyspace-events": "Km",
    });
    expect(problem({ "notify-keyspace-events": "Kn" }, "6.2.14")?.expected).toContain("letters");
    expect(problem({ "notify-keyspace-events": "KAn" }, "7.0.15")?.expected).toContain(
      "n not together with A",
    );
    expect(problem({ "notify-keyspace-events": "Km" })?.expected).toContain("letters");
  });
});
