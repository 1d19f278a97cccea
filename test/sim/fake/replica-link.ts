/** The connection of one replica to its primary: parts of the stream arrive in order, after a while. */
import type { StreamPart } from "./replication";
import type { Server } from "./server";

/** Pause between two looks at a connection that a partition holds up. */
const RETRY_MS = 50;

export class ReplicaLink {
  open = true;
  state: "wait_bgsave" | "send_bulk" | "online" = "wait_bgsave";
  ackOffset = 0;
  ackMs: number;
  private readonly waiting: StreamPart[] = [];
  private delivering = false;

  constructor(
    readonly primary: Server,
    readonly replica: Server,
  ) {
    this.ackMs = primary.now();
  }

  push(part: StreamPart): void {
    this.waiting.push(part);
    if (this.state === "online") this.deliverSoon();
  }

  goOnline(): void {
    this.state = "online";
    this.acknowledge();
    this.deliverSoon();
  }

  private deliverSoon(delayMs = this.primary.network.replicationLatency()): void {
    if (this.delivering || this.waiting.length === 0) return;
    this.delivering = true;
    const upTo = this.waiting.at(-1)?.end ?? 0;
    this.primary.scheduler.after(delayMs, () => {
      this.delivering = false;
      if (!this.open) return;
      if (this.primary.network.between(this.primary, this.replica)) {
        this.replica.whenFree(() => this.deliver(upTo));
      } else this.deliverSoon(RETRY_MS);
    });
  }

  private deliver(upTo: number): void {
    if (!this.open) return;
    while (this.waiting.length > 0 && (this.waiting[0]?.end ?? 0) <= upTo) {
      const part = this.waiting.shift();
      if (part) this.replica.replication.receive(part);
    }
    this.deliverSoon();
  }

  /** Hands over everything at once: what is in the kernel's hands outlives the process that sent it. */
  flush(): void {
    if (this.state !== "online" || !this.primary.network.between(this.primary, this.replica)) return;
    this.replica.whenFree(() => {
      for (const part of this.waiting.splice(0)) this.replica.replication.receive(part);
    });
  }

  /** REPLCONF ACK: once a second, and when a client of the primary waits for it. */
  acknowledge(): void {
    if (!this.open || this.state !== "online") return;
    const { network, scheduler } = this.primary;
    if (!network.between(this.primary, this.replica)) return;
    const { offset } = this.replica.replication;
    scheduler.after(network.latency(), () => {
      if (!this.open) return;
      this.ackOffset = Math.max(this.ackOffset, offset);
      this.ackMs = this.primary.now();
    });
  }

  /** Either end closes; both notice. */
  close(): void {
    if (!this.open) return;
    this.open = false;
    const at = this.primary.replication.replicas.indexOf(this);
    if (at >= 0) this.primary.replication.replicas.splice(at, 1);
    this.replica.replication.lost(this);
  }
}
