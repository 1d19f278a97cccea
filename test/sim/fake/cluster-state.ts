/** What one node believes of the cluster: Redis's clusterState, with the rules for changing it that need nothing else. */
import { SLOT_COUNT } from "../../../cluster/spec";
import { Flag, Peer } from "./peer";
import { forEachSlot } from "./slot-set";

/** How long a forgotten node is not taken back from gossip. */
const FORGET_BAN_MS = 60_000;

/** The state machine of a manual or automatic failover, as the replica (and, when paused, the primary) keeps it. */
export class FailoverState {
  authTimeMs = 0;
  authCount = 0;
  authSent = false;
  authRank = 0;
  authEpoch = 0;
  /** End of a manual failover under way; 0: none. */
  manualEndMs = 0;
  manualCanStart = false;
  /** On the primary: the replica that asked. */
  manualReplica: Peer | null = null;
  /** On the replica: where the paused primary's stream ends. */
  primaryOffset: number | undefined;
}

export class ClusterState {
  readonly nodes = new Map<string, Peer>();
  readonly owners: (Peer | null)[] = new Array<Peer | null>(SLOT_COUNT).fill(null);
  readonly migrating = new Map<number, Peer>();
  readonly importing = new Map<number, Peer>();
  readonly forgotten = new Map<string, number>();
  readonly failover = new FailoverState();
  assigned = 0;
  currentEpoch = 0;
  lastVoteEpoch = 0;
  ok = false;
  /** Primaries with at least one slot. */
  size = 1;
  firstUpdateMs: number | undefined;
  minorityMs = Number.NEGATIVE_INFINITY;
  /** currentEpoch as nodes.conf has it; an epoch learnt from a message is not written at once. */
  savedEpoch = 0;

  constructor(
    readonly myself: Peer,
    private readonly now: () => number,
  ) {
    this.nodes.set(myself.id, myself);
  }

  lookup(id: string): Peer | undefined {
    return this.nodes.get(id);
  }

  addNode(id: string, flags: number): Peer {
    const peer = new Peer(id, flags, this.now());
    this.nodes.set(id, peer);
    return peer;
  }

  rename(peer: Peer, id: string): void {
    this.nodes.delete(peer.id);
    peer.id = id;
    this.nodes.set(id, peer);
  }

  deleteNode(peer: Peer): void {
    for (const [slot, other] of this.importing) if (other === peer) this.importing.delete(slot);
    for (const [slot, other] of this.migrating) if (other === peer) this.migrating.delete(slot);
    this.deleteSlotsOf(peer);
    for (const other of this.nodes.values()) other.failReports.delete(peer);
    for (const replica of peer.replicas) replica.primary = null;
    if (peer.isReplica && peer.primary) peer.primary.removeReplica(peer);
    this.nodes.delete(peer.id);
    peer.link?.free();
  }

  addSlot(owner: Peer, slot: number): void {
    if (this.owners[slot]) return;
    if (owner.slots.add(slot) && owner.slots.count === 1 && this.anyReplicas())
      owner.set(Flag.migrateTo, true);
    this.owners[slot] = owner;
    this.assigned += 1;
  }

  deleteSlot(slot: number): void {
    const owner = this.owners[slot];
    if (!owner) return;
    owner.slots.delete(slot);
    this.owners[slot] = null;
    this.assigned -= 1;
  }

  deleteSlotsOf(peer: Peer): void {
    forEachSlot(peer.slots.freeze(), (slot) => this.deleteSlot(slot));
  }

  closeAllSlots(): void {
    this.migrating.clear();
    this.importing.clear();
  }

  private anyReplicas(): boolean {
    for (const peer of this.nodes.values()) if (!peer.isReplica && peer.replicas.length > 0) return true;
    return false;
  }

  maxEpoch(): number {
    let max = this.currentEpoch;
    for (const peer of this.nodes.values()) max = Math.max(max, peer.configEpoch);
    return max;
  }

  /** A new epoch without a vote. Returns false where the own one is the greatest already. */
  bumpEpoch(): boolean {
    const { myself } = this;
    if (myself.configEpoch !== 0 && myself.configEpoch === this.maxEpoch()) return false;
    this.currentEpoch += 1;
    myself.configEpoch = this.currentEpoch;
    return true;
  }

  makePrimary(peer: Peer): void {
    if (peer.isPrimary) return;
    if (peer.primary) {
      peer.primary.removeReplica(peer);
      if (peer !== this.myself) peer.set(Flag.migrateTo, true);
    }
    peer.set(Flag.replica, false);
    peer.set(Flag.primary, true);
    peer.primary = null;
  }

  forget(peer: Peer): void {
    this.forgotten.set(peer.id, this.now() + FORGET_BAN_MS);
    this.deleteNode(peer);
  }

  isForgotten(id: string): boolean {
    const until = this.forgotten.get(id);
    if (until === undefined) return false;
    // Redis compares whole seconds and drops the entry only when the second is past.
    if (Math.floor(until / 1000) >= Math.floor(this.now() / 1000)) return true;
    this.forgotten.delete(id);
    return false;
  }

  handshakeInProgress(ip: string, port: number, busPort: number): boolean {
    for (const peer of this.nodes.values()) {
      if (peer.inHandshake && peer.ip === ip && peer.port === port && peer.busPort === busPort) return true;
    }
    return false;
  }

  quorum(): number {
    return Math.floor(this.size / 2) + 1;
  }

  failureReports(peer: Peer, nodeTimeoutMs: number): number {
    for (const [reporter, timeMs] of peer.failReports) {
      if (this.now() - timeMs > nodeTimeoutMs * 2) peer.failReports.delete(reporter);
    }
    return peer.failReports.size;
  }
}
