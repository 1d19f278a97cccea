/** Shortening the pause that a planned failover means for clients of Redis before 6.2. */
import { parsePairs } from "../parse";
import { QUICK_HZ } from "../plan/settings";
import { advancesByTicks } from "../plan/versions";
import { call, type StepContext, versionOf } from "./context";

/**
 * Before 6.2 both sides of a manual failover act on their next tick of clusterCron only (redis #7948): the paused primary
 * tells its offset on its own, the replica begins on its own, so clients wait for up to two ticks. A tick is every 100 ms,
 * rounded down to whole rounds of the main cron: with hz 19 a round is 52 ms and two do not fit, so it is 52 ms as well,
 * which no other hz beats. Runs `body` with that on both nodes. A run that dies leaves hz at 19; the planner puts it back.
 */
export async function withQuickTicks(
  nodes: readonly string[],
  context: StepContext,
  body: () => Promise<void>,
): Promise<void> {
  const slow: { readonly name: string; readonly hz: string }[] = [];
  for (const name of nodes) {
    if (!advancesByTicks(await versionOf(name, context))) continue;
    const hz = parsePairs(await call(context, name, "CONFIG", "GET", "hz")).get("hz");
    if (hz !== undefined && hz !== QUICK_HZ) slow.push({ name, hz });
  }
  if (slow.length === 0) return body();
  try {
    await Promise.all(slow.map(({ name }) => call(context, name, "CONFIG", "SET", "hz", QUICK_HZ)));
    // The cron reads it when its present round ends.
    await context.clock.sleep(LONGEST_ROUND_MS, context.signal);
    await body();
  } finally {
    await Promise.all(
      slow.map(({ name, hz }) => call(context, name, "CONFIG", "SET", "hz", hz).catch(() => undefined)),
    );
  }
}

/** A round of the main cron with the default hz of 10, in ms, and a little. */
const LONGEST_ROUND_MS = 120;
