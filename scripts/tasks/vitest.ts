import { runVitest } from "../vitest";

/** `npm run test:quick` and its kind: vitest alone, with the given options. */
export async function main(args: string[]): Promise<number> {
  return runVitest(args);
}
