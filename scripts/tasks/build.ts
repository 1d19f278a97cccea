import { copyFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../pulumi";
import { runNode, tool } from "../tools";

/** Read at run time, from beside the compiled file that reads them. */
const TEXTS = ["templates/redis.conf.tmpl"];

/** `npm run build`, and before `npm pack`: dist/ anew, with what the package's three entries need and nothing else. */
export async function main(args: string[]): Promise<number> {
  const dist = join(ROOT, "dist");
  rmSync(dist, { recursive: true, force: true });
  const project = join(ROOT, "tsconfig.build.json");
  const code = await runNode([tool("typescript/bin/tsc"), "--project", project, ...args]);
  if (code !== 0) return code;
  for (const file of TEXTS) copyFileSync(join(ROOT, file), join(dist, file));
  return 0;
}
