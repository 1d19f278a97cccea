import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { prepareTools } from "../prepare";
import { countTests, summaryLine } from "../test-report";
import { runVitest } from "../vitest";
import { main as lint } from "./lint";
import { main as typecheck } from "./typecheck";

/**
 * `npm test [-- options of vitest]`: type check, lint, then every test tier. All are run even if an earlier one fails.
 * The last line counts them; it also goes to the file REDIS_CLUSTER_KIT_TEST_SUMMARY (for .ci/run).
 */
export async function main(args: string[]): Promise<number> {
  // Before the tests, so that their time limits do not have to cover downloads and builds.
  await prepareTools({});
  const checks = { typecheck: await typecheck([]), lint: await lint([]) };
  const folder = mkdtempSync(join(tmpdir(), "redis-cluster-kit-test-"));
  const report = join(folder, "vitest.json");
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${report}`];
  const tests = await runVitest([...reporters, ...args]);
  const failedChecks = Object.entries(checks).flatMap(([name, code]) => (code === 0 ? [] : [name]));
  for (const name of failedChecks) process.stdout.write(`${name} failed, its words are above\n`);
  const line = summaryLine(countTests(report, tests), failedChecks.length);
  rmSync(folder, { recursive: true });
  const summaryFile = process.env.REDIS_CLUSTER_KIT_TEST_SUMMARY;
  if (summaryFile !== undefined) writeFileSync(summaryFile, `${line}\n`);
  else process.stdout.write(`${line}\n`);
  return tests !== 0 || failedChecks.length > 0 ? 1 : 0;
}
