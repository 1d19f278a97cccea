import { describe, expect, test } from "vitest";
import { compareVersions, minorLine } from "../../../install/platform";
import {
  compilerFlags,
  DEFAULT_REDIS_VERSION,
  knownVersions,
  PYPI_SOURCES,
  pypiSourceFor,
  REDIS_SHA256,
  vendorUrl,
} from "../../../install/versions";

describe("the table of Redis versions", () => {
  test.each(Object.entries({ ...REDIS_SHA256 }))("%s has a whole SHA-256", (version, sha256) => {
    expect(version).toMatch(/^\d+\.\d+\.\d+$/);
    expect(sha256).toMatch(/^[0-9a-f]{64}$/);
  });

  test("no checksum is there twice, which a slip in copying would do", () => {
    const all = [...Object.values(REDIS_SHA256), ...PYPI_SOURCES.map((source) => source.sha256)];
    expect(new Set(all).size).toBe(all.length);
  });

  test("the default and what the issue names are in it", () => {
    expect(DEFAULT_REDIS_VERSION).toBe("5.0.14");
    expect(knownVersions()).toEqual(expect.arrayContaining(["5.0.5", "5.0.6", "5.0.14", "6.2.14", "7.0.15"]));
  });

  test("versions are listed by number, not by letter", () => {
    const versions = knownVersions();
    expect(versions.indexOf("5.0.9")).toBeLessThan(versions.indexOf("5.0.10"));
    expect(versions[0]).toBe("5.0.0");
  });

  test("a mirror has the same file names", () => {
    expect(vendorUrl("5.0.14", {})).toBe("https://download.redis.io/releases/redis-5.0.14.tar.gz");
    expect(vendorUrl("5.0.14", { REDIS_CLUSTER_KIT_REDIS_MIRROR: "https://mirror.example/r" })).toBe(
      "https://mirror.example/r/redis-5.0.14.tar.gz",
    );
  });
});

describe("compiler flags", () => {
  test.each([
    ["5.0.5", "linux", "-fcommon"],
    ["5.0.6", "linux", "-fcommon"],
    ["5.0.8", "linux", "-fcommon"],
    ["5.0.9", "linux", ""],
    ["5.0.14", "linux", ""],
    ["6.2.14", "linux", ""],
    ["5.0.6", "darwin", "-fcommon -D_DARWIN_C_SOURCE"],
    ["7.0.15", "darwin", "-D_DARWIN_C_SOURCE"],
    ["7.2.5", "darwin", ""],
  ] as const)("%s on %s: '%s'", (version, platform, flags) => {
    expect(compilerFlags(version, platform)).toBe(flags);
  });
});

describe("versions as numbers", () => {
  test.each([
    ["5.0.6", "5.0.14", -1],
    ["7.0.15", "6.2.21", 1],
    ["5.0", "5.0.0", 0],
    ["3.221.0", "3.150.0", 1],
  ])("%s against %s", (a, b, sign) => {
    expect(Math.sign(compareVersions(a, b))).toBe(sign);
  });

  test("the Python package index has one source per line of releases", () => {
    expect(pypiSourceFor("5.0.14")?.version).toBe("5.0.6");
    expect(pypiSourceFor("6.2.21")?.version).toBe("6.2.14");
    expect(pypiSourceFor("7.0.15")).toBeUndefined();
    expect(minorLine("6.2.14")).toBe("6.2");
  });
});
