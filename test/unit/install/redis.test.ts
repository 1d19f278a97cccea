import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as tar from "tar";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { sha256Of } from "../../../install/download";
import { findProgram } from "../../../install/process";
import { findRedis, installRedis } from "../../../install/redis";
import { findSource, sourceVersion } from "../../../install/redis-build";
import { redisFolder } from "../../../install/redis-programs";
import { closedAddress, fakeRedis, serve, setEnvironment, temporaryFolder } from "./support";

/** What a build needs and nothing else: no apt to ask, no redis-server of this machine's. */
const TOOLS = mkdtempSync(join(tmpdir(), "kit-tools-"));
for (const name of ["make", "cc", "sh", "chmod"]) symlinkSync(findProgram(name) ?? name, join(TOOLS, name));
afterAll(() => rmSync(TOOLS, { recursive: true }));

const lines: string[] = [];
const report = (line: string) => lines.push(line);

beforeEach(async () => {
  lines.length = 0;
  setEnvironment({
    REDIS_CLUSTER_KIT_CACHE: temporaryFolder(),
    REDIS_CLUSTER_KIT_REDIS_MIRROR: await closedAddress(),
    PATH: `${temporaryFolder()}:${TOOLS}`,
  });
});

/** Puts a redis-server of this version first on PATH. */
function installOnPath(version: string): string {
  const folder = fakeRedis(join(temporaryFolder(), "bin"), version);
  setEnvironment({ PATH: `${folder}:${TOOLS}` });
  return folder;
}

/** A tarball whose "build" writes programs that only tell their version: what make is given ends in src/make.log. */
async function fakeSource(version: string, recipe = ""): Promise<string> {
  const base = temporaryFolder();
  const root = join(base, `redis-${version}`);
  mkdirSync(join(root, "src"), { recursive: true });
  writeFileSync(join(root, "src", "version.h"), `#define REDIS_VERSION "${version}"\n`);
  writeFileSync(
    join(root, "src", "config.h"),
    "/* Test for backtrace() */\n#if defined(__APPLE__) || 1\n#endif\n",
  );
  const program = `\\#!/bin/sh\\necho "Redis server v=${version} sha=0"\\n`;
  const makefile = [
    "all:",
    ...["redis-server", "redis-cli", "redis-benchmark"].map(
      (name) => `\tprintf '${program}' > src/${name} && chmod +x src/${name}`,
    ),
    `\t@echo "MALLOC=$(MALLOC) CFLAGS=$(CFLAGS)"`,
    recipe,
    "",
  ];
  writeFileSync(join(root, "Makefile"), makefile.join("\n"));
  const file = join(base, `redis-${version}.tar.gz`);
  await tar.create({ gzip: true, file, cwd: base }, [`redis-${version}`]);
  return file;
}

describe("which Redis is taken", () => {
  test("an installed one of exactly the wanted version, without asking anybody", async () => {
    const folder = installOnPath("5.0.14");
    const install = await installRedis({ version: "5.0.14" }, report);
    expect(install).toMatchObject({ version: "5.0.14", origin: "installed", binDir: folder });
    expect(install.note).toBeUndefined();
    expect(lines).toEqual([]);
  });

  test("the default is the last of the 5 line", () => {
    installOnPath("5.0.14");
    expect(findRedis({})?.requested).toBe("5.0.14");
  });

  test("the cached one, when the installed one is another", async () => {
    installOnPath("7.0.15");
    fakeRedis(join(redisFolder("5.0.14", "vendor"), "bin"), "5.0.14");
    expect(await installRedis({ version: "5.0.14" }, report)).toMatchObject({
      version: "5.0.14",
      origin: "vendor",
    });
  });

  test("a version that nobody has heard of is refused with the ones there are", async () => {
    await expect(installRedis({ version: "9.9.9" }, report)).rejects.toThrow(
      /Redis 9\.9\.9 is not known[\s\S]*5\.0\.14/,
    );
  });

  test("findRedis alone fetches and builds nothing", () => {
    expect(findRedis({ version: "5.0.14" })).toBeUndefined();
    expect(findRedis({ source: "https://example.invalid/redis.tar.gz" })).toBeUndefined();
  });
});

describe("where the official tarball cannot be reached", () => {
  test("another of the same line stands in, with a note that names both and the way back", async () => {
    installOnPath("7.0.15");
    const install = await installRedis({ version: "7.0.15" }, report);
    expect(install.origin).toBe("installed");
    setEnvironment({ PATH: `${fakeRedis(join(temporaryFolder(), "bin"), "7.2.1")}:${TOOLS}` });
    const standIn = await installRedis({ version: "7.2.5" }, report);
    expect(standIn).toMatchObject({ requested: "7.2.5", version: "7.2.1", origin: "installed" });
    expect(standIn.note).toMatch(
      /Redis 7\.2\.5 cannot be had here: 127\.0\.0\.1:\d+ cannot be reached \(ECONNREFUSED\); using 7\.2\.1 from this machine .*--fresh/,
    );
  });

  test("a second run uses the same without trying again; fresh tries again", async () => {
    let asked = 0;
    const mirror = await serve((_request, response) => {
      asked++;
      response.writeHead(503).end();
    });
    setEnvironment({ REDIS_CLUSTER_KIT_REDIS_MIRROR: mirror });
    installOnPath("7.2.1");
    const first = await installRedis({ version: "7.2.5" }, report);
    expect(asked).toBe(1);
    expect(await installRedis({ version: "7.2.5" }, report)).toEqual(first);
    expect(findRedis({ version: "7.2.5" })).toEqual(first);
    expect(asked).toBe(1);
    await installRedis({ version: "7.2.5", fresh: true }, report);
    expect(asked).toBe(2);
  });

  test("a stand-in that has gone is not remembered", async () => {
    installOnPath("7.2.1");
    await installRedis({ version: "7.2.5" }, report);
    setEnvironment({ PATH: TOOLS });
    expect(findRedis({ version: "7.2.5" })).toBeUndefined();
  });
});

describe("the official tarball", () => {
  test("with a wrong checksum is refused and removed, and no stand-in hides that", async () => {
    installOnPath("5.0.6");
    const mirror = await serve((_request, response) => response.end("not Redis"));
    setEnvironment({ REDIS_CLUSTER_KIT_REDIS_MIRROR: mirror });
    await expect(installRedis({ version: "5.0.14" }, report)).rejects.toThrow(/wrong SHA-256/);
    const cache = process.env.REDIS_CLUSTER_KIT_CACHE ?? "";
    expect(readdirSync(join(cache, "downloads"))).toEqual([]);
    expect(findRedis({ version: "5.0.14" })).toBeUndefined();
  });

  test("without make or a compiler another of its line that needs no building is taken", async () => {
    setEnvironment({ PATH: fakeRedis(temporaryFolder(), "5.0.9"), CC: undefined });
    const install = await installRedis({ version: "5.0.14" }, report);
    expect(install.note).toMatch(/cannot be had here: building Redis needs make and .*; using 5\.0\.9/i);
  });

  test("without make or a compiler says what to install", async () => {
    setEnvironment({ PATH: temporaryFolder(), CC: undefined });
    await expect(installRedis({ version: "5.0.14" }, report)).rejects.toThrow(
      /needs make and a C compiler[\s\S]*apt-get install build-essential[\s\S]*xcode-select/,
    );
  });
});

describe("a Redis of the user's own", () => {
  test.each([
    ["its folder", (folder: string) => folder],
    ["the folder above bin/", (folder: string) => join(folder, "..")],
    ["the program itself", (folder: string) => join(folder, "redis-server")],
  ])("is used by %s", async (_name, path) => {
    const folder = fakeRedis(join(temporaryFolder(), "bin"), "7.4.1");
    const source = path(folder);
    expect(await installRedis({ source, version: "5.0.14" }, report)).toMatchObject({
      requested: source,
      version: "7.4.1",
      origin: "user",
      server: join(folder, "redis-server"),
    });
  });

  test("is built from a tarball, with the flags its version needs, once", async () => {
    const source = await fakeSource("5.0.5");
    const install = await installRedis({ source, sha256: await sha256Of(source) }, report);
    expect(install).toMatchObject({ version: "5.0.5", origin: "user" });
    const log = readFileSync(
      join(process.env.REDIS_CLUSTER_KIT_CACHE ?? "", "logs", "redis-5.0.5-build.log"),
      "utf8",
    );
    expect(log).toContain("MALLOC=libc CFLAGS=-fcommon");
    expect(readdirSync(install.binDir).sort()).toEqual(
      [
        "redis-benchmark",
        "redis-check-aof",
        "redis-check-rdb",
        "redis-cli",
        "redis-sentinel",
        "redis-server",
      ].sort(),
    );
    expect(findRedis({ source, sha256: await sha256Of(source) })).toEqual(install);
    expect(existsSync(source)).toBe(true);
  });

  test("is fetched from an address", async () => {
    const file = await fakeSource("7.4.1");
    const address = await serve((_request, response) => response.end(readFileSync(file)));
    const source = `${address}/redis.tar.gz`;
    expect(await installRedis({ source, sha256: await sha256Of(file) }, report)).toMatchObject({
      version: "7.4.1",
    });
  });

  test("with another checksum is refused, and the user's file stays", async () => {
    const source = await fakeSource("5.0.5");
    await expect(installRedis({ source, sha256: "0".repeat(64) }, report)).rejects.toThrow(/wrong SHA-256/);
    expect(existsSync(source)).toBe(true);
  });

  test("a build that fails shows its last words and where the log is, and leaves no half", async () => {
    const source = await fakeSource("5.0.5", "\t@echo 'server.c:1: error: no such thing'; exit 1");
    const failure = installRedis({ source }, report);
    await expect(failure).rejects.toThrow(
      /Building Redis 5\.0\.5 failed \(make ended with 2\)[\s\S]*error: no such thing[\s\S]*redis-5\.0\.5-build\.log/,
    );
    const cache = process.env.REDIS_CLUSTER_KIT_CACHE ?? "";
    expect(readdirSync(join(cache, "redis"))).toEqual([]);
  });

  test.each([
    ["does not exist", "/nowhere/redis-server", /\/nowhere\/redis-server does not exist/],
    ["does not exist as a tarball", "/nowhere/redis.tar.gz", /\/nowhere\/redis\.tar\.gz does not exist/],
    ["has no server", "/usr/include", /no redis-server in \/usr\/include, \/usr\/include\/bin/],
  ])("that %s is refused with what it may be", async (_name, source, message) => {
    await expect(installRedis({ source }, report)).rejects.toThrow(message);
    await expect(installRedis({ source }, report)).rejects.toThrow(/It may be a redis-server, a folder/);
  });

  test("that does not run is refused", async () => {
    const folder = temporaryFolder();
    for (const name of ["redis-server", "redis-cli"]) {
      writeFileSync(join(folder, name), "#!/bin/sh\nexit 1\n");
      chmodSync(join(folder, name), 0o755);
    }
    await expect(installRedis({ source: folder }, report)).rejects.toThrow(/no redis-server that runs here/);
  });
});

test("a Redis source is found in a package that has it deeper", () => {
  const base = temporaryFolder();
  const root = join(base, "package-1.0", "redis.submodule");
  mkdirSync(join(root, "src"), { recursive: true });
  writeFileSync(join(root, "Makefile"), "");
  writeFileSync(join(root, "src", "version.h"), '#define REDIS_VERSION "5.0.6"\n');
  expect(findSource(base)).toBe(root);
  expect(sourceVersion(root)).toBe("5.0.6");
  expect(findSource(temporaryFolder())).toBeUndefined();
});
