/** The declaration from a Pulumi stack: of this repository's own project, or of a user's. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { declare } from "../../components/declaration";
import { parseConfig } from "../../config";
import { selectedStack } from "../../install/backend";
import { dataFolder } from "../../install/cache";
import { findEngine } from "../../install/engine";
import { findProgram } from "../../install/process";
import { kitPaths, pulumiEnvironment } from "../../install/pulumi-env";
import { knownVersions } from "../../install/versions";
import type { DeclarationOptions, Sourced } from "../declaration";
import { UsageError } from "../errors";
import { parseDeclaration } from "./file";
import { fromFolder } from "./folder";
import { askPulumi, configValues, isUnknownStack } from "./pulumi";

/** This repository, or the installed package. */
const ROOT = resolve(__dirname, "..", "..");
const DEFAULT_STACK = "dev";
const OTHER_WAYS = "or name the cluster with --declaration FILE or --data DIRECTORY.";

export interface Project {
  readonly name: string;
  readonly file: string;
  readonly directory: string;
  /** Whether it is this repository, whose program is index.ts. */
  readonly isOwn: boolean;
}

/** @throws UsageError where no project is found, or its stack does not say. */
export async function fromStack(options: DeclarationOptions): Promise<Sourced> {
  const project = findProject(options.directory);
  if (!project)
    throw new UsageError(
      `no Pulumi project in ${options.directory} or above it. Run this in the project's folder, ${OTHER_WAYS}`,
    );
  return project.isOwn ? ownStack(project, options) : foreignStack(project, options);
}

/** As Pulumi does: the nearest Pulumi.yaml from here upwards. */
export function findProject(directory: string): Project | undefined {
  for (let folder = resolve(directory); ; folder = dirname(folder)) {
    const file = ["Pulumi.yaml", "Pulumi.yml"].map((name) => join(folder, name)).find(existsSync);
    if (file !== undefined) {
      const name = /^name:\s*["']?([^\s"'#]+)/m.exec(readFileSync(file, "utf8"))?.[1] ?? "";
      return { name, file, directory: folder, isOwn: folder === ROOT && existsSync(join(ROOT, "index.ts")) };
    }
    if (dirname(folder) === folder) return undefined;
  }
}

/** What index.ts would declare now: config is the intent, whether `up` has run since or not. */
async function ownStack(project: Project, options: DeclarationOptions): Promise<Sourced> {
  const { env } = options;
  const home = env.PULUMI_HOME ?? kitPaths(env).pulumiHome;
  const stack =
    options.stack ?? env.PULUMI_STACK ?? selectedStack(home, project.name, project.file) ?? DEFAULT_STACK;
  const engine = findEngine();
  if (!engine) return withoutEngine(project, stack, env);
  // Looking must not create places: without them there was no `up` yet.
  if (env.PULUMI_BACKEND_URL === undefined && !existsSync(kitPaths(env).backendDir)) throw noStackYet(stack);
  const said = await askPulumi(
    ["config", "--show-secrets", "--json", "--stack", stack],
    project.directory,
    pulumiEnvironment(engine, env),
  );
  if (isUnknownStack(said)) throw noStackYet(stack);
  if (said.code !== 0) throw new UsageError(`stack ${stack}: ${said.stderr}`);
  const config = parseConfig(configValues(said.stdout, project.name), {
    project: project.name,
    stack,
    dataRoot: dataFolder(env),
    supportedVersions: knownVersions(),
  });
  const password = config.password ?? (await passwordOnDisk(config.dataDirectory));
  if (password === undefined) throw noStackYet(stack);
  const declaration = declare(config, password);
  return { declaration, origin: `stack ${stack}`, isIntent: true, upCommand: "npm run up" };
}

/** A cluster that another checkout brought up: its password is in that one's stack file, and with the nodes. */
async function passwordOnDisk(dataDirectory: string): Promise<string | undefined> {
  if (!existsSync(join(dataDirectory, "cluster.json"))) return undefined;
  const { declaration } = await fromFolder(dataDirectory);
  return declaration.password === "" ? undefined : declaration.password;
}

function noStackYet(stack: string): UsageError {
  return new UsageError(
    `there is no cluster of stack "${stack}" on this machine yet. \`npm run up\` makes it.`,
  );
}

/** Without an engine to ask, what the last `up` left on disk. */
async function withoutEngine(project: Project, stack: string, env: NodeJS.ProcessEnv): Promise<Sourced> {
  const clusters = join(dataFolder(env), "clusters");
  const usual = join(clusters, `${project.name}-${stack}`);
  const all = existsSync(clusters) ? readdirSync(clusters) : [];
  const only = all.length === 1 ? join(clusters, all[0] ?? "") : undefined;
  const folder = existsSync(usual) ? usual : only;
  if (folder === undefined) throw noStackYet(stack);
  const note = "no Pulumi engine here: this is what the last `up` left on disk, not what is declared now";
  return { ...(await fromFolder(folder)), note };
}

/** A user's program: the component's secret output `declaration`, under whatever name the program exports it. */
async function foreignStack(project: Project, options: DeclarationOptions): Promise<Sourced> {
  const { env } = options;
  if (findProgram("pulumi", [], env) === undefined)
    throw new UsageError(
      `no \`pulumi\` on PATH to ask for the stack of ${project.file}. Install it, ${OTHER_WAYS}`,
    );
  const stack = options.stack ?? env.PULUMI_STACK;
  const named = stack === undefined ? [] : ["--stack", stack];
  const args = ["stack", "output", "--show-secrets", "--json", ...named];
  const said = await askPulumi(args, project.directory, env);
  if (said.code !== 0) throw new UsageError(`project ${project.name}: ${said.stderr}`);
  const found = Object.values(JSON.parse(said.stdout) as Record<string, unknown>).flatMap((value) => {
    const parsed = typeof value === "string" ? parseDeclaration(value) : "";
    return typeof parsed === "string" ? [] : [parsed];
  });
  const wanted = found.filter(({ name }) => options.cluster === undefined || name === options.cluster);
  const [declaration] = wanted;
  if (!declaration)
    throw new UsageError(
      `the stack has no output that is a cluster's declaration${options.cluster ? ` named ${options.cluster}` : ""}. ` +
        `In the program: export const declaration = cluster.declaration; then \`pulumi up\`, ${OTHER_WAYS}`,
    );
  if (wanted.length > 1)
    throw new UsageError(
      `the stack has ${wanted.length} clusters. Choose one: ${wanted.map(({ name }) => `--cluster ${name}`).join(", ")}`,
    );
  return { declaration, origin: `stack ${stack ?? "(selected)"}`, isIntent: true, upCommand: "pulumi up" };
}
