import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../pulumi";
import { runNode, tool } from "../tools";

/** `npm run build`, and before `npm pack`: dist/ anew, with what the package's four entries need and nothing else. */
export async function main(args: string[]): Promise<number> {
  const dist = join(ROOT, "dist");
  rmSync(dist, { recursive: true, force: true });
  const project = join(ROOT, "tsconfig.build.json");
  const code = await runNode([tool("typescript/bin/tsc"), "--project", project, ...args]);
  if (code !== 0) return code;
  // Texts that are read at run time, from beside the compiled file that reads them.
  const isText = (path: string) => !path.endsWith(".ts");
  cpSync(join(ROOT, "templates"), join(dist, "templates"), { recursive: true, filter: isText });
  cpSync(join(ROOT, "docs/runbook.md"), join(dist, "docs/runbook.md"));
  shortenPackageJson(join(dist, "package.json"));
  for (const file of readdirSync(dist, { recursive: true, encoding: "utf8" }))
    if (file.endsWith(".d.ts")) rewrite(join(dist, file), splitTypeNames);
  return 0;
}

function rewrite(file: string, change: (text: string) => string): void {
  const text = readFileSync(file, "utf8");
  const changed = change(text);
  if (changed !== text) writeFileSync(file, changed);
}

/**
 * `export { a, type B } from "c"` as two lines. A stack without a TypeScript of its own is compiled by the one inside
 * @pulumi/pulumi (3.8), which does not know `type` within braces: what such a line names would be lost there.
 */
export function splitTypeNames(declarations: string): string {
  return declarations.replace(
    /^(import|export) \{ ([^}]*\btype [^}]*) \}( from [^;]+;)$/gm,
    (_line, keyword: string, list: string, from: string) => {
      const names = list.split(", ");
      const types = names
        .filter((name) => name.startsWith("type "))
        .map((name) => name.slice("type ".length));
      const values = names.filter((name) => !name.startsWith("type "));
      const lines = [`${keyword} type { ${types.join(", ")} }${from}`];
      if (values.length > 0) lines.push(`${keyword} { ${values.join(", ")} }${from}`);
      return lines.join("\n");
    },
  );
}

/** The provider reads its version from it. The rest would describe dist/ as a second package, with entries of its own. */
function shortenPackageJson(file: string): void {
  const { version, type } = JSON.parse(readFileSync(file, "utf8")) as Record<"version" | "type", string>;
  writeFileSync(file, `${JSON.stringify({ version, type })}\n`);
}
