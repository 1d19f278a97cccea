/**
 * Pulumi's language hosts for YAML and Python, and what `pulumi package gen-sdk` needs of them. A released Pulumi has all of it.
 * Beside an engine that was built from Go modules they are built too, the newest that can be had as modules, and kept in the
 * kit's cache: for Python and Node.js those are of 3.60.0, before the hosts became modules of their own that are not
 * published, and older than gen-sdk and package add. For these there is a host of our own around the generators of the engine's version.
 */
import { createHash } from "node:crypto";
import { chmodSync, copyFileSync, existsSync, mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { join, resolve } from "node:path";
import { cachePath } from "../../install/cache";
import { ensureEngine } from "../../install/engine";
import { buildGoPrograms, type GoProgram } from "../../install/engine-build";
import { withLock } from "../../install/lock";
import { platformName } from "../../install/platform";
import { findProgram } from "../../install/process";
import { reportToStderr } from "../../install/progress";
import { run } from "../program/support/run";

const GO = resolve(__dirname, "go");
const PYTHON_HOST = "pulumi-language-python";
const NODE_HOST = "pulumi-language-nodejs";

const PROGRAMS: readonly GoProgram[] = [
  {
    folder: join(GO, "language-yaml"),
    program: "pulumi-language-yaml",
    source: "github.com/pulumi/pulumi-yaml/cmd/pulumi-language-yaml",
    version: "1.12.0",
  },
  {
    folder: join(GO, "language-python"),
    program: PYTHON_HOST,
    source: "github.com/pulumi/pulumi/sdk/v3/python/cmd/pulumi-language-python",
    version: "3.60.0",
  },
];

/** One program that goes by the names of both hosts. Not beside the others: it can do nothing else. */
const GENERATOR: GoProgram = {
  folder: join(GO, "sdk-generator"),
  program: NODE_HOST,
  source: ".",
  version: "3.200.0",
};

export interface Languages {
  /** To be put on PATH. */
  readonly folder: string;
  /** To be put before it for `pulumi package gen-sdk` and `add`; the same where it needs no other hosts. */
  readonly generators: string;
  /** `pulumi package gen-sdk` with the plugin at `plugin`: the SDK is in `folder`/`language` then. */
  generateSdk(language: "nodejs", plugin: string, folder: string): Promise<void>;
  /** `pulumi package add` with the plugin in `plugin`, for the program in `folder`. */
  addPackage(plugin: string, folder: string, env: NodeJS.ProcessEnv): Promise<string>;
}

/** @throws UserError when they are neither here nor can be built. */
export async function ensureLanguages(env: NodeJS.ProcessEnv): Promise<Languages> {
  const engine = await ensureEngine(reportToStderr);
  const isWhole = findProgram(PYTHON_HOST, [engine.dir]) !== undefined;
  const { folder, generators } = isWhole
    ? { folder: engine.dir, generators: engine.dir }
    : await buildLanguages();
  const withGenerators = (own: NodeJS.ProcessEnv) => {
    const PATH = [generators, folder, own.PATH ?? ""].join(":");
    return { ...own, PATH };
  };
  return {
    folder,
    generators,
    async generateSdk(language, plugin, target) {
      mkdirSync(target, { recursive: true });
      const args = ["package", "gen-sdk", plugin, "--language", language, "--out", target, "--local"];
      await must(engine.pulumi, args, target, withGenerators(env));
    },
    addPackage: (plugin, program, own) =>
      must(engine.pulumi, ["package", "add", plugin], program, withGenerators(own)),
  };
}

async function buildLanguages(): Promise<Pick<Languages, "folder" | "generators">> {
  const versions = PROGRAMS.map(({ version }) => version).join("-");
  const folder = cachePath("test-languages", `${versions}-${platformName()}`);
  const text = readFileSync(join(GENERATOR.folder, "main.go"));
  const own = createHash("sha256").update(text).digest("hex").slice(0, 8);
  const generators = cachePath("test-languages", `generators-${GENERATOR.version}-${own}-${platformName()}`);
  await withLock(`${folder}.lock`, "building language hosts for tests", reportToStderr, async () => {
    const exec = join(folder, `${PYTHON_HOST}-exec`);
    if (!existsSync(folder)) await buildGoPrograms(PROGRAMS, folder, reportToStderr);
    if (!existsSync(generators)) await buildGoPrograms([GENERATOR], generators, reportToStderr);
    if (!existsSync(join(generators, PYTHON_HOST))) symlinkSync(NODE_HOST, join(generators, PYTHON_HOST));
    // A script of the same module, which the host looks for on PATH.
    if (existsSync(exec)) return;
    const module = ["list", "-m", "-f", "{{.Dir}}", "github.com/pulumi/pulumi/sdk/v3"];
    const listed = await must("go", module, join(GO, "language-python"), process.env);
    copyFileSync(join(listed.trim(), "python", "cmd", `${PYTHON_HOST}-exec`), exec);
    chmodSync(exec, 0o755);
  });
  return { folder, generators };
}

async function must(
  command: string,
  args: readonly string[],
  cwd: string,
  env: NodeJS.ProcessEnv,
): Promise<string> {
  const result = await run(command, args, { cwd, env });
  if (result.code === 0) return result.output;
  throw new Error(`${command} ${args.join(" ")} ended with ${result.code}:\n${result.output}`);
}
