/** Building and sending bus packets (clusterBuildMessageHdr, clusterSendPing and their kin in Redis's cluster.c). */
import { Flag, type Peer } from "../peer";
import type { Server } from "../server";
import type { Link } from "./link";
import type { Body, GossipEntry, Header, Message, PingType } from "./message";

function header(server: Server): Header {
  const { cluster, config, replication } = server;
  const { myself } = cluster;
  const shown = myself.isReplica && myself.primary ? myself.primary : myself;
  return {
    sender: myself.id,
    slots: shown.slots.freeze(),
    primaryId: myself.primary?.id,
    announcedIp: config.get("cluster-announce-ip") || undefined,
    port: server.announcedPort,
    busPort: server.announcedBusPort,
    flags: myself.flags,
    currentEpoch: cluster.currentEpoch,
    configEpoch: shown.configEpoch,
    offset: myself.isReplica ? replication.replicaOffset() : replication.offset,
    paused: myself.isPrimary && cluster.failover.manualEndMs !== 0,
  };
}

function message(server: Server, body: Body): Message {
  return { ...header(server), ...body };
}

/** On the node's own link; remembers when the ping was sent. */
export function sendPing(server: Server, link: Link, type: PingType): void {
  if (type === "ping") link.peer.pingSentMs = server.scheduler.now();
  link.send(message(server, { type, gossip: gossip(server) }));
}

/** The pong to a ping that came in on a peer's link. */
export function answerPong(server: Server, inbound: Link): void {
  inbound.sendBack(message(server, { type: "pong", gossip: gossip(server) }));
}

/** A tenth of the nodes, three at least, picked at random, and every node that looks unreachable. */
function gossip(server: Server): GossipEntry[] {
  const { cluster, random } = server;
  const all = [...cluster.nodes.values()];
  let fresh = all.length - 2;
  const wanted = Math.min(Math.max(Math.floor(all.length / 10), 3), fresh);
  const chosen = new Set<Peer>();
  for (let tries = wanted * 3; fresh > 0 && chosen.size < wanted && tries > 0; tries--) {
    const peer = random.pick(all);
    if (peer === cluster.myself || peer.timedOut) continue;
    if (peer.has(Flag.handshake | Flag.noAddress) || (peer.link === null && peer.slots.count === 0)) {
      fresh -= 1;
      continue;
    }
    if (chosen.has(peer)) continue;
    chosen.add(peer);
    fresh -= 1;
  }
  for (const peer of all) {
    if (peer.timedOut && !peer.has(Flag.handshake | Flag.noAddress)) chosen.add(peer);
  }
  return [...chosen].map((peer) => ({
    id: peer.id,
    ip: peer.ip,
    port: peer.port,
    busPort: peer.busPort,
    flags: peer.flags,
    pongReceivedMs: peer.pongReceivedMs,
  }));
}

/** Tells all connected nodes, or the replicas of the own shard only. */
export function broadcastPong(server: Server, to: "all" | "shard"): void {
  const { myself, nodes } = server.cluster;
  for (const peer of nodes.values()) {
    if (!peer.link || peer === myself || peer.inHandshake) continue;
    if (to === "shard") {
      const sameShard =
        peer.isReplica && peer.primary && (peer.primary === myself || peer.primary === myself.primary);
      if (!sameShard) continue;
    }
    sendPing(server, peer.link, "pong");
  }
}

function broadcast(server: Server, body: Body): void {
  const packet = message(server, body);
  for (const peer of server.cluster.nodes.values()) {
    if (peer.has(Flag.myself | Flag.handshake)) continue;
    peer.link?.send(packet);
  }
}

export function sendFail(server: Server, failing: Peer): void {
  broadcast(server, { type: "fail", failing: failing.id });
}

export function sendUpdate(server: Server, to: Peer, owner: Peer): void {
  const update = { id: owner.id, configEpoch: owner.configEpoch, slots: owner.slots.freeze() };
  to.link?.send(message(server, { type: "update", update }));
}

/** `force`: vote although the primary works, because an operator asked. */
export function requestVotes(server: Server): void {
  broadcast(server, { type: "authRequest", force: server.cluster.failover.manualEndMs !== 0 });
}

export function sendVote(server: Server, to: Peer): void {
  to.link?.send(message(server, { type: "authAck" }));
}

export function startManualFailover(server: Server, primary: Peer): void {
  primary.link?.send(message(server, { type: "manualFailoverStart" }));
}
