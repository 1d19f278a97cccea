import { readdirSync } from "node:fs";
import { ROOT } from "../pulumi";
import { runNode, tool } from "../tools";

/** `npm run lint`: Biome (format and rules), then ESLint for what needs types, if it is set up. */
export async function main(args: string[]): Promise<number> {
  const biome = await runNode([tool("@biomejs/biome/bin/biome"), "check", "--error-on-warnings", ...args]);
  const hasEslint = readdirSync(ROOT).some((name) => name.startsWith("eslint.config."));
  const eslint = hasEslint ? await runNode([tool("eslint/bin/eslint.js"), "."]) : 0;
  return biome || eslint;
}
