import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { defaultDirectives } from "../../../config/defaults";
import { normalizeDirectives } from "../../../config/redis";
import { quote } from "../../../templates/quote";
import { parseRedisConf, renderRedisConf } from "../../../templates/render";

const NODE = { name: "shard-1-a", host: "127.0.0.1", port: 7000, dir: "/data/shard-1-a" };
const SECRETS = { password: "example-password" };

/** Values of a directive in a file, in order. */
function valuesOf(conf: string, name: string): string[][] {
  return parseRedisConf(conf)
    .filter(([each]) => each === name)
    .map(([, ...args]) => args);
}

describe("a rendered redis.conf", () => {
  test.each(["5.0.14", "6.2.14", "7.0.15"])("of Redis %s with the kit's defaults", (version) => {
    expect(renderRedisConf(NODE, defaultDirectives(version), SECRETS)).toMatchSnapshot();
  });

  test("with a stack's own directives of every form", () => {
    const declared = normalizeDirectives(
      {
        maxmemory: "8gb",
        save: "",
        "client-output-buffer-limit": "pubsub 64mb 16mb 60",
        "rename-command": { KEYS: "", DEBUG: "debug-4711" },
        "latency-tracking-info-percentiles": [50, 99.9],
        "oom-score-adj-values": "0 200 800",
        "notify-keyspace-events": "",
        "syslog-ident": 'a "quoted" name',
      },
      "7.0.15",
    );
    const conf = renderRedisConf(NODE, { ...defaultDirectives("7.0.15"), ...declared }, SECRETS);
    expect(conf).toMatchSnapshot();
    expect(valuesOf(conf, "maxmemory")).toEqual([["8589934592"]]);
    expect(valuesOf(conf, "save")).toEqual([[""]]);
    expect(valuesOf(conf, "rename-command")).toEqual([
      ["DEBUG", "debug-4711"],
      ["KEYS", ""],
    ]);
    expect(valuesOf(conf, "latency-tracking-info-percentiles")).toEqual([["50", "99.9"]]);
  });

  test("asks for the password of clients and of links, and has protected mode only without one", () => {
    const guarded = renderRedisConf(NODE, {}, SECRETS);
    expect(valuesOf(guarded, "requirepass")).toEqual([["example-password"]]);
    expect(valuesOf(guarded, "masterauth")).toEqual([["example-password"]]);
    expect(valuesOf(guarded, "protected-mode")).toEqual([["no"]]);
    const open = renderRedisConf(NODE, {}, {});
    expect(open).not.toMatch(/requirepass|masterauth/);
    expect(valuesOf(open, "protected-mode")).toEqual([["yes"]]);
  });

  test("binds what it is told to", () => {
    const conf = renderRedisConf({ ...NODE, bind: ["10.0.0.1", "127.0.0.1"] }, {}, SECRETS);
    expect(valuesOf(conf, "bind")).toEqual([["10.0.0.1", "127.0.0.1"]]);
    expect(valuesOf(conf, "cluster-announce-ip")).toEqual([["127.0.0.1"]]);
  });

  test("does not depend on the order in which directives are declared", () => {
    const directives = { ...defaultDirectives("7.0.15"), hz: "20", databases: "1" };
    const reversed = Object.fromEntries(Object.entries(directives).reverse());
    expect(renderRedisConf(NODE, reversed, SECRETS)).toBe(renderRedisConf(NODE, directives, SECRETS));
  });

  test.each(["requirepass", "port", "dir", "cluster-config-file"])(
    "refuses %s as a directive: the last line of a name wins",
    (name) => {
      expect(() => renderRedisConf(NODE, { [name]: "1" }, SECRETS)).toThrow(name);
    },
  );

  test.each(["include\nrequirepass", "a b", "", "#x", "UPPER"])(
    "refuses %j as a directive's name",
    (name) => {
      expect(() => renderRedisConf(NODE, { [name]: "1" }, SECRETS)).toThrow(/no directive's name/);
    },
  );
});

describe("whatever the values are", () => {
  /** Texts that would be lines, comments, quotes or placeholders of their own. */
  const hostile = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.string({
      unit: fc.constantFrom("\\", '"', "'", "\n", "\r", " ", "#", "x", "41", "{{", "}}", "é", "\0"),
    }),
    fc.constantFrom(
      "\ninclude /etc/passwd",
      '"\nrequirepass ""',
      "\\",
      "{{password}}",
      "$&",
      "$1",
      "\u2028",
      "🔑",
    ),
  );

  test("the file reads back as what was meant, and nothing else", () => {
    fc.assert(
      fc.property(hostile, hostile, hostile, hostile, (password, dir, ident, name) => {
        const conf = renderRedisConf(
          { ...NODE, name, dir },
          { ...defaultDirectives("7.0.15"), "syslog-ident": ident },
          { password },
        );
        const plain = parseRedisConf(
          renderRedisConf(NODE, { ...defaultDirectives("7.0.15"), "syslog-ident": "x" }, SECRETS),
        );
        const meant = plain.map(([directive, ...args]) => {
          if (directive === "requirepass" || directive === "masterauth") return [directive, password];
          if (directive === "dir") return [directive, dir];
          return directive === "syslog-ident" ? [directive, ident] : [directive, ...args];
        });
        expect(parseRedisConf(conf)).toEqual(meant);
      }),
      { numRuns: 500 },
    );
  });

  test("new names of commands stay apart", () => {
    fc.assert(
      fc.property(fc.array(hostile, { minLength: 1, maxLength: 5 }), (names) => {
        const value = names.map((name, index) => `COMMAND${index} ${quote(name)}`).join(" ");
        const conf = renderRedisConf(NODE, { "rename-command": value }, SECRETS);
        expect(valuesOf(conf, "rename-command")).toEqual(
          names.map((name, index) => [`COMMAND${index}`, name]),
        );
      }),
    );
  });
});

describe("reading a redis.conf", () => {
  test("leaves out comments and empty lines, and lowers names", () => {
    expect(parseRedisConf("# comment\r\n\n  MaxMemory 64mb \r\nsave 900 1\n\tsave ''\n")).toEqual([
      ["maxmemory", "64mb"],
      ["save", "900", "1"],
      ["save", ""],
    ]);
  });

  test("names the line whose quotes are unbalanced, and not what is in it", () => {
    const reading = () => parseRedisConf('port 7000\nrequirepass "secret');
    expect(reading).toThrow("line 2");
    expect(reading).not.toThrow("secret");
  });
});
