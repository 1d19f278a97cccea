import { defineConfig } from "vitest/config";

/**
 * In CI a test on real processes gets a second try: shared machines stall for seconds, and elections and time-outs are
 * real. What fails twice has failed. Pure tests get none.
 */
const RETRIES_ON_REAL_PROCESSES = process.env.CI ? 1 : 0;

/** Test tiers by what they depend on; `npm run test:quick` is unit and sim. */
function tier(name: string, testTimeoutMs: number, parallel: boolean, globalSetup: string[] = []) {
  return {
    test: {
      name,
      include: [`test/${name}/**/*.test.ts`],
      testTimeout: testTimeoutMs,
      hookTimeout: Math.max(60_000, testTimeoutMs),
      fileParallelism: parallel,
      retry: globalSetup.length > 0 ? RETRIES_ON_REAL_PROCESSES : 0,
      globalSetup,
    },
  };
}

/** Builds the Redis that is missing before the first test's clock runs. */
const REAL_REDIS = ["test/support/redis-setup.ts"];

export default defineConfig({
  test: {
    projects: [
      tier("unit", 20_000, true),
      tier("sim", 60_000, true),
      tier("integration", 180_000, false, REAL_REDIS),
      tier("backup", 240_000, false, REAL_REDIS),
      tier("program", 300_000, false, REAL_REDIS),
      tier("package", 300_000, false, REAL_REDIS),
      tier("monitoring", 120_000, false, REAL_REDIS),
      tier("aws", 240_000, false, REAL_REDIS),
      tier("hosts", 300_000, false, [...REAL_REDIS, "test/hosts/support/lab-setup.ts"]),
    ],
  },
});
