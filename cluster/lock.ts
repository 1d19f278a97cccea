/**
 * The advisory lock: a client name on every node. It dies with its holder's connections, so a killed run never leaves
 * one behind. Two runs that start together see each other, because each sets its names before it looks.
 */

import { LockedError } from "./errors";
import { parseClientList } from "./parse";
import type { Sessions } from "./sessions";
import type { NodeSpec } from "./spec";

const PREFIX = "redis-cluster-kit:apply:";

export interface LockHolder {
  readonly name: string;
  readonly clientId: number;
}

/** The client name of a run that changes the cluster, e.g. "redis-cluster-kit:apply:pid-4711@host:6f1c2a9b". */
export function lockName(who: string, runId: string): string {
  return `${PREFIX}${who.replace(/[^\x21-\x7e]/g, "_")}:${runId}`;
}

/** Lock holders other than `own` in a CLIENT LIST reply. */
export function lockHoldersIn(clientList: string, own: string): LockHolder[] {
  return parseClientList(clientList)
    .filter((client) => client.name.startsWith(PREFIX) && client.name !== own)
    .map((client) => ({ name: client.name, clientId: client.id }));
}

/**
 * Takes the lock on every node of `nodes` that answers; nodes that do not are skipped (they hold no run either).
 * Where two runs meet on a node, the one that connected first has the lower client id and keeps it.
 * @throws LockedError naming the holder.
 */
export async function takeLock(nodes: readonly NodeSpec[], sessions: Sessions): Promise<void> {
  const lists = await Promise.all(
    nodes.map((node) =>
      sessions
        .withClient(node, async (client) => ({ node, list: String(await client.call("CLIENT", "LIST")) }))
        .catch(() => undefined),
    ),
  );
  for (const entry of lists) {
    if (!entry) continue;
    const own = parseClientList(entry.list).filter((client) => client.name === sessions.clientName);
    const ownId = Math.min(...own.map((client) => client.id));
    const holder = lockHoldersIn(entry.list, sessions.clientName).find((other) => other.clientId < ownId);
    if (holder) throw new LockedError(holder.name.slice(PREFIX.length), entry.node.name);
  }
}
