/** Ten times a second on every node: Redis's clusterCron. */
import { Link } from "./bus/link";
import { sendPing } from "./bus/send";
import { advanceManualFailover, expireManualFailover, handleReplicaFailover } from "./failover";
import { Flag, type Peer } from "./peer";
import { considerReplicaMigration } from "./replica-migration";
import type { Server } from "./server";

export function clusterCron(server: Server): void {
  const { cluster, config, replication } = server;
  const { myself } = cluster;
  server.cronRuns += 1;
  applyAnnouncedIp(server);
  myself.set(Flag.noFailover, config.flag("cluster-replica-no-failover"));
  connectPeers(server);
  if (server.cronRuns % 10 === 0) pingOldest(server);
  const survey = watchPeers(server);
  if (myself.isReplica && !replication.hasPrimary && myself.primary && !myself.primary.has(Flag.noAddress)) {
    replication.setPrimary(myself.primary.ip, myself.primary.port);
  }
  expireManualFailover(server);
  if (myself.isReplica) {
    advanceManualFailover(server);
    handleReplicaFailover(server);
    const mayMove = !server.release.migrationSwitch || config.flag("cluster-allow-replica-migration");
    if (survey.orphans > 0 && survey.most >= 2 && survey.own === survey.most && mayMove) {
      considerReplicaMigration(server, survey.most);
    }
  }
  if (survey.changed || !cluster.ok) server.updateState();
}

function applyAnnouncedIp(server: Server): void {
  const announced = server.config.get("cluster-announce-ip") ?? "";
  if (announced === server.lastAnnouncedIp) return;
  server.lastAnnouncedIp = announced;
  server.cluster.myself.ip = announced;
}

function connectPeers(server: Server): void {
  const { cluster } = server;
  const handshakeMs = Math.max(server.nodeTimeoutMs, 1000);
  for (const peer of [...cluster.nodes.values()]) {
    if (peer.has(Flag.myself | Flag.noAddress)) continue;
    if (peer.inHandshake && server.now() - peer.createdMs > handshakeMs) {
      cluster.deleteNode(peer);
      continue;
    }
    if (!peer.link) connect(server, peer);
  }
}

function connect(server: Server, peer: Peer): void {
  // 6.2 sends the first ping when the connection stands, 5.0 queues it before.
  const greetLater = server.release.dataIsLife;
  const greet = () => {
    const sentBefore = peer.pingSentMs;
    sendPing(server, link, peer.has(Flag.meet) ? "meet" : "ping");
    // A ping that was waiting for its pong before the connection broke goes on waiting.
    if (sentBefore !== 0) peer.pingSentMs = sentBefore;
    peer.set(Flag.meet, false);
  };
  const link = new Link(server, peer, () => {
    if (greetLater) greet();
  });
  peer.link = link;
  if (!greetLater) greet();
}

/** Of five nodes picked at random, the one whose last pong is the oldest. */
function pingOldest(server: Server): void {
  const all = [...server.cluster.nodes.values()];
  let oldest: Peer | undefined;
  for (let i = 0; i < 5; i++) {
    const peer = server.random.pick(all);
    if (!peer.link || peer.pingSentMs !== 0 || peer.has(Flag.myself | Flag.handshake)) continue;
    if (!oldest || oldest.pongReceivedMs > peer.pongReceivedMs) oldest = peer;
  }
  if (oldest?.link) sendPing(server, oldest.link, "ping");
}

interface Survey {
  changed: boolean;
  /** Primaries that lost their last replica. */
  orphans: number;
  /** Greatest number of working replicas of one primary. */
  most: number;
  /** Working replicas of this node's primary. */
  own: number;
}

function watchPeers(server: Server): Survey {
  const { cluster } = server;
  const { myself } = cluster;
  const survey: Survey = { changed: false, orphans: 0, most: 0, own: 0 };
  for (const peer of cluster.nodes.values()) {
    if (peer.has(Flag.myself | Flag.noAddress | Flag.handshake)) continue;
    if (myself.isReplica && peer.isPrimary && !peer.failed) {
      const working = peer.workingReplicas();
      if (working === 0 && peer.slots.count > 0 && peer.has(Flag.migrateTo)) survey.orphans += 1;
      survey.most = Math.max(survey.most, working);
      if (myself.primary === peer) survey.own = working;
    }
    if (watchPeer(server, peer)) survey.changed = true;
  }
  return survey;
}

/** Pings what was silent for long, flags what stays silent. Returns whether a flag changed. */
function watchPeer(server: Server, peer: Peer): boolean {
  const now = server.now();
  const timeoutMs = server.nodeTimeoutMs;
  const { failover, myself } = server.cluster;
  const waitedMs = now - peer.pingSentMs;
  const silentMs = server.release.dataIsLife ? now - peer.dataReceivedMs : Number.POSITIVE_INFINITY;
  const waiting = peer.pingSentMs !== 0 && peer.pongReceivedMs < peer.pingSentMs;
  const late = waitedMs > timeoutMs / 2 && silentMs > timeoutMs / 2;
  if (peer.link && now - peer.link.createdMs > timeoutMs && waiting && late) peer.link.free();
  if (peer.link && peer.pingSentMs === 0 && now - peer.pongReceivedMs > timeoutMs / 2) {
    sendPing(server, peer.link, "ping");
    return false;
  }
  if (failover.manualEndMs !== 0 && myself.isPrimary && failover.manualReplica === peer && peer.link) {
    sendPing(server, peer.link, "ping");
    return false;
  }
  if (peer.pingSentMs === 0 || Math.min(waitedMs, silentMs) <= timeoutMs) return false;
  if (peer.has(Flag.pfail | Flag.fail)) return false;
  peer.set(Flag.pfail, true);
  return true;
}
