/** What an up without changes costs against an empty program's, in one run. Printed, not judged: the machine decides. */
import { copyFileSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { redisBinaries } from "../support/redis-binaries";
import { ROOT, Stack } from "./support/stack";

const RUNS = 5;

/** The same runtime and the same way to run TypeScript, and nothing declared. */
function writeEmptyProgram(folder: string): void {
  const project = readFileSync(join(ROOT, "Pulumi.yaml"), "utf8").replace(/^plugins:[\s\S]*/m, "");
  writeFileSync(join(folder, "Pulumi.yaml"), project);
  writeFileSync(join(folder, "index.ts"), 'import "@pulumi/pulumi";\n');
  copyFileSync(join(ROOT, "package.json"), join(folder, "package.json"));
  for (const name of ["node_modules", "scripts"]) symlinkSync(join(ROOT, name), join(folder, name));
}

const median = (values: readonly number[]) =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

test("an up without changes against an empty program's", async () => {
  const empty = await Stack.open(writeEmptyProgram, [], await redisBinaries("5.0"));
  try {
    await Stack.with({}, async (stack) => {
      await empty.must("stack", "init", "test");
      for (const each of [empty, stack]) await each.must("up", "--yes", "--skip-preview");
      for (const phases of [["--skip-preview"], []]) {
        const times = { empty: [] as number[], cluster: [] as number[] };
        for (let run = 0; run < RUNS; run++) {
          times.empty.push((await empty.pulumi(["up", "--yes", ...phases])).elapsedMs);
          const up = await stack.pulumi(["up", "--yes", ...phases]);
          expect(up.output).toMatch(/Resources:\s+3 unchanged/);
          times.cluster.push(up.elapsedMs);
        }
        const [none, six] = [median(times.empty), median(times.cluster)].map(Math.round);
        console.log(
          `up without changes${phases.length > 0 ? ", without preview" : ""}: empty program ${none} ms, six nodes ${six} ms, difference ${(six ?? 0) - (none ?? 0)} ms`,
        );
      }
    });
  } finally {
    await empty.end();
  }
});
