import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { quote, splitArguments } from "../../../templates/quote";

/** Any text that UTF-8 can carry; halves of characters cannot be told apart in it. */
export const anyText = fc.string({ unit: "binary" });

describe("reading arguments as Redis does", () => {
  test.each([
    ["save 900 1", ["save", "900", "1"]],
    ["  a\tb  ", ["a", "b"]],
    ['requirepass "a b"', ["requirepass", "a b"]],
    [String.raw`x "\x41\n\r\t\b\a\"\\\q"`, ["x", 'A\n\r\t\b\x07"\\q']],
    [String.raw`x '\n\x41 it\'s'`, ["x", String.raw`\n\x41 it's`]],
    ['x "\\xc3\\xa9 é"', ["x", "é é"]],
    [`x "" ''`, ["x", "", ""]],
    ['ab"cd"', ["abcd"]],
    ["", []],
    ["   ", []],
    ['"\\x4"', ["x4"]],
  ])("%j", (line, expected) => {
    expect(splitArguments(line)).toEqual(expected);
  });

  test.each(['"open', "'open", '"a"b', "'a'b", '"a\\"', '"ends in \\'])("%j is unbalanced", (line) => {
    expect(splitArguments(line)).toBeUndefined();
  });
});

describe("quoting", () => {
  test.each([
    ["everysec", "everysec"],
    ["/data/shard-1-a", "/data/shard-1-a"],
    ["", '""'],
    ["a b", '"a b"'],
    ["#x", '"#x"'],
    ['"', '"\\""'],
    ["\\", '"\\\\"'],
    ["\n", '"\\x0a"'],
    ["é", '"\\xc3\\xa9"'],
  ])("%j is written %s", (text, written) => {
    expect(quote(text)).toBe(written);
  });

  test("reads back as the same text, on one line, in ASCII, whatever it is", () => {
    fc.assert(
      fc.property(fc.array(anyText, { minLength: 1 }), (texts) => {
        const line = texts.map(quote).join(" ");
        expect(splitArguments(line)).toEqual(texts);
        expect(line).toMatch(/^[ -~]*$/);
      }),
      { numRuns: 1000 },
    );
  });
});
