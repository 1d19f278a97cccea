import { withLock } from "../../install/lock";
import { reportToStderr as report } from "../../install/progress";
import { ensurePassword } from "../password";
import { ensureStack, explainPassphrase, prepareTools, stackLockFile } from "../prepare";
import { runPulumi } from "../pulumi";
import { recoverStack } from "../recover";
import { readStackFile, redisOf, takeStack } from "../stack";

const WAIT_MS = 2 * 60_000;

/**
 * `npm run up [-- --stack NAME] [-- options of pulumi up]`: from an empty machine to a running cluster; again: heals and
 * changes what differs, or nothing. May be killed at any moment and run again.
 */
export async function main(args: string[]): Promise<number> {
  const { stack, rest } = takeStack(args);
  const { env } = await prepareTools(redisOf(readStackFile(stack)));
  return withLock(
    stackLockFile(stack),
    `npm run up (stack ${stack})`,
    report,
    async () => {
      await recoverStack(stack, env, report);
      ensureStack(stack, env);
      ensurePassword(stack, readStackFile(stack), env, report);
      const code = await runPulumi(["up", "--yes", "--skip-preview", "--stack", stack, ...rest], env);
      if (code !== 0) explainPassphrase(stack, env);
      return code;
    },
    WAIT_MS,
  );
}
