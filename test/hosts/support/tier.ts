/** How tests of this tier begin: with the lab where it can be had, else skipped with the reason. */
import { describe } from "vitest";
import { whyNoLab } from "./lab";

const missing = whyNoLab();
const reason = missing === undefined ? "" : ` (skipped: ${missing})`;
if (missing !== undefined) {
  // Continuous integration installs what is needed as root; there a missing lab is a failure.
  if (process.env.CI && process.getuid?.() === 0) throw new Error(missing);
  console.warn(`not tried here: ${missing}`);
}

/** A group of tests that need the lab. */
export function describeWithLab(name: string, body: () => void): void {
  describe.skipIf(missing !== undefined)(`${name}${reason}`, body);
}
