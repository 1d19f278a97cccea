/** Packets of the cluster bus. */
import type { FrozenSlots } from "../slot-set";

export interface GossipEntry {
  readonly id: string;
  readonly ip: string;
  readonly port: number;
  readonly busPort: number;
  readonly flags: number;
  readonly pongReceivedMs: number;
}

/** What a node publishes about another one whose slots the receiver got wrong. */
export interface SlotsUpdate {
  readonly id: string;
  readonly configEpoch: number;
  readonly slots: FrozenSlots;
}

export interface Header {
  readonly sender: string;
  /** Slots of the sender, or of its primary where it is a replica. */
  readonly slots: FrozenSlots;
  readonly primaryId: string | undefined;
  /** Set where the sender announces an address; else the receiver takes it from the connection. */
  readonly announcedIp: string | undefined;
  readonly port: number;
  readonly busPort: number;
  readonly flags: number;
  readonly currentEpoch: number;
  readonly configEpoch: number;
  readonly offset: number;
  /** The sender is a primary that paused its clients for a manual failover. */
  readonly paused: boolean;
}

export type Body =
  | { readonly type: "ping" | "pong" | "meet"; readonly gossip: readonly GossipEntry[] }
  | { readonly type: "fail"; readonly failing: string }
  | { readonly type: "update"; readonly update: SlotsUpdate }
  | { readonly type: "authRequest"; readonly force: boolean }
  | { readonly type: "authAck" }
  | { readonly type: "manualFailoverStart" };

export type Message = Header & Body;

export type PingType = "ping" | "pong" | "meet";
