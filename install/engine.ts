import { spawnSync } from "node:child_process";
import { existsSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import * as tar from "tar";
import { z } from "zod";
import { cachePath, createFolder, readJson } from "./cache";
import { download } from "./download";
import { BUILT_ENGINE, buildEngine } from "./engine-build";
import { describe, UnreachableError, UserError } from "./errors";
import { withLock } from "./lock";
import { compareVersions, platformName } from "./platform";
import { addPolicyRunner } from "./policy-runner";
import { findProgram } from "./process";
import type { Report } from "./progress";

/** A Pulumi engine that runs TypeScript programs. */
export interface Engine {
  /** Path of the `pulumi` program. */
  pulumi: string;
  /** Folder to put first on PATH: it holds pulumi and pulumi-language-nodejs (unless those are on PATH already). */
  dir: string;
  /** "3.221.0" */
  version: string;
  /** On the machine already, the vendor's release, or built from its Go modules. */
  origin: "installed" | "vendor" | "built";
}

/** Plugins under `plugins.providers` and what the program needs of the engine work from here on. */
const OLDEST = "3.150.0";
const LANGUAGE_HOST = "pulumi-language-nodejs";

/**
 * The vendor's release. SHA-256 per platform as pinned by nixpkgs (pkgs/by-name/pu/pulumi-bin/data.nix at commit 0501eb32,
 * converted from its base 32): a second party that fetched the same address, so a changed file at the vendor is noticed.
 */
export const VENDOR_ENGINE = {
  version: "3.221.0",
  sha256: {
    "linux-x64": "fe736f91b4153f94f859870e34dda01e648552c25f702c8a42282acf3a5db9ad",
    "linux-arm64": "baaf077a8b851da4fd1f6434860b56fec43f877709fe5a22ed3bbd335af57a37",
    "darwin-x64": "6c275ff21c2a2790dc4ac9536be745f0fa65b9eab32e5dc896d1e4cd79fafb6b",
    "darwin-arm64": "4d3024f24131440cacc9d04cf9a19dc673c821216fe5fec848d1ce5af0c06092",
  } as Record<string, string>,
};

const knownSchema = z.object({ stamp: z.string(), version: z.string() });

/** `pulumi version` takes 0.1 s and more, so its answer is kept as long as the file stays the same. */
function versionOf(pulumi: string): string {
  const { mtimeMs, size } = statSync(pulumi);
  const stamp = `${pulumi} ${mtimeMs} ${size}`;
  const memo = cachePath("pulumi", "installed.json");
  const known = readJson(memo, knownSchema);
  if (known?.stamp === stamp) return known.version;
  const env = { ...process.env, PULUMI_SKIP_UPDATE_CHECK: "1" };
  const run = spawnSync(pulumi, ["version"], { encoding: "utf8", env, timeout: 20_000 });
  const version = /v?(\d+\.\d+\.\d+)/.exec(run.stdout ?? "")?.[1] ?? "0.0.0";
  writeFileSync(memo, JSON.stringify({ stamp, version }));
  return version;
}

/** The `pulumi` on PATH, if it is new enough and has the language host for Node. */
function installedEngine(): Engine | undefined {
  const pulumi = findProgram("pulumi");
  if (pulumi === undefined || findProgram(LANGUAGE_HOST, [dirname(pulumi)]) === undefined) return undefined;
  const version = versionOf(pulumi);
  if (compareVersions(version, OLDEST) < 0) return undefined;
  return { pulumi, dir: dirname(pulumi), version, origin: "installed" };
}

function folderOf(origin: "vendor" | "built"): string {
  const version = origin === "vendor" ? VENDOR_ENGINE.version : BUILT_ENGINE.version;
  return cachePath("pulumi", `${version}-${origin}-${platformName()}`);
}

function cachedEngine(): Engine | undefined {
  for (const origin of ["vendor", "built"] as const) {
    const dir = folderOf(origin);
    if (!existsSync(join(dir, LANGUAGE_HOST))) continue;
    const version = origin === "vendor" ? VENDOR_ENGINE.version : BUILT_ENGINE.version;
    return { pulumi: join(dir, "pulumi"), dir, version, origin };
  }
  return undefined;
}

/** An engine that can be used at once: no network, no build. */
export function findEngine(): Engine | undefined {
  return installedEngine() ?? cachedEngine();
}

async function fetchVendor(report: Report): Promise<void> {
  const { version, sha256 } = VENDOR_ENGINE;
  const expected = sha256[platformName()];
  if (expected === undefined) throw new UnreachableError(`the vendor has no release for ${platformName()}`);
  const name = `pulumi-v${version}-${platformName()}.tar.gz`;
  const target = cachePath("downloads", name);
  const url = `https://get.pulumi.com/releases/sdk/${name}`;
  await download({ url, target, sha256: expected, label: `Fetching Pulumi ${version}` }, report);
  await createFolder(folderOf("vendor"), (draft) => tar.extract({ file: target, cwd: draft, strip: 1 }));
  rmSync(target, { force: true });
}

async function installEngine(report: Report): Promise<void> {
  try {
    report(`Pulumi: no engine here yet, fetching ${VENDOR_ENGINE.version} from get.pulumi.com`);
    await fetchVendor(report);
  } catch (error) {
    if (!(error instanceof UnreachableError)) throw error;
    report(
      `Pulumi: ${describe(error)}, building ${BUILT_ENGINE.version} from its Go modules (minutes, once)`,
    );
    await buildEngine(folderOf("built"), report);
  }
}

/**
 * Makes sure of a Pulumi engine: the one on PATH, one kept in the cache, the vendor's release, or a build from Go modules.
 * @throws UserError when none of these can be had, with what to install.
 */
export async function ensureEngine(report: Report): Promise<Engine> {
  const engine = findEngine() ?? (await installOnce(report));
  if (engine.origin === "built") addPolicyRunner(engine.dir);
  return engine;
}

async function installOnce(report: Report): Promise<Engine> {
  return withLock(cachePath("locks", "pulumi.lock"), "installing the Pulumi engine", report, async () => {
    if (cachedEngine() === undefined) await installEngine(report);
    const engine = cachedEngine();
    if (engine === undefined)
      throw new UserError("The Pulumi engine was installed but is not there", "Run again.");
    return engine;
  });
}
