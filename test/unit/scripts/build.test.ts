/** What the build makes of the compiler's declarations. The packed ones: test/package/quality.test.ts. */
import { expect, test } from "vitest";
import { splitTypeNames } from "../../../scripts/tasks/build";

test.each([
  [
    'export { ConfigError, type Problem } from "./error";',
    'export type { Problem } from "./error";\nexport { ConfigError } from "./error";',
  ],
  ['import { type Line } from "./lines";', 'import type { Line } from "./lines";'],
  [
    'import { a, type B, c, type D as E } from "f";',
    'import type { B, D as E } from "f";\nimport { a, c } from "f";',
  ],
])("%s is split by what a name is", (line, split) => {
  expect(splitTypeNames(`/** Kept. */\n${line}\nexport {};\n`)).toBe(`/** Kept. */\n${split}\nexport {};\n`);
});

test.each([
  'export type { A } from "a";',
  "export interface type { readonly type: A; }",
  'import { types } from "a";',
])("%s stays", (line) => expect(splitTypeNames(line)).toBe(line));
