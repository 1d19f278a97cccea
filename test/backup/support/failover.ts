/** A failover that certainly meets a restore: the shard's primary has some of the keys, and takes no more until it is none. */
import type { NodeClient } from "../../../cluster/client";
import { systemClock } from "../../../cluster/clock";
import { ioredisConnector } from "../../../cluster/connection";
import type { NodeSpec } from "../../../cluster/spec";
import { waitUntil } from "../../../cluster/wait";

export interface Met {
  /** The new primary. */
  readonly node: NodeSpec;
  /** Keys that it had when it took over. */
  readonly keys: number;
}

/** Ends the hold, too: a primary that hands over lets its clients go on (cluster.c, resetManualFailover). In ms. */
const HOLD_MS = 10_000;
const ENOUGH_KEYS = 100;

/** Waits for the first keys, holds all clients, and lets the replica take over. */
export async function failOverMidway(primary: NodeSpec, replica: NodeSpec, password: string): Promise<Met> {
  const [from, to] = await Promise.all([primary, replica].map((node) => connected(node, password)));
  if (!from || !to) throw new Error("two nodes are needed");
  try {
    const begun = async () => (await size(from)) >= ENOUGH_KEYS || "no keys yet";
    await until(begun, `the first keys on ${primary.name}`, 60_000);
    await from.call("CLIENT", "PAUSE", HOLD_MS);
    await to.call("CLUSTER", "FAILOVER");
    const over = async () => String(await to.call("ROLE")).startsWith("master") || "still a replica";
    await until(over, `${replica.name} to take over`, HOLD_MS);
    return { node: replica, keys: await size(to) };
  } finally {
    from.close();
    to.close();
  }
}

const connected = (node: NodeSpec, password: string) => ioredisConnector().connect(node, [password]);

const size = async (client: NodeClient) => Number(await client.call("DBSIZE"));

function until(look: () => Promise<true | string>, what: string, timeoutMs: number) {
  return waitUntil(look, { clock: systemClock, intervalMs: 1, maxIntervalMs: 5, timeoutMs, what });
}
