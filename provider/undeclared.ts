/** Tells a program, before the engine does it in its own words, that Pulumi.yaml does not say where the plugin is. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, dirname, join, relative, resolve, sep } from "node:path";
import { PACKAGE } from "./types";

const PLUGIN = `pulumi-resource-${PACKAGE}`;
const PROJECT_FILES = ["Pulumi.yaml", "Pulumi.yml", "Pulumi.json"];

export interface Program {
  /** Name of the running project. */
  readonly project: string;
  /** Where the program runs: the project's folder, or one below it. */
  readonly directory: string;
  readonly env: NodeJS.ProcessEnv;
}

/**
 * What to add to which file; undefined where the engine will find the plugin, and wherever that cannot be told: a program
 * under mocks or of the Automation API has no project file of its own here.
 */
export function undeclaredPlugin({ project, directory, env }: Program): string | undefined {
  const file = projectFile(directory);
  if (file === undefined) return undefined;
  const text = readFileSync(file, "utf8");
  if (!isNamed(text, project) || isDeclared(text) || isInstalled(env)) return undefined;
  const path = binFolder(dirname(file)).split(sep).join("/");
  return `${file} does not say where the provider plugin of ${PACKAGE} is. Add:

plugins:
  providers:
    - name: ${PACKAGE}
      path: ${path}
`;
}

/** As Pulumi does: the nearest one upwards. */
function projectFile(directory: string): string | undefined {
  return upwards(directory, (folder) => PROJECT_FILES.map((name) => join(folder, name)).find(existsSync));
}

function isNamed(text: string, project: string): boolean {
  return /^[\s{]*["']?name["']?\s*:\s*["']?([^\s"',#]+)/m.exec(text)?.[1] === project;
}

/**
 * Looked at roughly, without loading a YAML parser in every `up`: where it errs, the engine's own error is shown; a stack
 * that works is never stopped.
 */
function isDeclared(text: string): boolean {
  return new RegExp(`["']?(plugins|packages)["']?\\s*:[\\s\\S]*${PACKAGE}`).test(text);
}

/** The engine's other places: a provider that is being debugged, PATH (`npx pulumi` puts packages' programs there), its own folder. */
function isInstalled(env: NodeJS.ProcessEnv): boolean {
  if (env.PULUMI_DEBUG_PROVIDERS?.includes(PACKAGE)) return true;
  const isPathUsed = !/^(1|true)$/i.test(env.PULUMI_IGNORE_AMBIENT_PLUGINS ?? "");
  const onPath = (env.PATH ?? "").split(delimiter).some((folder) => existsSync(join(folder, PLUGIN)));
  if (isPathUsed && onPath) return true;
  const plugins = join(env.PULUMI_HOME ?? join(homedir(), ".pulumi"), "plugins");
  return existsSync(plugins) && readdirSync(plugins).some((name) => name.startsWith(`resource-${PACKAGE}-`));
}

/** Where the package lies for this project, which may be above it (workspaces); relative to it, as in a repository. */
function binFolder(project: string): string {
  const inPackages = (folder: string) => {
    const bin = join(folder, "node_modules", PACKAGE, "bin");
    return existsSync(join(bin, PLUGIN)) ? bin : undefined;
  };
  const ownBin = (folder: string) => {
    const bin = join(folder, "bin");
    return existsSync(join(bin, PLUGIN)) ? bin : undefined;
  };
  const found = upwards(project, inPackages) ?? upwards(__dirname, ownBin);
  return found === undefined ? `node_modules/${PACKAGE}/bin` : relative(project, found);
}

function upwards(start: string, find: (folder: string) => string | undefined): string | undefined {
  for (let folder = resolve(start); ; folder = dirname(folder)) {
    const found = find(folder);
    if (found !== undefined || dirname(folder) === folder) return found;
  }
}
