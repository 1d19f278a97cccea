/**
 * Pulumi's language hosts for YAML and Python, and its generator of SDKs. A released Pulumi has all of them; beside an engine
 * that was built from Go modules they are built too, the newest that can be had as modules, and kept in the kit's cache.
 */
import { chmodSync, copyFileSync, existsSync, mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { cachePath } from "../../install/cache";
import { type Engine, ensureEngine } from "../../install/engine";
import { buildGoPrograms, type GoProgram } from "../../install/engine-build";
import { withLock } from "../../install/lock";
import { platformName } from "../../install/platform";
import { findProgram } from "../../install/process";
import { reportToStderr } from "../../install/progress";
import { run } from "../program/support/run";

const GO = resolve(__dirname, "go");
const PYTHON_HOST = "pulumi-language-python";

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
  { folder: join(GO, "sdk-gen"), program: "sdk-gen", source: ".", version: "3.200.0" },
];

export interface Languages {
  /** To be put on PATH. */
  readonly folder: string;
  /** Writes the SDK of the plugin at `plugin` into `folder`. */
  generateSdk(language: "python" | "nodejs", plugin: string, folder: string): Promise<void>;
}

/** @throws UserError when they are neither here nor can be built. */
export async function ensureLanguages(env: NodeJS.ProcessEnv): Promise<Languages> {
  const engine = await ensureEngine(reportToStderr);
  const here = findProgram(PYTHON_HOST, [engine.dir]);
  const folder = here === undefined ? await buildLanguages() : engine.dir;
  return {
    folder,
    async generateSdk(language, plugin, target) {
      mkdirSync(target, { recursive: true });
      const how = here === undefined ? generateApart : generateWithPulumi;
      await how({ engine, folder, env, language, plugin, target });
    },
  };
}

async function buildLanguages(): Promise<string> {
  const versions = PROGRAMS.map(({ version }) => version).join("-");
  const folder = cachePath("test-languages", `${versions}-${platformName()}`);
  await withLock(`${folder}.lock`, "building language hosts for tests", reportToStderr, async () => {
    const exec = join(folder, `${PYTHON_HOST}-exec`);
    if (!existsSync(folder)) await buildGoPrograms(PROGRAMS, folder, reportToStderr);
    // A script of the same module, which the host looks for on PATH.
    if (existsSync(exec)) return;
    const module = ["list", "-m", "-f", "{{.Dir}}", "github.com/pulumi/pulumi/sdk/v3"];
    const listed = await must("go", module, join(GO, "language-python"), process.env);
    copyFileSync(join(listed.trim(), "python", "cmd", `${PYTHON_HOST}-exec`), exec);
    chmodSync(exec, 0o755);
  });
  return folder;
}

interface Generation {
  readonly engine: Engine;
  readonly folder: string;
  readonly env: NodeJS.ProcessEnv;
  readonly language: string;
  readonly plugin: string;
  readonly target: string;
}

async function generateWithPulumi({ engine, env, language, plugin, target }: Generation): Promise<void> {
  const args = ["package", "gen-sdk", plugin, "--language", language, "--out", target, "--local"];
  await must(engine.pulumi, args, target, env);
}

/** The built language hosts are older than gen-sdk: the same generator, called by a program of our own. */
async function generateApart({ engine, folder, env, language, plugin, target }: Generation): Promise<void> {
  const schema = await must(engine.pulumi, ["package", "get-schema", plugin], target, env);
  await must(join(folder, "sdk-gen"), [language, join(target, language)], target, env, schema);
}

async function must(
  command: string,
  args: readonly string[],
  cwd: string,
  env: NodeJS.ProcessEnv,
  input = "",
): Promise<string> {
  const result = await run(command, args, { cwd, env, input });
  if (result.code === 0) return result.output;
  throw new Error(`${command} ${args.join(" ")} ended with ${result.code}:\n${result.output}`);
}
