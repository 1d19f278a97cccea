/** One node as another node knows it: Redis's clusterNode. */
import type { Link } from "./bus/link";
import { SlotSet } from "./slot-set";

/** Bits of `Peer.flags`. */
export const Flag = {
  myself: 1,
  primary: 2,
  replica: 4,
  pfail: 8,
  fail: 16,
  handshake: 32,
  noAddress: 64,
  meet: 128,
  /** The primary has or had replicas, so a spare replica may migrate to it. */
  migrateTo: 256,
  noFailover: 512,
} as const;

/** In the order in which CLUSTER NODES writes them. */
const FLAG_NAMES: readonly [bit: number, name: string][] = [
  [Flag.myself, "myself"],
  [Flag.primary, "master"],
  [Flag.replica, "slave"],
  [Flag.pfail, "fail?"],
  [Flag.fail, "fail"],
  [Flag.handshake, "handshake"],
  [Flag.noAddress, "noaddr"],
  [Flag.noFailover, "nofailover"],
];

export class Peer {
  ip = "";
  port = 0;
  busPort = 0;
  configEpoch = 0;
  readonly slots = new SlotSet();
  replicas: Peer[] = [];
  primary: Peer | null = null;
  link: Link | null = null;
  pingSentMs = 0;
  pongReceivedMs = 0;
  dataReceivedMs = 0;
  failTimeMs = 0;
  votedTimeMs = Number.NEGATIVE_INFINITY;
  orphanedTimeMs = 0;
  replOffset = 0;
  /** Who reported it as failing, and when. */
  readonly failReports = new Map<Peer, number>();

  constructor(
    public id: string,
    public flags: number,
    readonly createdMs: number,
  ) {}

  has(flag: number): boolean {
    return (this.flags & flag) !== 0;
  }

  set(flag: number, on: boolean): void {
    this.flags = on ? this.flags | flag : this.flags & ~flag;
  }

  get isPrimary(): boolean {
    return this.has(Flag.primary);
  }

  get isReplica(): boolean {
    return this.has(Flag.replica);
  }

  get failed(): boolean {
    return this.has(Flag.fail);
  }

  get timedOut(): boolean {
    return this.has(Flag.pfail);
  }

  get inHandshake(): boolean {
    return this.has(Flag.handshake);
  }

  flagText(): string {
    const names = FLAG_NAMES.filter(([bit]) => this.has(bit)).map(([, name]) => name);
    return names.length > 0 ? names.join(",") : "noflags";
  }

  /** Replicas of this primary that are not flagged as failed. */
  workingReplicas(): number {
    return this.replicas.filter((replica) => !replica.failed).length;
  }

  addReplica(replica: Peer): void {
    if (this.replicas.includes(replica)) return;
    this.replicas.push(replica);
    this.set(Flag.migrateTo, true);
  }

  removeReplica(replica: Peer): void {
    const at = this.replicas.indexOf(replica);
    if (at < 0) return;
    this.replicas.splice(at, 1);
    if (this.replicas.length === 0) this.set(Flag.migrateTo, false);
  }
}
