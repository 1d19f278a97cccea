/** What a node keeps over a restart: nodes.conf and its data files. */
import type { ClusterState } from "./cluster-state";
import type { Database } from "./database";
import { Flag, Peer } from "./peer";
import { type FrozenSlots, forEachSlot } from "./slot-set";

export interface SavedPeer {
  readonly id: string;
  readonly ip: string;
  readonly port: number;
  readonly busPort: number;
  readonly flags: number;
  readonly primaryId: string | undefined;
  readonly configEpoch: number;
  readonly slots: FrozenSlots;
  readonly pingSent: boolean;
  readonly pongReceived: boolean;
}

export interface NodesFile {
  readonly myId: string;
  readonly currentEpoch: number;
  readonly lastVoteEpoch: number;
  readonly peers: readonly SavedPeer[];
  /** Redis does write the open slots of the own line, and reads them back. */
  readonly migrating: readonly (readonly [slot: number, id: string])[];
  readonly importing: readonly (readonly [slot: number, id: string])[];
}

export interface RdbFile {
  readonly db: Database;
  readonly replid: string;
  readonly offset: number;
}

export interface Disk {
  nodes?: NodesFile | undefined;
  appendOnly?: Database | undefined;
  rdb?: RdbFile | undefined;
  /** Newest RDB format among the data files. */
  rdbFormat?: number | undefined;
  /** redis.conf in place: directive to value. */
  conf?: Readonly<Record<string, string>> | undefined;
}

export function hasData(disk: Disk): boolean {
  return disk.nodes !== undefined || disk.appendOnly !== undefined || disk.rdb !== undefined;
}

/** Flags that nodes.conf can hold. */
const WRITTEN =
  Flag.myself | Flag.primary | Flag.replica | Flag.pfail | Flag.fail | Flag.noAddress | Flag.noFailover;

export function writeNodesFile(cluster: ClusterState): NodesFile {
  return {
    myId: cluster.myself.id,
    currentEpoch: cluster.savedEpoch,
    lastVoteEpoch: cluster.lastVoteEpoch,
    peers: [...cluster.nodes.values()]
      .filter((peer) => !peer.inHandshake)
      .map((peer) => ({
        id: peer.id,
        ip: peer.ip,
        port: peer.port,
        busPort: peer.busPort,
        flags: peer.flags & WRITTEN,
        primaryId: peer.primary?.id,
        configEpoch: peer.configEpoch,
        slots: peer.slots.freeze(),
        pingSent: peer.pingSentMs !== 0,
        pongReceived: peer.pongReceivedMs !== 0,
      })),
    migrating: [...cluster.migrating].map(([slot, peer]) => [slot, peer.id] as const),
    importing: [...cluster.importing].map(([slot, peer]) => [slot, peer.id] as const),
  };
}

/** Fills a new state, whose `myself` has the file's id already. */
export function readNodesFile(file: NodesFile, cluster: ClusterState, nowMs: number): void {
  const lookup = (id: string): Peer => cluster.lookup(id) ?? cluster.addNode(id, 0);
  for (const saved of file.peers) {
    const peer = lookup(saved.id);
    peer.flags |= saved.flags;
    peer.ip = saved.ip;
    peer.port = saved.port;
    peer.busPort = saved.busPort;
    peer.configEpoch = saved.configEpoch;
    if (peer.failed) peer.failTimeMs = nowMs;
    if (saved.pingSent) peer.pingSentMs = nowMs;
    if (saved.pongReceived) peer.pongReceivedMs = nowMs;
    if (saved.primaryId) {
      peer.primary = lookup(saved.primaryId);
      peer.primary.addReplica(peer);
    }
    forEachSlot(saved.slots, (slot) => cluster.addSlot(peer, slot));
  }
  for (const [slot, id] of file.migrating) cluster.migrating.set(slot, lookup(id));
  for (const [slot, id] of file.importing) cluster.importing.set(slot, lookup(id));
  cluster.currentEpoch = Math.max(file.currentEpoch, cluster.maxEpoch());
  cluster.savedEpoch = cluster.currentEpoch;
  cluster.lastVoteEpoch = file.lastVoteEpoch;
}

export function newMyself(id: string, nowMs: number): Peer {
  return new Peer(id, Flag.myself, nowMs);
}
