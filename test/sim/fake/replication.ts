/**
 * One node's place in replication: the stream it writes or relays, the replicas it feeds, the primary it follows.
 * Redis's replication.c as far as it can be seen from outside: offsets, link states, full and partial syncs, and when.
 */
import { type Change, streamBytes } from "./database";
import { ReplicaLink } from "./replica-link";
import type { Server } from "./server";

export interface StreamPart {
  readonly change: Change;
  /** Offset after this part. */
  readonly end: number;
}

type State = "none" | "connect" | "connecting" | "transfer" | "connected";

/** Where a replica would go on reading. */
interface Position {
  readonly replid: string;
  readonly offset: number;
}

export class Replication {
  replid: string;
  replid2 = "0".repeat(40);
  secondOffset = -1;
  offset = 0;
  state: State = "none";
  /** Replicas attached to this node. */
  readonly replicas: ReplicaLink[] = [];
  upstream: ReplicaLink | undefined;
  lastInteractionMs = 0;
  primaryHost = "";
  primaryPort = 0;
  private backlog: StreamPart[] | undefined;
  private backlogStart = 0;
  private cached: Position | undefined;
  private downSinceMs = Number.NEGATIVE_INFINITY;
  private attempt = 0;
  private cronRuns = 0;
  private selected = false;

  constructor(
    private readonly server: Server,
    restored: Position | undefined,
  ) {
    this.replid = restored?.replid ?? server.random.hex(40);
    if (restored) this.offset = restored.offset;
  }

  get hasPrimary(): boolean {
    return this.primaryHost !== "";
  }

  get linkUp(): boolean {
    return this.state === "connected";
  }

  get downSeconds(): number {
    if (!Number.isFinite(this.downSinceMs)) return Math.floor(this.server.now() / 1000);
    return Math.floor((this.server.now() - this.downSinceMs) / 1000);
  }

  get backlogInfo(): { active: boolean; first: number; length: number } {
    if (!this.backlog) return { active: false, first: 0, length: 0 };
    return { active: true, first: this.backlogStart + 1, length: this.offset - this.backlogStart };
  }

  position(): Position {
    return { replid: this.replid, offset: this.offset };
  }

  /** Offset that a replica has processed; what it tells in the bus and compares in a manual failover. */
  replicaOffset(): number {
    if (!this.hasPrimary) return 0;
    return this.state === "connected" ? this.offset : (this.cached?.offset ?? 0);
  }

  /** How old the data of a replica is, in ms; grows without end where it never was connected. */
  dataAgeMs(): number {
    const since = this.state === "connected" ? this.lastInteractionMs : this.downSinceMs;
    return Math.floor(this.server.now() / 1000) * 1000 - Math.floor(since / 1000) * 1000;
  }

  /** Writes to the stream as a primary. Without replicas ever there is no stream, and the offset stays. */
  feed(change: Change): void {
    if (!this.backlog) return;
    if (!this.selected && change.kind !== "ping") {
      this.selected = true;
      this.append({ change: { kind: "select" }, end: this.offset + streamBytes({ kind: "select" }) });
    }
    this.append({ change, end: this.offset + streamBytes(change) });
  }

  private append(part: StreamPart): void {
    const limit = this.server.config.number("repl-backlog-size");
    this.backlog?.push(part);
    this.offset = part.end;
    while (this.backlog && this.backlog.length > 0 && this.offset - this.backlogStart > limit) {
      this.backlogStart = this.backlog.shift()?.end ?? this.offset;
    }
    for (const link of this.replicas) link.push(part);
  }

  /** A part of the primary's stream arrives; it is relayed to replicas of this replica unchanged. */
  receive(part: StreamPart): void {
    this.lastInteractionMs = this.server.now();
    this.server.applyReplicated(part.change);
    this.backlog ??= this.newBacklog();
    this.append(part);
  }

  private newBacklog(): StreamPart[] {
    this.backlogStart = this.offset;
    return [];
  }

  setPrimary(host: string, port: number): void {
    const wasPrimary = !this.hasPrimary;
    this.dropUpstream();
    this.primaryHost = host;
    this.primaryPort = port;
    this.disconnectReplicas();
    if (wasPrimary) this.cached = this.position();
    this.state = "connect";
    if (this.server.release.dialsAtOnce) this.dial();
  }

  unsetPrimary(): void {
    if (!this.hasPrimary) return;
    this.dropUpstream();
    this.primaryHost = "";
    this.replid2 = this.replid;
    this.secondOffset = this.offset + 1;
    this.replid = this.server.random.hex(40);
    this.cached = undefined;
    this.state = "none";
    this.selected = false;
    this.disconnectReplicas();
  }

  private dropUpstream(): void {
    this.attempt += 1;
    const link = this.upstream;
    // Let go first: closing it is no loss to be followed by a new attempt.
    this.upstream = undefined;
    if (this.state === "connected") this.noteDown();
    link?.close();
  }

  private noteDown(): void {
    this.cached = this.position();
    this.downSinceMs = this.server.now();
  }

  disconnectReplicas(): void {
    for (const link of [...this.replicas]) link.close();
  }

  /** The connection to the primary is gone; what was read is kept for a partial sync. */
  lost(link: ReplicaLink): void {
    if (this.upstream !== link || !this.server.alive) return;
    this.upstream = undefined;
    if (this.state === "connected") this.noteDown();
    if (!this.hasPrimary) return;
    this.state = "connect";
    if (this.server.release.dialsAtOnce) this.dial();
  }

  /** Once a second. */
  cron(): void {
    const { config } = this.server;
    const timeoutMs = config.number("repl-timeout") * 1000;
    if (this.state === "connected" && this.server.now() - this.lastInteractionMs > timeoutMs)
      this.upstream?.close();
    if (this.state === "connect") this.dial();
    for (const link of [...this.replicas]) if (this.server.now() - link.ackMs > timeoutMs) link.close();
    const paused = this.server.cluster.failover.manualEndMs !== 0 && this.server.clientsPaused;
    const period = config.number("repl-ping-replica-period");
    if (this.cronRuns % period === 0 && this.replicas.length > 0 && !this.hasPrimary && !paused) {
      this.feed({ kind: "ping" });
    }
    this.upstream?.acknowledge();
    this.cronRuns += 1;
  }

  private dial(): void {
    const { server } = this;
    const { network, scheduler } = server;
    const attempt = ++this.attempt;
    this.state = "connecting";
    const { primaryHost, primaryPort } = this;
    scheduler.after(network.latency() * 4, () => {
      if (!server.alive || attempt !== this.attempt) return;
      if (!network.hostReachable(server, primaryHost, primaryPort)) {
        // Nothing comes back: the attempt is given up after repl-timeout.
        scheduler.after(server.config.number("repl-timeout") * 1000, () => {
          if (attempt === this.attempt && this.state === "connecting") this.state = "connect";
        });
        return;
      }
      const primary = network.dataAt(primaryHost, primaryPort);
      if (!primary?.replication.accepts(server)) {
        this.state = "connect";
        return;
      }
      primary.whenFree(() => this.synchronize(primary, attempt));
    });
  }

  /** Whether a replica gets past authentication, loading, and "not connected with my own primary". */
  private accepts(replica: Server): boolean {
    const { server } = this;
    if (server.loading || (this.hasPrimary && !this.linkUp)) return false;
    return server.accounts.acceptsReplica(
      replica.config.get("masteruser") ?? "",
      replica.config.get("masterauth") ?? "",
    );
  }

  private synchronize(primary: Server, attempt: number): void {
    if (!this.server.alive || !primary.alive || attempt !== this.attempt) return;
    const from = this.cached;
    const link = new ReplicaLink(primary, this.server);
    this.upstream = link;
    if (from && primary.replication.canContinue(from)) {
      this.state = "connected";
      this.lastInteractionMs = this.server.now();
      this.replid = primary.replication.replid;
      this.backlog ??= this.newBacklog();
      primary.replication.attach(link, from.offset);
      return;
    }
    this.disconnectReplicas();
    this.state = "transfer";
    primary.replication.startFullSync(link);
  }

  canContinue(from: Position): boolean {
    const wanted = from.offset + 1;
    const sameHistory =
      from.replid === this.replid || (from.replid === this.replid2 && wanted <= this.secondOffset);
    if (!sameHistory || !this.backlog) return false;
    return wanted >= this.backlogStart + 1 && wanted <= this.offset + 1;
  }

  private attach(link: ReplicaLink, fromOffset: number): void {
    this.replicas.push(link);
    link.goOnline();
    for (const part of this.backlog ?? []) if (part.end > fromOffset) link.push(part);
  }

  private startFullSync(link: ReplicaLink): void {
    const { scheduler, random } = this.server;
    if (!this.backlog) {
      // Nobody listened so far, so nobody may continue: a new history begins.
      if (!this.hasPrimary) this.replid = random.hex(40);
      this.replid2 = "0".repeat(40);
      this.secondOffset = -1;
      this.backlog = this.newBacklog();
    }
    this.selected = false;
    this.replicas.push(link);
    const snapshot = this.server.db.copy();
    const position = this.position();
    // Fork, write, and notice at the next 100 ms tick that the child is done; then send and load.
    const transferMs = 2 + snapshot.bytes / 100_000;
    scheduler.after(random.between(5, 105) + transferMs, () => {
      if (!link.open) return;
      link.state = "send_bulk";
      scheduler.after(transferMs + this.server.network.latency(), () => {
        if (link.open)
          link.replica.whenFree(() => link.replica.replication.finishFullSync(link, snapshot, position));
      });
    });
  }

  private finishFullSync(link: ReplicaLink, snapshot: Server["db"], position: Position): void {
    if (!link.open || this.upstream !== link) return;
    if (link.primary.release.rdbFormat > this.server.release.rdbFormat) {
      // "Can't handle RDB format version": it tries again for ever.
      link.close();
      return;
    }
    this.server.db.become(snapshot);
    this.replid = position.replid;
    this.replid2 = "0".repeat(40);
    this.offset = position.offset;
    this.backlog = this.newBacklog();
    this.state = "connected";
    this.lastInteractionMs = this.server.now();
    link.goOnline();
  }
}
