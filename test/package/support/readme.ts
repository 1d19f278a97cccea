/** What the README tells another team to write, taken from it: the test does what it says. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../../program/support/stack";

/** The only block of code in `language` ("ts") below the heading. Throws when there is not exactly one. */
export function codeInReadme(heading: string, language: string): string {
  const text = readFileSync(join(ROOT, "README.md"), "utf8");
  const section = text.split(/^## /m).find((part) => part.startsWith(`${heading}\n`)) ?? "";
  const blocks = [...section.matchAll(new RegExp(`^\`\`\`${language}\n([^]*?)^\`\`\`$`, "gm"))];
  const [code] = blocks.map(([, block]) => block ?? "");
  if (code === undefined || blocks.length !== 1)
    throw new Error(`README.md, "${heading}": expected one block of ${language}, found ${blocks.length}`);
  return code;
}
