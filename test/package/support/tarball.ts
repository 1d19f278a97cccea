/** The package as it would be published, and an installation of it in a folder that knows nothing of this repository. */
import { cpSync, readdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import * as tar from "tar";
import { run } from "../../program/support/run";
import { ROOT } from "../../program/support/stack";

const NOT_COPIED = new Set(["node_modules", "dist", "coverage", ".git"]);

/** `npm pack` in a copy of the checkout, so that no dist/ appears beside sources that others use. Returns the .tgz. */
export async function pack(folder: string): Promise<string> {
  for (const name of readdirSync(ROOT).filter((entry) => !NOT_COPIED.has(entry)))
    cpSync(join(ROOT, name), join(folder, name), { recursive: true });
  symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"));
  await npm(["pack"], folder);
  const [file] = readdirSync(folder).filter((name) => name.endsWith(".tgz"));
  if (file === undefined) throw new Error(`npm pack made no package in ${folder}`);
  return join(folder, file);
}

/** Paths in the package, sorted. */
export function filesIn(tarball: string): string[] {
  const files: string[] = [];
  tar.list({ file: tarball, sync: true, onReadEntry: ({ path }) => files.push(path) });
  return files.map((path) => path.replace(/^package\//, "")).sort();
}

/** `packages` with what they need, from the registry or npm's cache. */
export async function install(folder: string, packages: readonly string[]): Promise<void> {
  await npm(["init", "-y"], folder);
  await npm(["pkg", "set", "main=index.ts"], folder);
  const options = ["--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund"];
  await npm(["install", ...options, ...packages], folder);
}

async function npm(args: readonly string[], cwd: string): Promise<void> {
  // Left behind by an npm that runs us: the folder that this one should take for its own.
  const { npm_config_local_prefix: _, ...env } = process.env;
  const result = await run("npm", args, { cwd, env });
  if (result.code !== 0)
    throw new Error(`npm ${args.join(" ")} ended with ${result.code}:\n${result.output}`);
}
