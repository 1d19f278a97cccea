import { runNode, tool } from "../tools";

/** `npm run lint`: Biome (format and rules), then ESLint for what needs types. */
export async function main(args: string[]): Promise<number> {
  const biome = await runNode([tool("@biomejs/biome/bin/biome"), "check", "--error-on-warnings", ...args]);
  const eslint = await runNode([tool("eslint/bin/eslint.js"), "--max-warnings", "0", "."]);
  return biome || eslint;
}
