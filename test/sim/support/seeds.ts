/** Which random runs a simulator test makes. */

/**
 * The seeds of a test, from 1. SIM_SEED repeats a single one, SIM_SEEDS sets their number. Otherwise there are `full` of them,
 * or `quick` where SIM_QUICK is set, as `npm run test:quick` does: what is run while one writes code must end within a minute.
 */
export function seedsOf(
  { full, quick }: { readonly full: number; readonly quick: number },
  env: NodeJS.ProcessEnv = process.env,
): readonly number[] {
  if (env.SIM_SEED) return [Number(env.SIM_SEED)];
  const count = Number(env.SIM_SEEDS ?? (env.SIM_QUICK ? quick : full));
  return Array.from({ length: count }, (_, index) => index + 1);
}

/** Of a test that breaks every command of an operation: all of them, or one in `quick` where SIM_QUICK is set. */
export function strideOf(quick: number, env: NodeJS.ProcessEnv = process.env): number {
  return env.SIM_QUICK ? quick : 1;
}
