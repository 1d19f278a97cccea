/** A primary's part in failovers: voting, and pausing its clients when one of its replicas asks for a planned one. */

import type { Header } from "./bus/message";
import { sendPing, sendVote } from "./bus/send";
import { MANUAL_FAILOVER_MS, resetManualFailover } from "./failover";
import type { Peer } from "./peer";
import type { Server } from "./server";
import { findSlot } from "./slot-set";

/** Redis's clusterSendFailoverAuthIfNeeded. @param force the request is of a manual failover */
export function voteIfAllowed(server: Server, candidate: Peer, request: Header, force: boolean): void {
  const { cluster } = server;
  const { myself } = cluster;
  if (myself.isReplica || myself.slots.count === 0) return;
  if (request.currentEpoch < cluster.currentEpoch || cluster.lastVoteEpoch === cluster.currentEpoch) return;
  const { primary } = candidate;
  if (candidate.isPrimary || !primary || (!primary.failed && !force)) return;
  if (server.now() - primary.votedTimeMs < server.nodeTimeoutMs * 2) return;
  const newer = findSlot(request.slots, (slot) => {
    const owner = cluster.owners[slot];
    return owner ? owner.configEpoch > request.configEpoch : false;
  });
  if (newer !== undefined) return;
  cluster.lastVoteEpoch = cluster.currentEpoch;
  primary.votedTimeMs = server.now();
  server.save();
  sendVote(server, candidate);
}

/** Clients wait, so that the replica can reach the end of the stream. */
export function receiveManualFailoverStart(server: Server, sender: Peer | undefined): void {
  const { cluster } = server;
  if (!sender || sender.primary !== cluster.myself) return;
  resetManualFailover(server);
  cluster.failover.manualEndMs = server.now() + MANUAL_FAILOVER_MS;
  cluster.failover.manualReplica = sender;
  server.pauseClients(server.now() + MANUAL_FAILOVER_MS * 2);
  // 6.2 tells the replica its offset at once; 5.0 leaves it to the next cron run.
  if (server.release.fastManualFailover && sender.link) sendPing(server, sender.link, "ping");
}
