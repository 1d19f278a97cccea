/**
 * Global setup of the tiers that run real Redis: what is missing is built here, once and without a test's time
 * limit (minutes on a busy machine), and not in whichever test needs it first.
 */
import { REDIS_LINES, redisBinaries } from "./redis-binaries";

export default async function setup(): Promise<void> {
  for (const line of REDIS_LINES) await redisBinaries(line);
}
