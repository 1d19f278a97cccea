import { ensureEngine } from "../../install/engine";
import { reportToStderr } from "../../install/progress";
import { pulumiEnvironment } from "../../install/pulumi-env";
import { runPulumi, selectStack } from "../pulumi";
import { recoverIfIdle } from "../recover";

/** Commands that a killed run's lock or interrupted operations would stop or make warn. */
const CHANGING = ["up", "update", "preview", "refresh", "destroy"];

/** `npm run --silent pulumi -- ARGS`: any Pulumi command, with the engine, state and passphrase of `npm run up`. */
export async function main(args: string[]): Promise<number> {
  const env = pulumiEnvironment(await ensureEngine(reportToStderr));
  const stack = selectStack(args, env);
  if (stack !== undefined && CHANGING.includes(args[0] ?? ""))
    await recoverIfIdle(stack, env, reportToStderr);
  return runPulumi(args, env);
}
