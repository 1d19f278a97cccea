/** A node's outgoing bus connection to a peer. The peer answers on it with pongs and sends its own pings on its own link. */
import type { Peer } from "../peer";
import type { Server } from "../server";
import type { Message } from "./message";

export class Link {
  open = true;
  readonly createdMs: number;
  /** The process at the other end, once the connection is established. */
  private remote: Server | undefined;
  private readonly unsent: Message[] = [];
  private lastThereMs = 0;
  private lastBackMs = 0;

  constructor(
    readonly owner: Server,
    readonly peer: Peer,
    onConnected: () => void,
  ) {
    const { scheduler, network } = owner;
    this.createdMs = scheduler.now();
    const { ip, busPort } = peer;
    scheduler.after(network.busLatency(), () => {
      if (!this.open) return;
      const remote = network.busAt(ip, busPort);
      if (!network.hostReachable(owner, ip, busPort)) return; // SYN lost: the cron gives up on it later.
      if (!remote) {
        this.free();
        return;
      }
      this.remote = remote;
      remote.inbound.add(this);
      for (const message of this.unsent.splice(0)) this.send(message);
      onConnected();
    });
  }

  get connected(): boolean {
    return this.remote !== undefined;
  }

  send(message: Message): void {
    const { remote } = this;
    if (!this.open) return;
    if (!remote) {
      this.unsent.push(message);
      return;
    }
    this.lastThereMs = Math.max(
      this.owner.scheduler.now() + this.owner.network.busLatency(),
      this.lastThereMs,
    );
    this.owner.scheduler.at(this.lastThereMs, () => {
      if (this.open && this.passes(remote))
        remote.whenFree(() => remote.bus.receive(message, undefined, this));
    });
  }

  /** The answer of the other end, on the same connection. */
  sendBack(message: Message): void {
    const { remote, owner } = this;
    if (!this.open || !remote) return;
    this.lastBackMs = Math.max(owner.scheduler.now() + owner.network.busLatency(), this.lastBackMs);
    owner.scheduler.at(this.lastBackMs, () => {
      if (this.open && this.passes(remote)) owner.whenFree(() => owner.bus.receive(message, this, undefined));
    });
  }

  /** Closed by either end; the peer has no link until the next cron run. */
  free(): void {
    if (!this.open) return;
    this.open = false;
    this.remote?.inbound.delete(this);
    if (this.peer.link === this) this.peer.link = null;
  }

  /** Address of the owner as the other end of the connection sees it. */
  get ownerIp(): string {
    return this.owner.ip;
  }

  private passes(remote: Server): boolean {
    return this.owner.alive && remote.alive && this.owner.network.between(this.owner, remote);
  }
}
