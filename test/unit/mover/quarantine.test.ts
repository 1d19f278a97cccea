import calculateSlot from "cluster-key-slot";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isQuarantineKey, quarantineKey, tagOf } from "../../../cluster/mover/quarantine";
import { SLOT_COUNT } from "../../../cluster/spec";

const bytes = fc.uint8Array({ maxLength: 40 }).map((array) => Buffer.from(array));
const id = "0123456789abcdef0123456789abcdef01234567";

describe("quarantineKey", () => {
  it("is in the slot of the key, whatever bytes and braces that has", () =>
    fc.assert(
      fc.property(
        fc.oneof(bytes, fc.constantFrom("{}", "{", "}", "a{b}c", "{{x}}", "}{").map(Buffer.from)),
        (key) => {
          const slot = calculateSlot(key);
          const name = quarantineKey(slot, id, Buffer.from("payload"), key);
          expect(calculateSlot(name)).toBe(slot);
          expect(isQuarantineKey(name)).toBe(true);
          expect(name.subarray(name.length - key.length).equals(key)).toBe(true);
        },
      ),
    ));

  it("is the same for the same value, another for another, and tells the nodes apart", () => {
    const of = (payload: string, node = id) =>
      String(quarantineKey(7, node, Buffer.from(payload), Buffer.from("k")));
    expect(of("a")).toBe(of("a"));
    expect(of("a")).not.toBe(of("b"));
    expect(of("a")).not.toBe(of("a", id.split("").reverse().join("")));
  });

  it("is not what users name their keys", () =>
    expect(isQuarantineKey(Buffer.from("conflict:1"))).toBe(false));
});

describe("tagOf", () => {
  it("finds a tag for every slot", () => {
    for (let slot = 0; slot < SLOT_COUNT; slot += 997) expect(calculateSlot(tagOf(slot))).toBe(slot);
  });
});
