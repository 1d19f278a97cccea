import { cpSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../pulumi";
import { runNode, tool } from "../tools";

/** `npm run build`, and before `npm pack`: dist/ anew, with what the package's three entries need and nothing else. */
export async function main(args: string[]): Promise<number> {
  const dist = join(ROOT, "dist");
  rmSync(dist, { recursive: true, force: true });
  const project = join(ROOT, "tsconfig.build.json");
  const code = await runNode([tool("typescript/bin/tsc"), "--project", project, ...args]);
  if (code !== 0) return code;
  // Texts that are read at run time, from beside the compiled file that reads them.
  const isText = (path: string) => !path.endsWith(".ts");
  cpSync(join(ROOT, "templates"), join(dist, "templates"), { recursive: true, filter: isText });
  shortenPackageJson(join(dist, "package.json"));
  return 0;
}

/** The provider reads its version from it. The rest would describe dist/ as a second package, with entries of its own. */
function shortenPackageJson(file: string): void {
  const { version, type } = JSON.parse(readFileSync(file, "utf8")) as Record<"version" | "type", string>;
  writeFileSync(file, `${JSON.stringify({ version, type })}\n`);
}
