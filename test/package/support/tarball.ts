/** The package as it would be published, and its installation in folders that know nothing of this repository. */
import { cpSync, readdirSync, symlinkSync } from "node:fs";
import { basename, join } from "node:path";
import * as tar from "tar";
import { run } from "../../program/support/run";
import { ROOT } from "../../program/support/stack";

const NOT_COPIED = new Set(["node_modules", "dist", "coverage", ".git"]);
/** A full installation on a machine that is busy with something else. */
const INSTALL_LIMIT_MS = 300_000;

/** `npm pack` in a copy of the checkout, so that no dist/ appears beside sources that others use. Returns the .tgz. */
export async function pack(folder: string): Promise<string> {
  for (const name of readdirSync(ROOT).filter((entry) => !NOT_COPIED.has(entry)))
    cpSync(join(ROOT, name), join(folder, name), {
      recursive: true,
      filter: (path) => !NOT_COPIED.has(basename(path)),
    });
  symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"));
  await typed("npm pack", folder);
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

/** Lines as one types them into a shell in `folder`. npm takes packages from its cache where it can. */
export async function typed(lines: string, folder: string): Promise<void> {
  // Left behind by an npm that runs us: the folder that this one should take for its own.
  const { npm_config_local_prefix: _, ...env } = process.env;
  const npm = { prefer_offline: "true", ignore_scripts: "true", audit: "false", fund: "false" };
  const settings = Object.entries(npm).map(([key, value]) => [`npm_config_${key}`, value]);
  const result = await run("bash", ["-e", "-c", lines], {
    cwd: folder,
    // Packing needs its script.
    env: lines === "npm pack" ? env : { ...env, ...(Object.fromEntries(settings) as NodeJS.ProcessEnv) },
    limitMs: INSTALL_LIMIT_MS,
  });
  if (result.code !== 0) throw new Error(`${lines}\nended with ${result.code}:\n${result.output}`);
}
