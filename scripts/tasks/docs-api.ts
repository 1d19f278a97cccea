import { runNode, tool } from "../tools";

/** `npm run docs:api`: the API reference of what programs import, as HTML in docs/api/. A warning is an error. */
export async function main(args: string[]): Promise<number> {
  return runNode([tool("typedoc/bin/typedoc"), ...args]);
}
