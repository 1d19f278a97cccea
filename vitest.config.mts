import { defineConfig } from "vitest/config";

/**
 * In CI a test on real processes gets a second try: shared machines stall for seconds, and elections and time-outs are
 * real. What fails twice has failed. Pure tests get none.
 */
const RETRIES_ON_REAL_PROCESSES = process.env.CI ? 1 : 0;

/** Which tiers run beside each other, and how many of their files. */
interface Turn {
  /** Tiers of a lower turn end first. */
  readonly groupOrder: number;
  readonly maxWorkers: number;
}
const COMPUTING: Turn = { groupOrder: 0, maxWorkers: 2 };
/** Three files at once even on two cores: nearly all of their time they wait for elections, time-outs and resyncs. */
const WAITING: Turn = { groupOrder: 1, maxWorkers: 3 };
/** Booted servers, and Prometheus with its exporters: many processes for each file. */
const HEAVY: Turn = { groupOrder: 2, maxWorkers: 2 };

/** Test tiers by what they depend on; `npm run test:quick` is unit and sim. */
function tier(name: string, testTimeoutMs: number, turn: Turn, globalSetup: string[] = []) {
  return {
    test: {
      name,
      include: [`test/${name}/**/*.test.ts`],
      testTimeout: testTimeoutMs,
      hookTimeout: Math.max(60_000, testTimeoutMs),
      sequence: { groupOrder: turn.groupOrder },
      maxWorkers: turn.maxWorkers,
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
      tier("unit", 20_000, COMPUTING),
      tier("sim", 60_000, COMPUTING),
      tier("integration", 180_000, WAITING, REAL_REDIS),
      tier("backup", 240_000, WAITING, REAL_REDIS),
      tier("program", 300_000, WAITING, REAL_REDIS),
      tier("package", 300_000, WAITING, [...REAL_REDIS, "test/package/setup.ts"]),
      tier("monitoring", 120_000, HEAVY, REAL_REDIS),
      tier("aws", 480_000, WAITING, REAL_REDIS),
      tier("hosts", 300_000, HEAVY, [...REAL_REDIS, "test/hosts/support/lab-setup.ts"]),
    ],
  },
});
