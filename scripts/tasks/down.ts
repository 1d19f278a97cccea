import { fileBackend, readStackState } from "../../install/backend";
import { withLock } from "../../install/lock";
import { reportToStderr as report } from "../../install/progress";
import { explainPassphrase, prepareTools, stackExists, stackLockFile } from "../prepare";
import { askPulumi, PROJECT, refusal, runPulumi } from "../pulumi";
import { purgeLeftovers } from "../purge";
import { recoverStack } from "../recover";
import { takeStack } from "../stack";

const WAIT_MS = 2 * 60_000;

/**
 * `npm run down [-- --purge] [-- --stack NAME]`: stops the cluster and keeps its data; with `--purge` deletes the data and
 * the stack too. The stack's config file stays.
 */
export async function main(args: string[]): Promise<number> {
  const { stack, rest } = takeStack(args);
  const purge = rest.includes("--purge");
  const options = rest.filter((arg) => arg !== "--purge");
  const { env } = await prepareTools(undefined, () => undefined);
  return withLock(
    stackLockFile(stack),
    `npm run down (stack ${stack})`,
    report,
    async () => {
      await recoverStack(stack, env, report);
      const code = isDeployed(stack, env) ? await destroy(stack, purge, options, env) : nothingToStop(stack);
      if (code !== 0 || !purge) return code;
      await purgeLeftovers(stack, report);
      removeStack(stack, env);
      return 0;
    },
    WAIT_MS,
  );
}

/** Of another backend than files only Pulumi could tell, and a destroy of nothing does no harm. */
function isDeployed(stack: string, env: NodeJS.ProcessEnv): boolean {
  const backend = fileBackend(env);
  if (backend === undefined) return true;
  const state = readStackState(backend, PROJECT, stack);
  return state !== undefined && state.resourceCount + state.pending.length > 0;
}

function nothingToStop(stack: string): number {
  report(`Nothing is deployed in stack ${stack}`);
  return 0;
}

async function destroy(
  stack: string,
  purge: boolean,
  options: string[],
  env: NodeJS.ProcessEnv,
): Promise<number> {
  // Read by the provider (provider/remove.ts).
  const withPurge = purge ? { ...env, REDIS_CLUSTER_KIT_PURGE: "1" } : env;
  const code = await runPulumi(
    ["destroy", "--yes", "--skip-preview", "--stack", stack, ...options],
    withPurge,
  );
  if (code !== 0) explainPassphrase(stack, env);
  return code;
}

function removeStack(stack: string, env: NodeJS.ProcessEnv): void {
  if (stackExists(stack, env) === false) return;
  const said = askPulumi(["stack", "rm", "--yes", "--preserve-config", "--stack", stack], env);
  if (said.code !== 0) throw refusal(`Stack ${stack} cannot be removed`, said);
  report(`Stack ${stack} is removed; Pulumi.${stack}.yaml stays`);
}
