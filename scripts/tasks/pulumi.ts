import { ensureEngine } from "../../install/engine";
import { reportToStderr as report } from "../../install/progress";
import { pulumiEnvironment } from "../../install/pulumi-env";
import { ensurePassword } from "../password";
import { runPulumi, selectStack } from "../pulumi";
import { recoverIfIdle } from "../recover";
import { readStackFile } from "../stack";

/** Commands that run the program, which needs the stack's password. */
const RUNNING = ["up", "update", "preview"];
/** Commands that a killed run's lock or interrupted operations would stop or make warn. */
const CHANGING = [...RUNNING, "refresh", "destroy"];

/** `npm run --silent pulumi -- ARGS`: any Pulumi command, with the engine, state and passphrase of `npm run up`. */
export async function main(args: string[]): Promise<number> {
  const env = pulumiEnvironment(await ensureEngine(report));
  const stack = selectStack(args, env);
  const command = args[0] ?? "";
  if (stack !== undefined && CHANGING.includes(command)) await recoverIfIdle(stack, env, report);
  if (stack !== undefined && RUNNING.includes(command))
    ensurePassword(stack, readStackFile(stack), env, report);
  return runPulumi(args, env);
}
