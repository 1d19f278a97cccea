import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseConfig, passwordProblems } from "../../../config";
import { CONTEXT } from "./context";

/** Passwords are tried with real servers in test/integration/redis-conf.test.ts. */
describe("passwords", () => {
  test.each([
    "example-password",
    "with \"quotes\" and 'more'",
    "back\\slash \\n \\x41",
    " blanks around ",
    "# no comment",
    "Grüße, 世界 🔑",
    "x".repeat(512),
  ])("%j is one", (password) => {
    expect(passwordProblems(password)).toEqual([]);
    expect(parseConfig({ password }, CONTEXT).password).toBe(password);
  });

  test.each([
    ["", "more than nothing and blanks"],
    ["          ", "more than nothing and blanks"],
    ["\u00a0\u2003\u00a0\u2003\u00a0\u2003\u00a0\u2003", "more than nothing and blanks"],
    ["seven77", "at least 8 characters"],
    ["🔑🔑🔑🔑", "at least 8 characters"],
    ["example-password\n", "no line breaks"],
    ["example\u0000password", "control characters"],
    ["example\u0085password", "control characters"],
    ["example-\ud83d-password", "control characters"],
    ["x".repeat(513), "at most 512 bytes"],
    ["é".repeat(257), "at most 512 bytes"],
  ])("%j is none: %s", (password, expected) => {
    const [problem] = passwordProblems(password);
    expect(problem).toMatchObject({ property: "password", value: "(not shown)" });
    expect(problem?.expected).toContain(expected);
  });

  test("no problem ever repeats one", () => {
    fc.assert(
      fc.property(fc.string({ minLength: 3, unit: fc.constantFrom("q", "\n", "\0", "Z") }), (password) => {
        fc.pre(/q|Z/.test(password));
        expect(JSON.stringify(passwordProblems(password))).not.toContain(
          JSON.stringify(password).slice(1, -1),
        );
      }),
    );
  });
});
