/** What packets tell about third nodes, and about addresses. */
import { isIP } from "node:net";
import { Flag, type Peer } from "../peer";
import type { Server } from "../server";
import type { GossipEntry, Header, Message } from "./message";
import { sendFail } from "./send";

/** @param sender unknown for the meet of a stranger: it makes nobody else known, or a stray node would join two clusters */
export function processGossip(server: Server, message: Message, sender: Peer | undefined): void {
  if (!("gossip" in message)) return;
  for (const entry of message.gossip) {
    const known = server.cluster.lookup(entry.id);
    if (known) learnOfKnown(server, known, entry, sender);
    else if (sender) learnOfNew(server, entry);
  }
}

function learnOfKnown(server: Server, peer: Peer, entry: GossipEntry, sender: Peer | undefined): void {
  const { cluster } = server;
  const reportedDown = (entry.flags & (Flag.fail | Flag.pfail)) !== 0;
  if (sender?.isPrimary && peer !== cluster.myself) {
    if (reportedDown) {
      peer.failReports.set(sender, server.now());
      markFailingIfAgreed(server, peer);
    } else peer.failReports.delete(sender);
  }
  if (!reportedDown && peer.pingSentMs === 0 && cluster.failureReports(peer, server.nodeTimeoutMs) === 0) {
    // Gossip carries whole seconds.
    const pongMs = Math.floor(entry.pongReceivedMs / 1000) * 1000;
    if (pongMs <= server.now() + 500 && pongMs > peer.pongReceivedMs) peer.pongReceivedMs = pongMs;
  }
  const moved = peer.ip !== entry.ip || peer.port !== entry.port || peer.busPort !== entry.busPort;
  if (peer.has(Flag.fail | Flag.pfail) && !reportedDown && (entry.flags & Flag.noAddress) === 0 && moved) {
    peer.link?.free();
    peer.ip = entry.ip;
    peer.port = entry.port;
    peer.busPort = entry.busPort;
    peer.set(Flag.noAddress, false);
  }
}

function learnOfNew(server: Server, entry: GossipEntry): void {
  const { cluster, release } = server;
  if ((entry.flags & Flag.noAddress) !== 0 || cluster.isForgotten(entry.id)) return;
  if (!release.gossipAddsById) {
    startHandshake(server, entry.ip, entry.port, entry.busPort);
    return;
  }
  const peer = cluster.addNode(entry.id, entry.flags);
  peer.ip = entry.ip;
  peer.port = entry.port;
  peer.busPort = entry.busPort;
}

/** FAIL when a majority of the primaries lost it; the word is spread so that everybody sets the flag. */
function markFailingIfAgreed(server: Server, peer: Peer): void {
  const { cluster } = server;
  if (!peer.timedOut || peer.failed) return;
  const votes = cluster.failureReports(peer, server.nodeTimeoutMs) + (cluster.myself.isPrimary ? 1 : 0);
  if (votes < cluster.quorum()) return;
  peer.set(Flag.pfail, false);
  peer.set(Flag.fail, true);
  peer.failTimeMs = server.now();
  if (cluster.myself.isPrimary || server.release.replicaSendsFail) sendFail(server, peer);
  server.todo.save = server.todo.update = true;
}

/**
 * CLUSTER MEET, and gossip about strangers before 5.0.10.
 * @returns "invalid" for what is no address, "busy" where a handshake with it is under way
 */
export function startHandshake(
  server: Server,
  ip: string,
  port: number,
  busPort: number,
): "started" | "busy" | "invalid" {
  const validPorts = [port, busPort].every((each) => each > 0 && each <= 65535);
  if (isIP(ip) === 0 || !validPorts) return "invalid";
  if (server.cluster.handshakeInProgress(ip, port, busPort)) return "busy";
  const peer = server.cluster.addNode(server.random.hex(40), Flag.handshake | Flag.meet);
  peer.ip = ip;
  peer.port = port;
  peer.busPort = busPort;
  return "started";
}

/** Takes over the address that a node shows now. Returns whether it is a new one. */
export function updateAddress(server: Server, peer: Peer, ip: string, header: Header): boolean {
  if (peer.ip === ip && peer.port === header.port && peer.busPort === header.busPort) return false;
  peer.ip = ip;
  peer.port = header.port;
  peer.busPort = header.busPort;
  peer.link?.free();
  peer.set(Flag.noAddress, false);
  const { myself } = server.cluster;
  if (myself.isReplica && myself.primary === peer) server.replication.setPrimary(peer.ip, peer.port);
  return true;
}
