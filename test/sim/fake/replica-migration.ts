/** A spare replica moves to a primary that has none left: Redis's clusterHandleSlaveMigration. */
import { Flag, type Peer } from "./peer";
import type { Server } from "./server";

/** How long a primary must be without replicas before one moves to it. */
const ORPHANED_FOR_MS = 5000;

/** Called by the cron where this node is a replica of a primary with the most working replicas. */
export function considerReplicaMigration(server: Server, mostReplicas: number): void {
  const { cluster, config } = server;
  const { myself } = cluster;
  if (!cluster.ok || !myself.primary) return;
  const working = myself.primary.replicas.filter((replica) => !replica.failed && !replica.timedOut).length;
  if (working <= config.number("cluster-migration-barrier")) return;
  let target: Peer | undefined;
  let candidate = myself;
  for (const peer of cluster.nodes.values()) {
    const replicas = peer.isPrimary ? peer.workingReplicas() : 0;
    const orphaned = !peer.isReplica && !peer.failed && peer.has(Flag.migrateTo) && replicas === 0;
    if (orphaned) {
      if (!target && peer.slots.count > 0) target = peer;
      if (peer.orphanedTimeMs === 0) peer.orphanedTimeMs = server.now();
    } else peer.orphanedTimeMs = 0;
    if (replicas !== mostReplicas) continue;
    for (const replica of peer.replicas) if (replica.id < candidate.id) candidate = replica;
  }
  if (!target || candidate !== myself) return;
  if (server.now() - target.orphanedTimeMs > ORPHANED_FOR_MS) server.followPrimary(target);
}
