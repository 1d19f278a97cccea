import { runNode, tool } from "../tools";

/** `npm run typecheck`: the whole project, strict. */
export async function main(args: string[]): Promise<number> {
  return runNode([tool("typescript/bin/tsc"), "--noEmit", "--project", ".", ...args]);
}
