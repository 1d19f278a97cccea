/** Programs of distribution packages that these tests run; .ci/run installs them. */
import { findProgram } from "../../../install/process";

/** @throws where the package is missing. */
export function promtool(): string {
  return need("promtool", "prometheus");
}

export function prometheus(): string {
  return need("prometheus", "prometheus");
}

function need(program: string, debianPackage: string): string {
  const found = findProgram(program);
  if (found === undefined)
    throw new Error(`${program} is not installed. On Debian: apt-get install ${debianPackage}`);
  return found;
}
