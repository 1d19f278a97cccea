/**
 * The lock of nodes.conf outlives its server for a moment: a saving child of 5.0 to 5.0.10 inherits it, and the kernel
 * takes its time to end a child of a large server. A node that is started right then ends with "already used by a
 * different Redis Cluster node", and is fine when it is started again.
 */
import { setTimeout as sleep } from "node:timers/promises";

const REFUSED = /configuration file \S+ is already used by a different Redis Cluster node/;
const BOUND_MS = 15_000;
const PAUSE_MS = 250;

/** Runs `start` again while it fails for that reason; any other error, and that one after 15 s, passes through. */
export async function untilLockFades(start: () => Promise<void>): Promise<void> {
  const deadline = performance.now() + BOUND_MS;
  for (;;) {
    try {
      return await start();
    } catch (error) {
      if (!(error instanceof Error && REFUSED.test(error.message)) || performance.now() > deadline)
        throw error;
      await sleep(PAUSE_MS);
    }
  }
}
