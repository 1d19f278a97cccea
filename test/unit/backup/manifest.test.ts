import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { backupId, isBackupId, isIdOf, readManifest, writeManifest } from "../../../backup/manifest";
import { metricsText } from "../../../backup/metrics";
import { splitBackupUrl } from "../../../backup/place";
import { withoutSecrets } from "../../../backup/records";
import { manifestOf } from "./support";

const manifest = manifestOf("cache-20261122T031500Z", "2026-11-22T03:15:00.000Z");

describe("a manifest", () => {
  it("comes back as it was written", () => {
    expect(readManifest(writeManifest(manifest), "/b/x")).toEqual(manifest);
  });

  it("with any byte changed is refused by name", () => {
    const text = writeManifest(manifest);
    fc.assert(
      fc.property(fc.nat(text.length - 1), fc.integer({ min: 33, max: 126 }), (at, code) => {
        const changed = text.slice(0, at) + String.fromCharCode(code) + text.slice(at + 1);
        // White space between values says nothing.
        fc.pre(changed !== text && /\S/.test(text[at] ?? ""));
        expect(() => readManifest(changed, "/b/x")).toThrow(
          /\/b\/x\/manifest\.json (is damaged|was written by another)/,
        );
      }),
    );
  });

  it("of another format says so", () => {
    expect(() => readManifest('{"format":2}', "/b/x")).toThrow(
      "written by another version of the kit (format 2)",
    );
  });
});

describe("names of backups", () => {
  it("have cluster and time, and sort by it", () => {
    expect(backupId("cache", new Date("2026-11-22T03:15:00.123Z"))).toBe("cache-20261122T031500Z");
    expect(isBackupId("cache-20261122T031500Z")).toBe(true);
    expect(isBackupId(".taking-cache-20261122T031500Z.1")).toBe(false);
  });

  it("of one cluster are not those of another whose name begins the same", () => {
    expect(isIdOf("cache", "cache-20261122T031500Z")).toBe(true);
    expect(isIdOf("cache", "cache-two-20261122T031500Z")).toBe(false);
  });

  it.each([
    ["/b/cache-20261122T031500Z/", { place: "/b", id: "cache-20261122T031500Z" }],
    ["s3://bucket/p/cache-20261122T031500Z", { place: "s3://bucket/p", id: "cache-20261122T031500Z" }],
    ["cache-20261122T031500Z", { place: ".", id: "cache-20261122T031500Z" }],
  ])("%s is parted into place and name", (url, parts) => expect(splitBackupUrl(url)).toEqual(parts));
});

it("metrics have the last success with its size, by cluster", () => {
  const text = metricsText(manifest);
  expect(text).toContain(
    'redis_cluster_kit_backup_last_success_timestamp_seconds{cluster="cache"} 1795317300\n',
  );
  expect(text).toContain('redis_cluster_kit_backup_last_success_size_bytes{cluster="cache"} 300\n');
  expect(text).toContain('redis_cluster_kit_backup_last_success_duration_seconds{cluster="cache"} 2\n');
});

it("a kept redis.conf has no secret, wherever it stands", () => {
  const conf =
    'port 7000\nrequirepass "hush-hush-1"\n  masterauth x\nuser default on >hush\n# hush-hush-1\nmaxmemory 64mb';
  const kept = withoutSecrets(conf, ["hush-hush-1"]);
  expect(kept).not.toContain("hush");
  expect(kept).toContain("port 7000");
  expect(kept).toContain("maxmemory 64mb");
});
