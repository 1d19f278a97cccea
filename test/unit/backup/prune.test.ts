import { createHash } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { listBackups } from "../../../backup/list";
import type { Manifest } from "../../../backup/manifest";
import { isoWeek, keptBy, prune } from "../../../backup/prune";
import { manifestOf, placeOf } from "./support";

const DAY_MS = 86_400_000;
const START = Date.UTC(2026, 10, 22, 3, 15);

function daily(count: number) {
  return Array.from({ length: count }, (_, day) => {
    const startedAt = new Date(START - day * DAY_MS).toISOString();
    return { id: `day-${day}`, startedAt };
  });
}

describe("the policy", () => {
  it("keeps the newest of each day, week and month", () => {
    const kept = keptBy({ daily: 3, weekly: 2, monthly: 2 }, daily(60));
    // 22 November 2026 is a Sunday: the last day of its ISO week, so the newest of the week before is the 15th.
    expect([...kept].sort()).toEqual(["day-0", "day-1", "day-2", "day-22", "day-7"]);
  });

  it("keeps one of several on a day: the last", () => {
    const backups = [3, 9, 15].map((hour) => ({
      id: `at-${hour}`,
      startedAt: new Date(Date.UTC(2026, 0, 5, hour)).toISOString(),
    }));
    expect([...keptBy({ daily: 7, weekly: 0, monthly: 0 }, backups)]).toEqual(["at-15"]);
  });

  it.each([
    ["2026-11-22T03:15:00Z", "2026-W47"],
    ["2027-01-03T00:00:00Z", "2026-W53"],
    ["2026-01-01T00:00:00Z", "2026-W01"],
    ["2024-12-30T23:59:59Z", "2025-W01"],
  ])("%s is in ISO week %s", (time, week) => expect(isoWeek(new Date(time))).toBe(week));

  it("never keeps more than it says, and always the newest", () => {
    const times = fc.array(fc.integer({ min: 0, max: 400 * 24 }), { minLength: 1, maxLength: 60 });
    const policy = fc.record({ daily: fc.nat(10), weekly: fc.nat(6), monthly: fc.nat(14) });
    fc.assert(
      fc.property(times, policy, (hours, retention) => {
        const backups = hours.map((hour, index) => ({
          id: String(index),
          startedAt: new Date(START - hour * 3_600_000).toISOString(),
        }));
        const kept = keptBy(retention, backups);
        const most = retention.daily + retention.weekly + retention.monthly;
        expect(kept.size).toBeLessThanOrEqual(most);
        const newest = backups.reduce((one, other) => (other.startedAt > one.startedAt ? other : one));
        if (most > 0)
          expect([...kept].some((id) => backups[Number(id)]?.startedAt === newest.startedAt)).toBe(true);
      }),
    );
  });
});

/** With files that are as the manifest says: one key a shard. */
function goodPlace(manifests: readonly Manifest[], folder: string, damaged: readonly string[] = []) {
  const place = placeOf(manifests);
  const fetch = async (id: string, file: string) => {
    const path = join(folder, `${id}-${file}`);
    await writeFile(path, damaged.includes(id) ? TRUNCATED : SNAPSHOT);
    return { path, release: async () => {} };
  };
  return { ...place, fetch };
}

const SNAPSHOT = Buffer.concat([Buffer.from("REDIS0009"), Buffer.from([0xfe, 0, 0xff]), Buffer.alloc(8)]);
/** Claims a compressed key of four gibibytes. */
const TRUNCATED = Buffer.concat([
  Buffer.from("REDIS0009"),
  Buffer.from([0xfe, 0, 0, 0xc3, 1, 0x80, 0xff, 0xff, 0xff, 0xff, 0, 0xff]),
  Buffer.alloc(8),
]);

function emptyManifest(id: string): Manifest {
  const [, y, m, d, time] = /-(\d{4})(\d\d)(\d\d)T(\d{6})Z$/.exec(id) ?? [];
  const base = manifestOf(id, `${y}-${m}-${d}T${time?.replace(/(\d\d)(\d\d)(\d\d)/, "$1:$2:$3")}.000Z`);
  const sha256 = createHash("sha256").update(SNAPSHOT).digest("hex");
  const shards = base.shards.map((shard) => ({
    ...shard,
    keys: 0,
    keysPerSlot: (shard.keysPerSlot ?? []).map(() => 0),
    bytes: SNAPSHOT.length,
    sha256,
  }));
  return { ...base, keys: 0, bytes: 3 * SNAPSHOT.length, shards };
}

describe("pruning, with files", () => {
  const ids = ["20261120", "20261121", "20261122"].map((day) => `cache-${day}T031500Z`);
  const nothing = { daily: 0, weekly: 0, monthly: 0 };
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "redis-cluster-kit-prune-"));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it("goes on behind a file that claims more than there can be", async () => {
    const place = goodPlace(ids.map(emptyManifest), folder, [ids[2] ?? ""]);
    const report = await prune(place, "cache", nothing, {});
    expect(report).toEqual({
      removed: [ids[0]],
      kept: [ids[1]],
      lastGood: ids[1],
      damaged: [ids[2]],
      warnings: [],
    });
  });

  it("leaves a copy under another name alone, and says so", async () => {
    const copy = "cache-20261123T031500Z";
    const place = goodPlace(ids.map(emptyManifest), folder);
    const withCopy = {
      ...place,
      ids: async () => [...ids, copy],
      manifest: (id: string) => place.manifest(id === copy ? (ids[0] ?? "") : id),
    };
    const report = await prune(withCopy, "cache", nothing, {});
    expect(report).toMatchObject({ removed: [ids[1], ids[0]], kept: [ids[2]], lastGood: ids[2] });
    expect(report.damaged).toEqual([copy]);
    expect(place.removed).toEqual([ids[1], ids[0]]);
    const [listed] = await listBackups(withCopy, "cache");
    expect(listed).toMatchObject({ id: copy, problem: expect.stringContaining(`says that it is ${ids[0]}`) });
  });

  it("keeps what another cluster of the same name has, by the policy for it alone", async () => {
    const theirs = ["20261120", "20261121"].map((day) => `cache-${day}T041500Z`);
    const nodeId = "f".repeat(40);
    const manifests = [...ids, ...theirs].map((id) => {
      const own = emptyManifest(id);
      return theirs.includes(id) ? { ...own, shards: own.shards.map((one) => ({ ...one, nodeId })) } : own;
    });
    const place = goodPlace(manifests, folder);
    const report = await prune(place, "cache", { daily: 2, weekly: 0, monthly: 0 }, {});
    // Together they would keep 22 November's and the later one of the 21st, which is theirs.
    expect(report).toMatchObject({ removed: [ids[0]], lastGood: ids[2] });
    expect(report.warnings.join()).toContain("2 clusters named cache");
    await prune(place, "cache", nothing, {});
    expect(place.removed).not.toContain(theirs[1]);
  });

  it("is not troubled by damaged backups of other clusters", async () => {
    const place = goodPlace(ids.map(emptyManifest), folder);
    const other = "other-20261123T031500Z";
    const withOther = {
      ...place,
      ids: async () => [...ids, other],
      manifest: async (id: string) => (id === other ? "{" : place.manifest(id)),
    };
    expect((await prune(withOther, "cache", nothing, {})).damaged).toEqual([]);
  });
});

describe("pruning", () => {
  it("removes nothing where no backup is good", async () => {
    const manifests = ["20261120", "20261121", "20261122"].map((day) =>
      manifestOf(
        `cache-${day}T031500Z`,
        `${day.slice(0, 4)}-${day.slice(4, 6)}-${day.slice(6)}T03:15:00.000Z`,
      ),
    );
    const place = placeOf(manifests);
    const report = await prune(place, "cache", { daily: 0, weekly: 0, monthly: 0 }, {});
    expect(report).toMatchObject({ removed: [], lastGood: undefined });
    expect(report.damaged).toHaveLength(3);
    expect(place.removed).toEqual([]);
  });
});
