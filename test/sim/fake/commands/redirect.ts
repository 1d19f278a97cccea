/** Which node serves a key: Redis's getNodeByQuery, and the error replies that send clients elsewhere. */
import type { ServedClient } from "../client-session";
import { slotOf } from "../database";
import type { Peer } from "../peer";
import { Failure } from "../value";
import type { CommandSpec } from "./table";

/** Returns where this node may serve the command. @throws Failure with the redirection or refusal */
export function redirect(
  client: ServedClient,
  spec: CommandSpec,
  name: string,
  keys: readonly string[],
  asking: boolean,
): void {
  const { cluster, db } = client.server;
  const { myself } = cluster;
  const [first = ""] = keys;
  const slot = slotOf(first);
  const owner = cluster.owners[slot];
  if (!owner) throw new Failure("CLUSTERDOWN Hash slot not served");
  const target = owner === myself ? cluster.migrating.get(slot) : undefined;
  const importing = !target && cluster.importing.has(slot);
  const different = new Set(keys);
  for (const key of different) {
    if (slotOf(key) !== slot) throw new Failure("CROSSSLOT Keys in request don't hash to the same slot");
  }
  const missing = target || importing ? [...different].filter((key) => !db.get(key)).length : 0;
  checkDown(client, spec);
  if ((target || importing) && name === "migrate") return;
  const unstable = new Failure("TRYAGAIN Multiple keys request during rehashing of slot");
  // 7.0 sends nobody away with keys of which it has some.
  if (target && missing > 0 && missing < different.size && client.server.release.strictSetslot)
    throw unstable;
  if (target && missing > 0) throw pointTo("ASK", slot, target);
  if (importing && (asking || spec.asking)) {
    if (different.size > 1 && missing > 0) throw unstable;
    return;
  }
  if (client.readOnly && !spec.write && myself.isReplica && myself.primary === owner) return;
  if (owner !== myself) throw pointTo("MOVED", slot, owner);
}

function checkDown(client: ServedClient, spec: CommandSpec): void {
  const { cluster, config } = client.server;
  if (cluster.ok) return;
  if (!config.flag("cluster-allow-reads-when-down")) throw new Failure("CLUSTERDOWN The cluster is down");
  if (spec.write) throw new Failure("CLUSTERDOWN The cluster is down and only accepts read commands");
}

function pointTo(kind: "ASK" | "MOVED", slot: number, node: Peer): Failure {
  return new Failure(`${kind} ${slot} ${node.ip}:${node.port}`);
}
