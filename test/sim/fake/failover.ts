/** A replica's part in failovers: Redis's clusterHandleSlaveFailover and the manual failover state machine. */
import { broadcastPong, requestVotes } from "./bus/send";
import type { Server } from "./server";
import { forEachSlot } from "./slot-set";

/** How long a manual failover may take before it is given up. */
export const MANUAL_FAILOVER_MS = 5000;

export function resetManualFailover(server: Server): void {
  const { failover } = server.cluster;
  // 5.0 unpauses whatever paused the clients; 6.2 only where this node was the primary handing over.
  const unpause = server.release.fastManualFailover
    ? failover.manualReplica !== null
    : failover.manualEndMs !== 0;
  failover.manualEndMs = 0;
  failover.manualCanStart = false;
  failover.manualReplica = null;
  failover.primaryOffset = undefined;
  if (unpause) server.unpauseClients();
}

export function expireManualFailover(server: Server): void {
  const { manualEndMs } = server.cluster.failover;
  if (manualEndMs !== 0 && manualEndMs < server.now()) resetManualFailover(server);
}

/** Starts once everything that the paused primary wrote has arrived. */
export function advanceManualFailover(server: Server): void {
  const { failover } = server.cluster;
  if (failover.manualEndMs === 0 || failover.manualCanStart || failover.primaryOffset === undefined) return;
  if (failover.primaryOffset === server.replication.replicaOffset()) {
    failover.manualCanStart = true;
    if (server.release.fastManualFailover) server.todo.failover = true;
  } else if (server.release.fastManualFailover) server.todo.manualFailover = true;
}

/** The number of replicas of the same primary that are further in the stream. */
function rankOf(server: Server): number {
  const { myself } = server.cluster;
  const offset = server.replication.replicaOffset();
  const others = myself.primary?.replicas ?? [];
  return others.filter((other) => other !== myself && other.replOffset > offset).length;
}

/** Data older than this many node timeouts must not become the truth. */
function dataTooOld(server: Server): boolean {
  const factor = server.config.number("cluster-replica-validity-factor");
  if (factor === 0) return false;
  const timeoutMs = server.nodeTimeoutMs;
  let ageMs = server.replication.dataAgeMs();
  if (ageMs > timeoutMs) ageMs -= timeoutMs;
  return ageMs > server.config.number("repl-ping-replica-period") * 1000 + timeoutMs * factor;
}

export function handleReplicaFailover(server: Server): void {
  const { cluster, config } = server;
  const { failover, myself } = cluster;
  const now = server.now();
  const manual = failover.manualEndMs !== 0 && failover.manualCanStart;
  const { primary } = myself;
  if (myself.isPrimary || !primary || primary.slots.count === 0) return;
  if (!manual && (!primary.failed || config.flag("cluster-replica-no-failover"))) return;
  if (!manual && dataTooOld(server)) return;
  const timeoutMs = Math.max(server.nodeTimeoutMs * 2, 2000);
  if (now - failover.authTimeMs > timeoutMs * 2) {
    scheduleElection(server);
    return;
  }
  if (!failover.authSent && failover.manualEndMs === 0) {
    const rank = rankOf(server);
    if (rank > failover.authRank) {
      failover.authTimeMs += (rank - failover.authRank) * 1000;
      failover.authRank = rank;
    }
  }
  if (now < failover.authTimeMs || now - failover.authTimeMs > timeoutMs) return;
  if (!failover.authSent) {
    cluster.currentEpoch += 1;
    failover.authEpoch = cluster.currentEpoch;
    failover.authSent = true;
    server.todo.save = server.todo.update = true;
    requestVotes(server);
    return;
  }
  if (failover.authCount < cluster.quorum()) return;
  myself.configEpoch = Math.max(myself.configEpoch, failover.authEpoch);
  replacePrimary(server);
}

function scheduleElection(server: Server): void {
  const { failover } = server.cluster;
  failover.authTimeMs = server.now() + 500 + server.random.between(0, 499);
  failover.authCount = 0;
  failover.authSent = false;
  failover.authRank = rankOf(server);
  failover.authTimeMs += failover.authRank * 1000;
  if (failover.manualEndMs !== 0) {
    failover.authTimeMs = server.now();
    failover.authRank = 0;
    server.todo.failover = true;
  }
  broadcastPong(server, "shard");
}

/** Takes over the primary's slots and tells everybody. The new config epoch is the caller's business. */
export function replacePrimary(server: Server): void {
  const { cluster, replication } = server;
  const { myself } = cluster;
  const old = myself.primary;
  if (myself.isPrimary || !old) return;
  cluster.makePrimary(myself);
  replication.unsetPrimary();
  forEachSlot(old.slots.freeze(), (slot) => {
    cluster.deleteSlot(slot);
    cluster.addSlot(myself, slot);
  });
  server.updateState();
  server.save();
  broadcastPong(server, "all");
  resetManualFailover(server);
}
