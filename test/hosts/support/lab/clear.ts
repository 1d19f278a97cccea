/** A program that scripts/vitest.ts runs after an interrupted test run: its booted servers end now, and not with the next run. */
import { clearLeftovers } from "./leftovers";

clearLeftovers((line) => console.error(line)).catch((error: unknown) => {
  console.error(String(error));
  process.exitCode = 1;
});
