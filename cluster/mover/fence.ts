/** After a lost answer: makes sure that nothing of what was sent can still take effect later. */
import { type NodeClient, RedisReplyError } from "../client";
import { parseClientList } from "../parse";
import type { Pair } from "./pair";

/** A connection whose bytes nobody has read yet is listed only after the server's next turn. */
const TURNS = 2;

/**
 * A MIGRATE that timed out may have left RESTOREs in the target's socket buffer. Processed later, after the key moved in a second try and
 * a client changed it, they would bring an old value back. The source has closed that connection; ending it at the target too drops
 * what was not processed. Connections of other sources are among them, so nothing may be under way to this target meanwhile (see Gate);
 * their next MIGRATE opens a new one.
 */
export async function dropPendingRestores(target: NodeClient): Promise<void> {
  for (let turn = 0; turn < TURNS; turn++) {
    const clients = parseClientList(String(await target.call("CLIENT", "LIST")));
    for (const { id, command, queryBytes } of clients) {
      const midway = queryBytes > 0 && /^(NULL|auth|select)$/.test(command);
      if (command === "restore-asking" || midway) await killClient(target, id);
    }
  }
}

/** Our own lost connection to the source may still hold unread MIGRATE commands. */
export async function dropPendingMigrates(pair: Pair, source: NodeClient): Promise<void> {
  await killClient(source, pair.migrateClientId);
}

async function killClient(client: NodeClient, id: number): Promise<void> {
  try {
    await client.call("CLIENT", "KILL", "ID", id);
  } catch (error) {
    // "No such client": it has ended by itself.
    if (!(error instanceof RedisReplyError)) throw error;
  }
}
