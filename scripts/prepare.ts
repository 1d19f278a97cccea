import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileBackend, readStackState, selectedStack } from "../install/backend";
import { type Engine, ensureEngine } from "../install/engine";
import { type Report, reportToStderr } from "../install/progress";
import { kitPaths, pulumiEnvironment } from "../install/pulumi-env";
import { installRedis, type RedisInstall, type RedisRequest } from "../install/redis";
import { askPulumi, PASSPHRASE_CURE, PROJECT, ROOT, refusal } from "./pulumi";

const ENGINE_FROM = {
  installed: "on PATH",
  vendor: "get.pulumi.com",
  built: "built from Go modules",
} as const;
const REDIS_FROM = {
  installed: "on PATH",
  vendor: "built from download.redis.io",
  registry: "from a package registry",
  user: "yours",
} as const;

/** One line on the Node that runs us. */
export function describeNode(): string {
  const origin = process.env.REDIS_CLUSTER_KIT_NODE ?? "installed";
  return `Node ${process.versions.node} (${origin === "installed" ? "on PATH" : origin})`;
}

export function describeEngine({ version, origin }: Engine): string {
  return `Pulumi ${version} (${ENGINE_FROM[origin]})`;
}

/** The note of a stand-in names both versions, so it takes the place of the line. */
export function describeRedis({ version, origin, note }: RedisInstall): string {
  return note ?? `Redis ${version} (${REDIS_FROM[origin]})`;
}

/** What `up` and `down` work with. */
export interface Tools {
  engine: Engine;
  redis: RedisInstall | undefined;
  env: NodeJS.ProcessEnv;
}

/** Makes sure of the engine and (for the local target) of Redis, and says what was chosen. */
export async function prepareTools(
  redis: RedisRequest | undefined,
  report: Report = reportToStderr,
): Promise<Tools> {
  const engine = await ensureEngine(report);
  const install = redis === undefined ? undefined : await installRedis(redis, report);
  const parts = [
    describeNode(),
    describeEngine(engine),
    ...(install === undefined ? [] : [describeRedis(install)]),
  ];
  for (const part of parts) report(part);
  const env = pulumiEnvironment(engine);
  // The provider would say it too, twice where there is no terminal: provider/report.ts.
  if (install?.note !== undefined) env.REDIS_CLUSTER_KIT_TOLD = install.note;
  return { engine, redis: install, env };
}

/** File that is held while `up` or `down` works on a stack, so that two at once do not get in each other's way. */
export function stackLockFile(stack: string): string {
  return join(kitPaths().dataRoot, "locks", `${PROJECT}-${stack}.lock`);
}

/** True when the stack is in the file backend; undefined where only Pulumi could tell. */
export function stackExists(stack: string, env: NodeJS.ProcessEnv): boolean | undefined {
  const backend = fileBackend(env);
  return backend === undefined ? undefined : readStackState(backend, PROJECT, stack) !== undefined;
}

/** Makes the stack unless it exists, and selects it if none is selected. */
export function ensureStack(stack: string, env: NodeJS.ProcessEnv): void {
  const selected = selectedStack(env.PULUMI_HOME ?? "", PROJECT, join(ROOT, "Pulumi.yaml"));
  const exists = stackExists(stack, env);
  if (exists && selected !== undefined) return;
  const isOther = selected !== undefined && selected !== stack;
  const args = isOther ? ["stack", "init", stack, "--no-select"] : ["stack", "select", "--create", stack];
  const said = askPulumi(args, env);
  if (said.code !== 0 && !said.stderr.includes("already exists"))
    throw refusal(`Stack ${stack} cannot be made`, said);
}

/** After a failed run: what to do if it failed for a passphrase. Pulumi's own words name the error and no cure. */
export function explainPassphrase(
  stack: string,
  env: NodeJS.ProcessEnv,
  report: Report = reportToStderr,
): void {
  if (!existsSync(join(ROOT, `Pulumi.${stack}.yaml`))) return;
  const said = askPulumi(["config", "get", "password", "--stack", stack], env);
  if (/passphrase/.test(said.stderr)) report(`\n${PASSPHRASE_CURE}`);
}
