import {
  copyFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { mkdir } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { cachePath } from "./cache";
import { UserError } from "./errors";
import { findProgram, runLogged, tailOf } from "./process";
import type { Report } from "./progress";
import { compilerFlags } from "./versions";

/** Programs of their own. */
const PROGRAMS = ["redis-server", "redis-cli", "redis-benchmark"];
/** The server under other names: it looks at the name it was called by. */
const SERVER_NAMES = ["redis-check-rdb", "redis-check-aof", "redis-sentinel"];

const BUILD_TOOLS_CURE =
  "Install them (Debian, Ubuntu: apt-get install build-essential; Fedora: dnf install make gcc glibc-devel; macOS: " +
  "xcode-select --install), or point the stack at a redis-server that you have. Then run again.";

/** The folder of `root` (or of one of its folders, two deep) that is a Redis source. */
export function findSource(root: string): string | undefined {
  const folders = [root];
  for (const folder of folders) {
    if (existsSync(join(folder, "src", "version.h")) && existsSync(join(folder, "Makefile"))) return folder;
    if (folder.split("/").length - root.split("/").length >= 2) continue;
    const inside = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
    folders.push(...inside.map((entry) => join(folder, entry.name)));
  }
  return undefined;
}

/** Version of a Redis source, from src/version.h. */
export function sourceVersion(source: string): string {
  const text = readFileSync(join(source, "src", "version.h"), "utf8");
  return /REDIS_VERSION "([^"]+)"/.exec(text)?.[1] ?? "unknown";
}

/** Make or a compiler is not there. Told apart because what needs no building may do instead. */
export class MissingToolsError extends UserError {}

/** Path of make. @throws MissingToolsError naming what is missing and how to install it. */
export function requireBuildTools(): string {
  const make = findProgram("make") ?? findProgram("gmake");
  const compiler = process.env.CC ?? findProgram("cc");
  const missing = [
    make === undefined ? "make" : [],
    compiler === undefined ? "a C compiler (cc)" : [],
  ].flat();
  if (make === undefined || missing.length > 0) {
    throw new MissingToolsError(
      `Building Redis needs ${missing.join(" and ")}, not found on PATH`,
      BUILD_TOOLS_CURE,
    );
  }
  return make;
}

/**
 * The crash report of 5.0 and 6.0 reads registers that Apple's processors do not have; without backtrace() it is left out.
 * Not tried: there is no Mac where this is tested.
 */
function adaptToAppleSilicon(source: string): void {
  const file = join(source, "src", "config.h");
  const text = readFileSync(file, "utf8");
  const adapted = text.replace(
    /(Test for backtrace\(\) \*\/\n#if )defined\(__APPLE__\)/,
    "$1(defined(__APPLE__) && !defined(__arm64__))",
  );
  writeFileSync(file, adapted);
}

/** Runs make. Variables of an outer make (its flags, its job server) would reach into ours, so they stay outside. */
async function make(source: string, version: string, report: Report): Promise<void> {
  const program = requireBuildTools();
  const logFile = cachePath("logs", `redis-${version}-build.log`);
  rmSync(logFile, { force: true });
  const { MAKEFLAGS: _flags, MAKELEVEL: _level, MFLAGS: _old, ...env } = process.env;
  const flags = compilerFlags(version);
  const args = [`-j${availableParallelism()}`, "MALLOC=libc", "USE_SYSTEMD=no"];
  if (flags !== "") args.push(`CFLAGS=${flags}`);
  const label = `Building Redis ${version}`;
  const outcome = await runLogged({ command: program, args, cwd: source, env, logFile, label }, report);
  if (outcome.code === 0) return;
  throw new UserError(
    `Building Redis ${version} failed (${outcome.reason ?? `make ended with ${outcome.code}`}):\n${tailOf(logFile)}`,
    `The whole log is in ${logFile}.`,
  );
}

/** Builds the source (in place: it is a draft of ours) and puts the programs into `binDir`. */
export async function buildRedis(source: string, binDir: string, report: Report): Promise<void> {
  const version = sourceVersion(source);
  if (process.platform === "darwin" && process.arch === "arm64") adaptToAppleSilicon(source);
  await make(source, version, report);
  await mkdir(binDir, { recursive: true });
  for (const name of PROGRAMS) copyFileSync(join(source, "src", name), join(binDir, name));
  for (const name of SERVER_NAMES) symlinkSync("redis-server", join(binDir, name));
}
