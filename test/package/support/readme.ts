/** What the README tells another team to write and to type, taken from it: the test does what it says. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../../program/support/stack";

/** The section for those who use the package. */
const SECTION = "Use it in your own stack";

export interface ReadmeCode {
  /** Into an empty folder: the package and what a stack in TypeScript needs. */
  readonly install: string;
  /** Pulumi.yaml, whole. */
  readonly project: string;
  /** index.ts, whole. */
  readonly program: string;
  /** One line each: the stack, its password, up. */
  readonly up: readonly string[];
  /** What index.ts exports besides for the command line. */
  readonly declaration: string;
}

/** Throws when the section has other blocks than these. */
export function codeInReadme(): ReadmeCode {
  const blocks = blocksOf(SECTION);
  const languages = blocks.map(({ language }) => language).join(" ");
  if (languages !== "sh yaml ts sh ts")
    throw new Error(`README.md, "${SECTION}": expected blocks of sh yaml ts sh ts, found ${languages}`);
  const [install = "", project = "", program = "", up = "", declaration = ""] = blocks.map(
    ({ code }) => code,
  );
  return { install, project, program, up: up.trimEnd().split("\n"), declaration };
}

function blocksOf(heading: string): readonly { readonly language: string; readonly code: string }[] {
  const text = readFileSync(join(ROOT, "README.md"), "utf8");
  const section = text.split(/^## /m).find((part) => part.startsWith(`${heading}\n`)) ?? "";
  const found = [...section.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)];
  return found.map(([, language = "", code = ""]) => ({ language, code }));
}
