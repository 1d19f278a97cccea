/** What a node does with a packet: Redis's clusterProcessPacket, in its order. */
import { Flag, type Peer } from "../peer";
import type { Server } from "../server";
import { findSlot } from "../slot-set";
import { receiveManualFailoverStart, voteIfAllowed } from "../votes";
import { processGossip, updateAddress } from "./gossip";
import type { Link } from "./link";
import type { Message } from "./message";
import { answerPong, sendUpdate } from "./send";
import { updateSlotsWith } from "./slots-update";

/**
 * @param link the receiver's own link on which the answer came, if it did
 * @param inbound the sender's link on which the packet came, else
 */
export function receive(
  server: Server,
  message: Message,
  link: Link | undefined,
  inbound: Link | undefined,
): void {
  const { cluster } = server;
  const sender = cluster.lookup(message.sender);
  if (sender) sender.dataReceivedMs = server.now();
  if (sender && !sender.inHandshake) learnEpochs(server, sender, message);
  switch (message.type) {
    case "ping":
    case "meet":
    case "pong":
      if (inbound && message.type !== "pong") answer(server, message, sender, inbound);
      learn(server, message, link, inbound);
      return;
    case "fail":
      receiveFail(server, message.failing, sender);
      return;
    case "update":
      receiveUpdate(server, message, sender);
      return;
    case "authRequest":
      if (sender) voteIfAllowed(server, sender, message, message.force);
      return;
    case "authAck":
      if (sender?.isPrimary && sender.slots.count > 0 && message.currentEpoch >= cluster.failover.authEpoch) {
        cluster.failover.authCount += 1;
        server.todo.failover = true;
      }
      return;
    case "manualFailoverStart":
      receiveManualFailoverStart(server, sender);
      return;
  }
}

function learnEpochs(server: Server, sender: Peer, message: Message): void {
  const { cluster } = server;
  const { failover, myself } = cluster;
  cluster.currentEpoch = Math.max(cluster.currentEpoch, message.currentEpoch);
  if (message.configEpoch > sender.configEpoch) {
    sender.configEpoch = message.configEpoch;
    server.todo.save = true;
  }
  sender.replOffset = message.offset;
  const awaited =
    failover.manualEndMs !== 0 && myself.isReplica && myself.primary === sender && message.paused;
  if (!awaited || failover.primaryOffset !== undefined) return;
  // 5.0 keeps "not yet known" as 0: a primary at offset 0 can not be failed over by hand there.
  if (message.offset === 0 && !server.release.fastManualFailover) return;
  failover.primaryOffset = message.offset;
  if (server.release.fastManualFailover) server.todo.manualFailover = true;
}

/** A ping or meet gets a pong; a meet also makes the receiver take the sender in, and learn its own address. */
function answer(server: Server, message: Message, sender: Peer | undefined, inbound: Link): void {
  const { cluster, config } = server;
  const { myself } = cluster;
  const dialled = inbound.peer.ip;
  if (
    (message.type === "meet" || myself.ip === "") &&
    !config.get("cluster-announce-ip") &&
    dialled !== myself.ip
  ) {
    myself.ip = dialled;
    server.todo.save = true;
  }
  if (!sender && message.type === "meet") {
    const peer = cluster.addNode(server.random.hex(40), Flag.handshake);
    peer.ip = message.announcedIp ?? inbound.ownerIp;
    peer.port = message.port;
    peer.busPort = message.busPort;
    server.todo.save = true;
    processGossip(server, message, undefined);
  }
  answerPong(server, inbound);
}

function learn(server: Server, message: Message, link: Link | undefined, inbound: Link | undefined): void {
  // As in Redis, who the sender is was looked up before a meet made it known.
  const { cluster } = server;
  const sender = cluster.lookup(message.sender);
  if (link && !finishHandshake(server, message, link, sender)) return;
  if (sender) sender.set(Flag.noFailover, (message.flags & Flag.noFailover) !== 0);
  if (sender && message.type === "ping" && !sender.inHandshake && inbound) {
    const ip = message.announcedIp ?? inbound.ownerIp;
    if (updateAddress(server, sender, ip, message)) server.todo.save = server.todo.update = true;
  }
  if (link && message.type === "pong") noteAlive(server, link.peer);
  if (!sender) return;
  learnRole(server, sender, message);
  learnSlots(server, sender, message);
  const { myself } = cluster;
  if (myself.isPrimary && sender.isPrimary && message.configEpoch === myself.configEpoch)
    resolveCollision(server, sender);
  if ("gossip" in message) processGossip(server, message, link?.peer ?? sender);
}

/** Returns whether the packet is to be read on. */
function finishHandshake(server: Server, message: Message, link: Link, sender: Peer | undefined): boolean {
  const { cluster } = server;
  const { peer } = link;
  if (peer.inHandshake) {
    if (sender) {
      const ip = message.announcedIp ?? peer.ip;
      if (updateAddress(server, sender, ip, message)) server.todo.save = server.todo.update = true;
      cluster.deleteNode(peer);
      return false;
    }
    cluster.rename(peer, message.sender);
    peer.set(Flag.handshake, false);
    peer.flags |= message.flags & (Flag.primary | Flag.replica);
    server.todo.save = true;
  } else if (peer.id !== message.sender) {
    // Somebody else answers at this address: the node itself has none that is known.
    peer.set(Flag.noAddress, true);
    peer.ip = "";
    peer.port = 0;
    peer.busPort = 0;
    link.free();
    server.todo.save = true;
    return false;
  }
  return true;
}

function noteAlive(server: Server, peer: Peer): void {
  peer.pongReceivedMs = server.now();
  peer.pingSentMs = 0;
  if (peer.timedOut) {
    peer.set(Flag.pfail, false);
    server.todo.save = server.todo.update = true;
  } else if (peer.failed) clearFailure(server, peer);
}

/** A failed node that answers is taken back: replicas at once, primaries when nobody has taken their slots for a while. */
function clearFailure(server: Server, peer: Peer): void {
  const old = server.now() - peer.failTimeMs > server.nodeTimeoutMs * 2;
  if (peer.isReplica || peer.slots.count === 0 || (peer.isPrimary && old)) {
    peer.set(Flag.fail, false);
    server.todo.save = server.todo.update = true;
  }
}

function learnRole(server: Server, sender: Peer, message: Message): void {
  const { cluster, todo } = server;
  if (message.primaryId === undefined) {
    if (!sender.isPrimary) {
      cluster.makePrimary(sender);
      todo.save = todo.update = true;
    }
    return;
  }
  const primary = cluster.lookup(message.primaryId);
  if (sender.isPrimary) {
    cluster.deleteSlotsOf(sender);
    sender.set(Flag.primary | Flag.migrateTo, false);
    sender.set(Flag.replica, true);
    todo.save = todo.update = true;
  }
  if (primary && sender.primary !== primary) {
    sender.primary?.removeReplica(sender);
    primary.addReplica(sender);
    sender.primary = primary;
    todo.save = true;
  }
}

function learnSlots(server: Server, sender: Peer, message: Message): void {
  const { cluster } = server;
  const claimant = sender.isPrimary ? sender : sender.primary;
  if (!claimant || claimant.slots.equals(message.slots)) return;
  if (sender.isPrimary) updateSlotsWith(server, sender, message.configEpoch, message.slots);
  const newer = (slot: number) => {
    const owner = cluster.owners[slot];
    return owner ? owner !== sender && owner.configEpoch > message.configEpoch : false;
  };
  const stale = sender.isPrimary
    ? sender.slots.missingOf(message.slots).find(newer)
    : findSlot(message.slots, newer);
  const owner = stale === undefined ? undefined : cluster.owners[stale];
  if (owner) sendUpdate(server, sender, owner);
}

/** Two primaries with one epoch: the one with the lower id moves on, so that in the end all differ. */
function resolveCollision(server: Server, sender: Peer): void {
  const { cluster } = server;
  if (sender.configEpoch !== cluster.myself.configEpoch || sender.id <= cluster.myself.id) return;
  cluster.currentEpoch += 1;
  cluster.myself.configEpoch = cluster.currentEpoch;
  server.save();
}

function receiveFail(server: Server, failingId: string, sender: Peer | undefined): void {
  const failing = server.cluster.lookup(failingId);
  if (!sender || !failing || failing.has(Flag.fail | Flag.myself)) return;
  failing.set(Flag.fail, true);
  failing.set(Flag.pfail, false);
  failing.failTimeMs = server.now();
  server.todo.save = server.todo.update = true;
}

function receiveUpdate(
  server: Server,
  message: Message & { type: "update" },
  sender: Peer | undefined,
): void {
  const { cluster, todo } = server;
  const { update } = message;
  const peer = cluster.lookup(update.id);
  if (!sender || !peer || peer.configEpoch >= update.configEpoch) return;
  if (peer.isReplica) cluster.makePrimary(peer);
  peer.configEpoch = update.configEpoch;
  todo.save = todo.update = true;
  updateSlotsWith(server, peer, update.configEpoch, update.slots);
}
