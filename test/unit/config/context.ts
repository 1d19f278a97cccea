/** What every test of the configuration is read in. */
import { type ConfigContext, ConfigError, type Problem, parseConfig } from "../../../config";

export const CONTEXT: ConfigContext = {
  stack: "dev",
  project: "redis-cluster-kit",
  dataRoot: "/home/me/data",
};

/** The problems that `parseConfig` throws. Fails where it throws none or something else. */
export function problemsOf(raw: unknown, context: Partial<ConfigContext> = {}): readonly Problem[] {
  try {
    parseConfig(raw, { ...CONTEXT, ...context });
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  throw new Error(`no problem was found in ${JSON.stringify(raw)}`);
}

/** The one problem, where there is one only. */
export function problemOf(raw: unknown, context: Partial<ConfigContext> = {}): Problem {
  const [problem, ...others] = problemsOf(raw, context);
  if (!problem || others.length > 0) throw new Error(`more problems: ${JSON.stringify(others)}`);
  return problem;
}
