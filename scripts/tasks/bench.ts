import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "../../install/errors";
import { ROOT } from "../pulumi";
import { runNode } from "../tools";

/** `npm run bench NAME [args]`: runs bench/NAME.ts. */
export async function main([name, ...args]: string[]): Promise<number> {
  const folder = join(ROOT, "bench");
  const names = existsSync(folder) ? readdirSync(folder).filter((file) => file.endsWith(".ts")) : [];
  const known = names.map((file) => file.slice(0, -3));
  if (name === undefined || !known.includes(name)) {
    throw new UserError(
      `No benchmark called "${name ?? ""}"`,
      `There are: ${known.join(", ") || "none yet"}.`,
    );
  }
  return runNode(["--require", join(ROOT, "scripts", "ts.cjs"), join(folder, `${name}.ts`), ...args]);
}
