import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  changedPaths,
  fromStruct,
  joinPath,
  type Plain,
  secret,
  toStruct,
  UNKNOWN,
  unknownPaths,
  unwrap,
} from "../../../provider/wire";

/** google-protobuf sets fields by assignment, so it cannot carry this one; no property of ours is called that. */
const key = fc.string().filter((name) => name !== "__proto__");
const scalar = fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.constant(null));
const plain = fc.letrec<{ value: Plain }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small" },
    scalar,
    fc.array(tie("value"), { maxLength: 4 }),
    fc.dictionary(key, tie("value"), { maxKeys: 4 }),
  ),
})).value;
const bag = fc.dictionary(key, plain, { maxKeys: 5 });

/** The same data with a secret around every scalar. */
function wrapAll(value: Plain): Plain {
  if (Array.isArray(value)) return value.map(wrapAll);
  if (typeof value === "object" && value !== null)
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, wrapAll(item)]));
  return secret(value) as Plain;
}

describe("values on the wire", () => {
  test("plain data goes there and back unchanged", () => {
    fc.assert(
      fc.property(bag, (data) => {
        expect(fromStruct(toStruct(data))).toEqual({ ...data });
      }),
    );
  });

  test("unwrap undoes secrets, wherever they are", () => {
    fc.assert(
      fc.property(bag, (data) => {
        expect(unwrap(wrapAll(data))).toEqual({ ...data });
      }),
    );
  });

  test("fields that are undefined are left out, nested ones too", () => {
    expect(fromStruct(toStruct({ a: undefined, b: { c: undefined, d: 1 } }))).toEqual({ b: { d: 1 } });
  });

  test("a missing message field reads as empty", () => {
    expect(fromStruct(undefined)).toEqual({});
  });

  test("unknowns are found by path, in secrets too", () => {
    const data = { a: UNKNOWN, b: [1, { "c.d": UNKNOWN }], e: secret({ f: UNKNOWN }) as Plain, g: "known" };
    expect(unknownPaths(data)).toEqual(["a", 'b[1]["c.d"]', "e.f"]);
  });
});

describe("what differs", () => {
  test("nothing, between equal bags; secrets are compared by what is in them", () => {
    fc.assert(
      fc.property(bag, (data) => {
        expect(changedPaths(data, structuredClone(data))).toEqual([]);
        expect(changedPaths(wrapAll(data), wrapAll(data))).toEqual([]);
      }),
    );
  });

  test("is found for any two bags that are not equal", () => {
    fc.assert(
      fc.property(bag, bag, (one, other) => {
        const isSame = JSON.stringify(sorted(one)) === JSON.stringify(sorted(other));
        expect(changedPaths(one, other).length > 0).toBe(!isSame);
      }),
    );
  });

  test.each<[string, Plain, Plain, [string, string][]]>([
    ["a value", { a: 1 }, { a: 2 }, [["a", "update"]]],
    ["a field more", { a: 1 }, { a: 1, b: 1 }, [["b", "add"]]],
    ["a field less", { a: 1, b: { c: 1, d: 2 } }, { a: 1, b: { d: 2 } }, [["b.c", "delete"]]],
    ["a node more", { nodes: [1] }, { nodes: [1, 2] }, [["nodes[1]", "add"]]],
    ["a list for a map", { a: [1] }, { a: { b: 1 } }, [["a", "update"]]],
    [
      "a name with dashes",
      { d: { "max-memory": "1" } },
      { d: { "max-memory": "2" } },
      [['d["max-memory"]', "update"]],
    ],
  ])("%s", (_name, before, after, expected) => {
    expect(changedPaths(before, after).map(({ path, kind }) => [path, kind])).toEqual(expected);
  });

  test("a secret is told as one, whatever part of it differs", () => {
    const files = (text: string) => ({ files: secret({ a: "same", b: text }) as Plain });
    expect(changedPaths(files("1"), files("2"))).toEqual([{ path: "files", kind: "update" }]);
  });
});

test("paths quote what is no identifier", () => {
  expect(joinPath("", "a")).toBe("a");
  expect(joinPath("a", "b c")).toBe('a["b c"]');
  expect(joinPath("", "10")).toBe('["10"]');
});

function sorted(value: Plain): Plain {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, item]) => [key, sorted(item)]),
  );
}
