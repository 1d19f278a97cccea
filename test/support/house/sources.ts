/** The project's files, as the house test sees them. */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";
import * as ts from "typescript";

export const ROOT = resolve(__dirname, "../../..");

/** Not ours, or made by a tool. */
const SKIPPED = new Set(["node_modules", "dist", "coverage", ".git"]);

/** Paths relative to the project's folder, with forward slashes, sorted. */
export function projectFiles(endings: readonly string[], folder = ROOT): string[] {
  const found: string[] = [];
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (SKIPPED.has(entry.name)) continue;
    const path = join(folder, entry.name);
    if (entry.isDirectory()) found.push(...projectFiles(endings, path));
    else if (endings.some((ending) => entry.name.endsWith(ending))) found.push(posix(relative(ROOT, path)));
  }
  return found.sort();
}

export function readProjectFile(file: string): string {
  return readFileSync(join(ROOT, file), "utf8");
}

const parsed = new Map<string, ts.SourceFile>();

/** Every check looks at every file: each is parsed once. */
export function parseFile(file: string): ts.SourceFile {
  const known = parsed.get(file) ?? parseText(readProjectFile(file), file);
  parsed.set(file, known);
  return known;
}

/** Nodes know their parents: checks look upward, too. */
export function parseText(text: string, file = "made-up.ts"): ts.SourceFile {
  return ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
}

/** Number of lines; the newline at the end does not begin another one. */
export function lineCount(text: string): number {
  return text.split("\n").length - (text.endsWith("\n") ? 1 : 0);
}

const CANDIDATES = ["", ".ts", ".mts", ".cjs", ".json", "/index.ts"];

/** The file that a relative import means; `undefined` if there is none. */
export function resolveImport(importer: string, specifier: string): string | undefined {
  const base = resolve(ROOT, dirname(importer), specifier);
  const path = CANDIDATES.map((ending) => `${base}${ending}`).find(
    (candidate) => existsSync(candidate) && statSync(candidate).isFile(),
  );
  return path === undefined ? undefined : posix(relative(ROOT, path));
}

function posix(path: string): string {
  return path.split(sep).join("/");
}
