import { main as vitest } from "./vitest";

/** `npm run test:quick`: the tests that need no real processes, with fewer random runs of the simulator than `npm test` makes. */
export function main(args: string[]): Promise<number> {
  process.env.SIM_QUICK ??= "1";
  return vitest(["--project", "unit", "--project", "sim", ...args]);
}
