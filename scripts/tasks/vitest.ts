import { runNode, tool } from "../tools";

/** `npm run test:quick` and its kind: vitest alone, with the given options. */
export async function main(args: string[]): Promise<number> {
  return runNode([tool("vitest/vitest.mjs"), "run", ...args]);
}
