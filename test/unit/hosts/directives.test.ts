import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readDirective, redact } from "../../../hosts/local/directives";

describe("readDirective reads a value the way Redis does", () => {
  test.each([
    ["maxclients 100", "100"],
    ["  MaxClients\t 100  ", "100"],
    ["maxclients 1\nmaxclients 2", "2"],
    ['maxclients "100"', "100"],
    ["maxclients '1 00'", "1 00"],
    [String.raw`maxclients "a\"b\\c\x41\n"`, 'a"b\\cA\n'],
    [String.raw`maxclients 'it\'s'`, "it's"],
    [String.raw`maxclients "\xc3\xa9"`, "é"],
    ["maxclients é#x", "é#x"],
    ["maxclients ''", ""],
    ["# maxclients 100", undefined],
    ['maxclients "100', undefined],
    ['maxclients "1"2', undefined],
    ["maxclients 1 2", undefined],
    ["maxclientsx 1", undefined],
    ["", undefined],
  ])("%j gives %j", (text, value) => expect(readDirective(text, "maxclients")).toBe(value));

  test("any value that is written in quotes comes back", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (value) => {
        const bytes = [...Buffer.from(value, "utf8")].map(
          (byte) => `\\x${byte.toString(16).padStart(2, "0")}`,
        );
        const read = readDirective(`port 1\nrequirepass "${bytes.join("")}"\n`, "requirepass");
        expect(read).toBe(Buffer.from(value, "utf8").toString("utf8"));
      }),
    );
  });
});

describe("redact", () => {
  const redisConf = 'requirepass "s3cret word"\nmasterauth other\n';

  test("removes the passwords of the file, wherever they stand", () => {
    expect(redact("AUTH s3cret word, other", redisConf)).toBe("AUTH (not shown), (not shown)");
  });

  test.each(["requirepass a b", "MASTERAUTH a b", "user default on >a b", "tls-key-file-pass a b"])(
    "removes the words of a quoted line: %s",
    (line) => {
      const clean = redact(`*** FATAL\n>>> '${line}'\nBad directive`, undefined);
      expect(clean).toBe(`*** FATAL\n>>> '${line.split(" ", 1)[0]} (not shown)\nBad directive`);
    },
  );

  test("leaves everything else as it is", () => {
    const log = "1:M * The user asked\n>>> 'maxmemory-polizy x'\nBad directive";
    expect(redact(log, redisConf)).toBe(log);
  });

  test("an empty password removes nothing", () => expect(redact("a b", 'requirepass ""')).toBe("a b"));
});
