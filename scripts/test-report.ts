import { readFileSync } from "node:fs";
import { z } from "zod";

/** How many tests there were of each kind. */
export interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

const reportSchema = z.object({
  numPassedTests: z.number(),
  numFailedTests: z.number(),
  numPendingTests: z.number(),
  numTodoTests: z.number(),
  testResults: z.array(z.object({ status: z.string(), assertionResults: z.array(z.unknown()) })),
});

/**
 * Counts vitest's JSON report. A file that could not be loaded has no tests and counts as one failure; so does a run that
 * ended badly for another reason (an error outside of tests, no report at all): never "0 failed" with a bad exit code.
 */
export function countTests(reportFile: string, exitCode: number): Counts {
  let text: string;
  try {
    text = readFileSync(reportFile, "utf8");
  } catch {
    return { passed: 0, failed: 1, skipped: 0 };
  }
  const report = reportSchema.parse(JSON.parse(text));
  const unloaded = report.testResults.filter(
    ({ status, assertionResults }) => status === "failed" && assertionResults.length === 0,
  );
  const failed = report.numFailedTests + unloaded.length;
  return {
    passed: report.numPassedTests,
    failed: failed === 0 && exitCode !== 0 ? 1 : failed,
    skipped: report.numPendingTests + report.numTodoTests,
  };
}

/** "12 passed, 0 failed, 1 skipped"; each failed check (type check, lint) counts as a failure. */
export function summaryLine(counts: Counts, failedChecks: number): string {
  const skipped = counts.skipped === 0 ? "" : `, ${counts.skipped} skipped`;
  return `${counts.passed} passed, ${counts.failed + failedChecks} failed${skipped}`;
}
