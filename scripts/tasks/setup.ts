import { UserError } from "../../install/errors";
import { prepareTools } from "../prepare";
import { readStackFile, redisOf, takeStack } from "../stack";

/**
 * `npm run setup [-- --fresh] [-- --redis 6.2.14]`: everything that `up` needs, nothing started. `--fresh` looks again for
 * what an earlier run found a stand-in for.
 */
export async function main(args: string[]): Promise<number> {
  const { stack, rest } = takeStack(args);
  const at = rest.indexOf("--redis");
  const version = at === -1 ? undefined : rest[at + 1];
  const known = new Set(["--fresh", "--redis", version]);
  const strange = rest.find((arg) => !known.has(arg));
  if (strange !== undefined || (at !== -1 && version === undefined)) {
    throw new UserError(
      `npm run setup does not know ${strange ?? "--redis without a version"}`,
      "It takes --fresh and --redis VERSION.",
    );
  }
  const fresh = rest.includes("--fresh");
  const redis = version === undefined ? redisOf(readStackFile(stack)) : { version };
  await prepareTools(redis === undefined ? undefined : { ...redis, fresh });
  return 0;
}
