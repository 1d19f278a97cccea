import { describe, expect, it } from "vitest";
import type { LiveShard } from "../../../backup/fit";
import { couldBe, refuseTarget } from "../../../backup/target";
import type { NodeSpec } from "../../../cluster/spec";
import type { NodeUp } from "../../../cluster/view";
import { manifestOf } from "./support";

const manifest = manifestOf("cache-20261122T031500Z", "2026-11-22T03:15:00.000Z");
const marker = { id: manifest.id, sha256: "1", startedAt: "" };

function shard(up: Partial<NodeUp> = {}): LiveShard {
  const full = { name: "shard-1-a", version: "5.0.14", keys: 0, maxmemoryBytes: 0, ...up } as NodeUp;
  const primary = { spec: { name: full.name } as NodeSpec, up: full };
  return { number: 1, primary, replicas: [], slots: [{ start: 0, end: 16383 }] };
}

const ask = (up: Partial<NodeUp>, found?: typeof marker) => () =>
  refuseTarget({ name: "cache", shards: [shard(up)], manifest, found, marker });

describe("a restore goes into", () => {
  it.each([
    ["an empty cluster", {}, undefined],
    ["a newer line", { version: "7.0.15" }, undefined],
    ["its own unfinished restore", { keys: 2 }, marker],
    ["one with room enough", { maxmemoryBytes: 3_000_000 }, undefined],
  ])("%s", (_, up, found) => expect(ask(up, found)).not.toThrow());

  it.each([
    [
      "a cluster with keys",
      { keys: 2 },
      undefined,
      "cache has keys (2 on shard-1-a), and a restore never mixes",
    ],
    [
      "another backup's unfinished restore",
      { keys: 2 },
      { ...marker, id: "other" },
      "holds a restore of other that has not finished",
    ],
    ["another one of the same name", { keys: 2 }, { ...marker, sha256: "2" }, "has not finished"],
    [
      "an older line",
      { version: "4.0.14" },
      undefined,
      "runs Redis 4.0.14, the backup is of 5.0.14, which it cannot read",
    ],
    [
      "one that is too small",
      { maxmemoryBytes: 2_000_000 },
      undefined,
      "is too small: the backup's nodes used 3 MiB",
    ],
  ])("not %s", (_, up, found, text) => expect(ask(up, found)).toThrow(text));
});

describe("keys that are there could be the backup's own", () => {
  const counts = (...own: [number, number][]) => {
    const all = new Uint32Array(16384);
    for (const [slot, count] of own) all[slot] = count;
    return all;
  };
  it("where every slot has what the backup has", () =>
    expect(couldBe(manifest, counts([5, 1], [5466, 1], [10928, 1]))).toBe(true));
  it.each([
    ["one is missing", counts([5, 1], [5466, 1])],
    ["a slot has more", counts([5, 2], [5466, 1], [10928, 1])],
    ["a slot has one that the backup has not", counts([5, 1], [5466, 1], [10928, 1], [7, 1])],
  ])("not where %s", (_, there) => expect(couldBe(manifest, there)).toBe(false));
});
