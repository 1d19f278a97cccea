/** What `npm run lint` refuses beside Biome's rules: proven on bad code, with the project's own eslint.config.mjs. */
import { join } from "node:path";
import { ESLint } from "eslint";
import { expect, it } from "vitest";
import { ROOT } from "../support/house/sources";

/** Loading the project's types takes seconds; on a busy machine many of them. */
const TIMEOUT_MS = 60_000;

/** Each finding once, as "line: rule", in the order of the alphabet. */
async function findings(code: string): Promise<string[]> {
  const eslint = new ESLint({ cwd: ROOT });
  // In the place of a real file: the code may import what that one may, and its folder's tsconfig counts.
  const [result] = await eslint.lintText(code, { filePath: join(ROOT, "index.ts") });
  const found = (result?.messages ?? []).map(({ line, ruleId, message }) => `${line}: ${ruleId ?? message}`);
  return [...new Set(found.map((text) => text.replace("@typescript-eslint/", "")))].sort();
}

it(
  "refuses an Output in a text, a promise that nobody awaits, a switch with a hole",
  async () => {
    const code = `import * as pulumi from "@pulumi/pulumi";
const text: pulumi.Output<string> = pulumi.output("a");
const list = pulumi.output(["a"]);
export const wrong = \`redis://\${text}\`;
export const alsoWrong = \`\${list} \${list[0]} \${pulumi.output(1)}\`;
export const added = "redis://" + text;
export const objects = \`\${{ a: 1 }}\`;
export const right = pulumi.interpolate\`redis://\${text}\`;
export const fine = text.apply((value) => \`\${value} \${1} \${true} \${new Error("a")}\`);
async function later(): Promise<void> {}
later();
void later();
[1].forEach(async () => later());
export async function waits(): Promise<void> { await 1; }
export function holes(step: "a" | "b"): number {
  switch (step) {
    case "a": return 1;
  }
  return 2;
}
`;
    expect(await findings(code)).toEqual([
      "11: no-floating-promises",
      "13: no-misused-promises",
      "14: await-thenable",
      "16: switch-exhaustiveness-check",
      "4: no-base-to-string",
      "4: restrict-template-expressions",
      "5: no-base-to-string",
      "5: restrict-template-expressions",
      "6: no-base-to-string",
      "6: restrict-plus-operands",
      "7: no-base-to-string",
      "7: restrict-template-expressions",
    ]);
  },
  TIMEOUT_MS,
);
