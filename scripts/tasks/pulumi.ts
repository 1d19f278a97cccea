import { ensureEngine } from "../../install/engine";
import { reportToStderr } from "../../install/progress";
import { pulumiEnvironment } from "../../install/pulumi-env";
import { runPulumi, selectDefaultStack } from "../pulumi";

/** `npm run --silent pulumi -- ARGS`: any Pulumi command, with the engine, state and passphrase of `npm run up`. */
export async function main(args: string[]): Promise<number> {
  const env = pulumiEnvironment(await ensureEngine(reportToStderr));
  selectDefaultStack(args, env);
  return runPulumi(args, env);
}
