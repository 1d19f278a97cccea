/** CLUSTER NODES, INFO and SLOTS, byte for byte. */
import { Flag, type Peer } from "../peer";
import type { Server } from "../server";
import { rangesOf } from "../slot-set";
import type { Value } from "../value";

/** id ip:port@bus flags primary ping pong epoch link slots… */
export function nodeLine(server: Server, peer: Peer): string {
  const { cluster, release } = server;
  const epoch =
    release.replicaShowsPrimaryEpoch && peer.isReplica && peer.primary
      ? peer.primary.configEpoch
      : peer.configEpoch;
  const myself = peer === cluster.myself;
  const fields = [
    peer.id,
    `${peer.ip}:${peer.port}@${peer.busPort}`,
    peer.flagText(),
    peer.primary?.id ?? "-",
    Math.floor(peer.pingSentMs),
    Math.floor(peer.pongReceivedMs),
    epoch,
    myself || peer.link ? "connected" : "disconnected",
  ];
  if (peer.slots.count > 0) fields.push(peer.slots.text());
  if (myself) fields.push(...openSlots(server));
  return fields.join(" ");
}

function openSlots(server: Server): string[] {
  const { migrating, importing } = server.cluster;
  if (migrating.size === 0 && importing.size === 0) return [];
  const slots = [...new Set([...migrating.keys(), ...importing.keys()])].sort((a, b) => a - b);
  return slots.map((slot) => {
    const target = migrating.get(slot);
    return target ? `[${slot}->-${target.id}]` : `[${slot}-<-${importing.get(slot)?.id}]`;
  });
}

export function clusterNodes(server: Server): string {
  let text = "";
  for (const peer of server.cluster.nodes.values()) text += `${nodeLine(server, peer)}\n`;
  return text;
}

export function clusterInfo(server: Server): string {
  const { cluster } = server;
  const { myself } = cluster;
  let failed = 0;
  let suspected = 0;
  for (const peer of cluster.nodes.values()) {
    if (peer.failed) failed += peer.slots.count;
    else if (peer.has(Flag.pfail)) suspected += peer.slots.count;
  }
  const shown = myself.isReplica && myself.primary ? myself.primary : myself;
  const lines = [
    `cluster_state:${cluster.ok ? "ok" : "fail"}`,
    `cluster_slots_assigned:${cluster.assigned}`,
    `cluster_slots_ok:${cluster.assigned - failed - suspected}`,
    `cluster_slots_pfail:${suspected}`,
    `cluster_slots_fail:${failed}`,
    `cluster_known_nodes:${cluster.nodes.size}`,
    `cluster_size:${cluster.size}`,
    `cluster_current_epoch:${cluster.currentEpoch}`,
    `cluster_my_epoch:${shown.configEpoch}`,
    "cluster_stats_messages_sent:0",
    "cluster_stats_messages_received:0",
  ];
  if (server.release.line === "7.0") lines.push("total_cluster_links_buffer_limit_exceeded:0");
  return `${lines.join("\r\n")}\r\n`;
}

/** Ranges with their primary and its working replicas: 5.0 goes by node, later ones by slot. */
export function clusterSlots(server: Server): Value {
  const { cluster, release } = server;
  const rows: { start: number; row: Value }[] = [];
  for (const peer of cluster.nodes.values()) {
    if (release.line === "5.0" && !peer.isPrimary) continue;
    for (const [start, end] of rangesOf(peer.slots.freeze())) {
      const members = [peer, ...peer.replicas.filter((replica) => !replica.failed)];
      rows.push({ start, row: [start, end, ...members.map((member) => endpoint(server, member))] });
    }
  }
  if (release.line !== "5.0") rows.sort((a, b) => a.start - b.start);
  return rows.map(({ row }) => row);
}

function endpoint(server: Server, peer: Peer): Value {
  // 7.0 adds a list of further addresses, empty where none is announced.
  return server.release.line === "7.0" ? [peer.ip, peer.port, peer.id, []] : [peer.ip, peer.port, peer.id];
}
