import { spawnSync } from "node:child_process";
import { readFileSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { cachePath, createFolder } from "./cache";
import { UserError } from "./errors";
import { compareVersions } from "./platform";
import { findProgram, runLogged, tailOf } from "./process";
import type { Report } from "./progress";

/** What is built: install/engine/pulumi and install/engine/language-nodejs pin every module by checksum (go.sum). */
export const BUILT_ENGINE = { version: "3.200.0", languageHostVersion: "3.60.0", needsGo: "1.23.11" };

const SDK = "github.com/pulumi/pulumi/sdk/v3";

/** A Go program, pinned with all its modules by the go.sum beside the go.mod of `folder`. */
export interface GoProgram {
  readonly folder: string;
  readonly program: string;
  /** Path of its package. */
  readonly source: string;
  readonly version: string;
}

const PARTS: readonly GoProgram[] = [
  {
    folder: resolve(__dirname, "engine", "pulumi"),
    program: "pulumi",
    source: "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
    version: BUILT_ENGINE.version,
  },
  {
    folder: resolve(__dirname, "engine", "language-nodejs"),
    program: "pulumi-language-nodejs",
    source: `${SDK}/nodejs/cmd/pulumi-language-nodejs`,
    version: BUILT_ENGINE.languageHostVersion,
  },
];

/** Where Go's installers put it without touching PATH. */
function goPlaces(): string[] {
  return [
    "/usr/local/go/bin",
    "/opt/homebrew/bin",
    "/usr/lib/go/bin",
    "/snap/bin",
    join(homedir(), "go", "bin"),
  ];
}

/** Path of a Go that is new enough. @throws UserError with what to install. */
function findGo(): string {
  const cure =
    `Install Go ${BUILT_ENGINE.needsGo} or newer (https://go.dev/dl, or "brew install go"), or install Pulumi itself ` +
    "(https://www.pulumi.com/docs/install) and put it on PATH. Then run again.";
  const go = findProgram("go", goPlaces());
  if (go === undefined) throw new UserError("No Pulumi engine here, and no Go to build one with", cure);
  const env = { ...process.env, GOTOOLCHAIN: "local" };
  const said = spawnSync(go, ["env", "GOVERSION"], { encoding: "utf8", env }).stdout ?? "";
  const version = /go(\d+\.\d+(\.\d+)?)/.exec(said)?.[1] ?? "0";
  if (compareVersions(version, BUILT_ENGINE.needsGo) >= 0) return go;
  throw new UserError(`Go ${version} (${go}) is too old to build the Pulumi engine`, cure);
}

/** The user's Go settings (proxy, caches) stay; flags that would change what is built do not. */
function goEnvironment(): NodeJS.ProcessEnv {
  const { GOOS: _os, GOARCH: _arch, ...env } = process.env;
  return { ...env, CGO_ENABLED: "0", GOTOOLCHAIN: "local", GOWORK: "off", GOFLAGS: "-mod=readonly" };
}

/** How far a build is, from its log: "412 packages built"; while modules come in, "37 modules fetched". */
export function builtSoFar(logFile: string): string {
  const lines = readFileSync(logFile, "utf8").split("\n").slice(0, -1);
  const built = lines.filter((line) => !line.startsWith("go: ")).length;
  return built > 0 ? `${built} packages built` : lines.length > 0 ? `${lines.length} modules fetched` : "";
}

/**
 * Builds the engine and its language host into `folder`, whole or not at all. An interrupted build goes on from Go's own
 * cache.
 */
export async function buildEngine(folder: string, report: Report): Promise<void> {
  await buildGoPrograms(PARTS, folder, report);
}

/** The same for any programs. @throws UserError without a Go that is new enough, and where a build fails. */
export async function buildGoPrograms(
  programs: readonly GoProgram[],
  folder: string,
  report: Report,
): Promise<void> {
  const go = findGo();
  await createFolder(folder, async (draft) => {
    for (const part of programs) await buildPart(go, part, join(draft, part.program), report);
  });
}

async function buildPart(go: string, part: GoProgram, target: string, report: Report): Promise<void> {
  const logFile = cachePath("logs", `${part.program}-build.log`);
  rmSync(logFile, { force: true });
  const flags = `-s -w -X ${SDK}/go/common/version.Version=v${part.version}`;
  const job = {
    command: go,
    // -v names each package in the log when it is done, which the progress line counts.
    args: ["build", "-v", "-trimpath", "-ldflags", flags, "-o", target, part.source],
    cwd: part.folder,
    env: goEnvironment(),
    logFile,
    label: `Building ${part.program} ${part.version}`,
    detail: () => builtSoFar(logFile),
  };
  const outcome = await runLogged(job, report);
  if (outcome.code === 0) return;
  throw new UserError(
    `Building ${part.program} failed (${outcome.reason ?? `exit code ${outcome.code}`}):\n${tailOf(logFile)}`,
    `The whole log is in ${logFile}. Is the Go module proxy reachable (go env GOPROXY)? Run again to go on.`,
  );
}
