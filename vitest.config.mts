import { defineConfig } from "vitest/config";

/** Test tiers by what they depend on; `npm run test:quick` is unit and sim. */
function tier(name: string, testTimeoutMs: number, parallel: boolean) {
  return {
    test: {
      name,
      include: [`test/${name}/**/*.test.ts`],
      testTimeout: testTimeoutMs,
      hookTimeout: Math.max(60_000, testTimeoutMs),
      fileParallelism: parallel,
    },
  };
}

export default defineConfig({
  test: {
    projects: [
      tier("unit", 20_000, true),
      tier("sim", 60_000, true),
      tier("integration", 180_000, false),
      tier("program", 300_000, false),
    ],
  },
});
