/** Python with a client library, for tests that let somebody else's client judge the cluster. */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { cachePath, createFolder } from "../../install/cache";
import { UserError } from "../../install/errors";
import { withLock } from "../../install/lock";
import { findProgram, runLogged, tailOf } from "../../install/process";
import { reportToStderr } from "../../install/progress";

/** By requirements file: `redis-py-cluster` of the Redis 5 years, today's `redis`, Pulumi's SDK. */
export type PythonLibrary = "rediscluster" | "redis" | "pulumi" | "moto";

export interface Python {
  readonly command: string;
  /** To be added to the environment. */
  readonly env: Readonly<Record<string, string>>;
}

const INSTALL_LIMIT_MS = 3 * 60_000;
const FOLDER = resolve(__dirname, "../python");
const CURE = "Debian, Ubuntu: apt-get install python3 python3-venv python3-pip; macOS: brew install python.";

/**
 * A Python that has the library, installed into the kit's cache the first time: with `python3 -m venv`, or where that is
 * missing (Debian has it in a package of its own) with `pip install --target`.
 * @throws UserError that names what is missing.
 */
export async function pythonWith(library: PythonLibrary): Promise<Python> {
  const python = findProgram("python3");
  if (python === undefined) throw new UserError("The tests with Python clients need python3", CURE);
  const requirements = join(FOLDER, `requirements-${library}.txt`);
  // Another Python, or other versions of the library, are another folder.
  const about = [python, ask(python, ["-VV"]).text, readFileSync(requirements, "utf8")].join("\n");
  const name = `${library}-${createHash("sha256").update(about).digest("hex").slice(0, 16)}`;
  const folder = cachePath("test-python", name);
  await withLock(`${folder}.lock`, `installing ${library} for tests`, reportToStderr, async () => {
    if (!existsSync(folder)) await createFolder(folder, (draft) => install(python, requirements, draft));
  });
  const own = venvPython(folder);
  return existsSync(own)
    ? { command: own, env: {} }
    : { command: python, env: { PYTHONPATH: join(folder, "packages") } };
}

function venvPython(folder: string): string {
  return join(folder, "venv", "bin", "python");
}

async function install(python: string, requirements: string, folder: string): Promise<void> {
  const logFile = cachePath("logs", "test-python.log");
  rmSync(logFile, { force: true });
  const pip = pipFor(python, folder);
  const outcome = await runLogged(
    {
      command: pip.command,
      args: [
        ...pip.args,
        "--require-hashes",
        "--disable-pip-version-check",
        "--no-input",
        "-r",
        requirements,
      ],
      cwd: folder,
      logFile,
      label: `Installing Python packages for tests (${requirements.split("/").at(-1) ?? ""})`,
      limitMs: INSTALL_LIMIT_MS,
    },
    reportToStderr,
  );
  if (outcome.code === 0) return;
  throw new UserError(
    `pip could not install ${requirements} (${outcome.reason ?? `exit code ${String(outcome.code)}`}, ${logFile}):\n${tailOf(logFile)}`,
    "Can the Python package index be reached (pip download redis)?",
  );
}

function pipFor(python: string, folder: string): { command: string; args: readonly string[] } {
  const made = ask(python, ["-m", "venv", join(folder, "venv")]);
  if (made.ok) return { command: venvPython(folder), args: ["-m", "pip", "install"] };
  // What a failed attempt leaves looks like one that worked.
  rmSync(join(folder, "venv"), { recursive: true, force: true });
  if (!ask(python, ["-m", "pip", "--version"]).ok)
    throw new UserError(`${python} has neither venv nor pip: ${made.text}`, CURE);
  reportToStderr(`python3 -m venv does not work here, pip install --target is used instead. ${CURE}`);
  return { command: python, args: ["-m", "pip", "install", "--target", join(folder, "packages")] };
}

function ask(python: string, args: readonly string[]): { ok: boolean; text: string } {
  const run = spawnSync(python, args, { encoding: "utf8", timeout: 120_000 });
  const text = `${run.stdout ?? ""}${run.stderr ?? ""}${run.error?.message ?? ""}`.trim();
  return { ok: run.status === 0, text };
}
