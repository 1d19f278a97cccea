/** One running redis-server: everything that is lost when its process ends, and when it does what. */
import { Accounts } from "./accounts";
import type { Link } from "./bus/link";
import { receive } from "./bus/receive";
import type { ServedClient } from "./client-session";
import { ClusterState } from "./cluster-state";
import type { MigrateSocket } from "./commands/migrate";
import { Config } from "./config";
import { clusterCron } from "./cron";
import { type Change, Database } from "./database";
import { newMyself, readNodesFile, writeNodesFile } from "./disk";
import { advanceManualFailover, handleReplicaFailover, resetManualFailover } from "./failover";
import type { FakeNode } from "./node";
import { Flag, type Peer } from "./peer";
import { type Release, releaseOf } from "./release";
import { Replication } from "./replication";
import { updateClusterState } from "./state";
import { Thread } from "./thread";

/** Things to do before the event loop sleeps again, as Redis does. */
interface Todo {
  save: boolean;
  update: boolean;
  failover: boolean;
  manualFailover: boolean;
}

export class Server extends Thread {
  loading = true;
  cronRuns = 0;
  lastAnnouncedIp = "";
  /** When it began to follow the primary that it has now. */
  followsSinceMs = 0;
  connections = 0;
  readonly startedMs: number;
  readonly release: Release;
  readonly config: Config;
  readonly accounts: Accounts;
  readonly cluster: ClusterState;
  readonly db: Database;
  readonly replication: Replication;
  readonly todo: Todo = { save: false, update: false, failover: false, manualFailover: false };
  readonly clients = new Set<ServedClient>();
  readonly inbound = new Set<Link>();
  /** Kept connections of MIGRATE. */
  readonly migrateSockets = new Map<Server, MigrateSocket>();
  readonly runId: string;
  readonly bus = { receive: receive.bind(undefined, this) };
  pausedUntilMs = 0;

  constructor(
    readonly node: FakeNode,
    readonly pid: number,
  ) {
    super();
    const now = () => this.now();
    this.startedMs = this.now();
    this.release = releaseOf(node.installed);
    this.config = new Config(this.release, { ...node.disk.conf, port: String(node.port) });
    this.accounts = new Accounts(this.release, this.config);
    const { nodes } = node.disk;
    this.cluster = new ClusterState(newMyself(nodes?.myId ?? node.random.hex(40), this.now()), now);
    if (nodes) readNodesFile(nodes, this.cluster, this.now());
    else this.cluster.myself.set(Flag.primary, true);
    const { myself } = this.cluster;
    myself.port = this.announcedPort;
    myself.busPort = this.announcedBusPort;
    this.runId = node.random.hex(40);
    this.db = new Database(now);
    const aof = this.config.flag("appendonly");
    const stored = aof ? node.disk.appendOnly : node.disk.rdb?.db;
    if (stored) this.db.become(stored.copy());
    const { rdb } = node.disk;
    this.replication = new Replication(this, !aof && rdb && myself.isReplica ? rdb : undefined);
  }

  get name(): string {
    return this.node.name;
  }

  get ip(): string {
    return this.node.host;
  }

  get port(): number {
    return this.node.port;
  }

  get busPort(): number {
    return this.node.busPort;
  }

  get scheduler() {
    return this.node.cluster.scheduler;
  }

  get network() {
    return this.node.cluster.network;
  }

  get random() {
    return this.node.random;
  }

  get announcedPort(): number {
    return this.config.number("cluster-announce-port") || this.port;
  }

  get announcedBusPort(): number {
    return this.config.number("cluster-announce-bus-port") || this.busPort;
  }

  get nodeTimeoutMs(): number {
    return this.config.number("cluster-node-timeout");
  }

  /** The data is in memory: the node answers, looks at its slots, and starts its crons. */
  ready(): void {
    if (!this.alive) return;
    this.loading = false;
    adoptKeysOfOtherSlots(this);
    this.every(100, () => clusterCron(this));
    this.every(1000, () => this.replication.cron());
  }

  protected beforeSleep(): void {
    const { todo, cluster } = this;
    if (!todo.save && !todo.update && !todo.failover && !todo.manualFailover) return;
    const { failover, manualFailover } = todo;
    todo.failover = todo.manualFailover = false;
    if (manualFailover && cluster.myself.isReplica) advanceManualFailover(this);
    if (failover || manualFailover) handleReplicaFailover(this);
    if (todo.update) this.updateState();
    if (todo.save) this.save();
    // What was just done may have left more to do at once.
    if (todo.failover) this.scheduler.after(0, () => this.whenFree(() => undefined));
    else if (todo.manualFailover) this.scheduler.after(0.05, () => this.whenFree(() => undefined));
  }

  save(): void {
    this.todo.save = false;
    this.cluster.savedEpoch = this.cluster.currentEpoch;
  }

  updateState(): void {
    this.todo.update = false;
    updateClusterState(this);
  }

  /** Makes this node a replica of `primary`: Redis's clusterSetMaster. */
  followPrimary(primary: Peer): void {
    const { cluster } = this;
    const { myself } = cluster;
    if (primary === myself || myself.slots.count > 0)
      throw new Error(`${this.name}: Redis would assert here`);
    if (myself.isPrimary) {
      myself.set(Flag.primary | Flag.migrateTo, false);
      myself.set(Flag.replica, true);
      cluster.closeAllSlots();
    } else myself.primary?.removeReplica(myself);
    myself.primary = primary;
    primary.addReplica(myself);
    this.followsSinceMs = this.now();
    this.replication.setPrimary(primary.ip, primary.port);
    resetManualFailover(this);
    this.todo.save = this.todo.update = true;
  }

  /** A write by a client: into memory and into the stream. */
  write(change: Change): void {
    this.db.apply(change);
    this.replication.feed(change);
  }

  applyReplicated(change: Change): void {
    this.db.apply(change);
  }

  deleteKeysInSlot(slot: number): void {
    const keys = this.db.keysInSlot(slot);
    if (keys.length > 0) this.write({ kind: "delete", keys });
  }

  usedMemory(): number {
    return 1_700_000 + this.db.bytes + this.clients.size * 20_000;
  }

  /** Whether writes that need memory are refused. */
  full(): boolean {
    const limit = this.config.number("maxmemory");
    return limit > 0 && this.config.get("maxmemory-policy") === "noeviction" && this.usedMemory() > limit;
  }

  /** SHUTDOWN: 7.0 first lets replicas catch up, with writes paused. */
  shutDown(save: boolean): void {
    const deadline = this.now() + (this.release.shutdownWaits ? 10_000 : 0);
    if (this.release.shutdownWaits) this.pauseClients(deadline);
    const look = () => {
      if (!this.alive) return;
      const behind = this.replication.replicas.some(
        (link) => link.replica.replication.offset < this.replication.offset,
      );
      if (behind && this.now() < deadline) this.scheduler.after(5, look);
      else this.die(save);
    };
    look();
  }

  get clientsPaused(): boolean {
    return this.pausedUntilMs > this.now();
  }

  pauseClients(untilMs: number): void {
    this.pausedUntilMs = Math.max(this.pausedUntilMs, untilMs);
  }

  unpauseClients(): void {
    if (!this.clientsPaused) return;
    this.pausedUntilMs = 0;
    for (const client of this.clients) client.proceed();
  }

  /**
   * The process ends: what was written to files and to sockets stays, as the kernel keeps it.
   * @param saves whether it writes an RDB file first (orderly shutdown with save points)
   * @param powerCut nothing that was under way to replicas arrives
   */
  die(saves: boolean, powerCut = false): void {
    if (!this.alive) return;
    const { disk } = this.node;
    if (!powerCut) for (const link of [...this.replication.replicas]) link.flush();
    this.alive = false;
    disk.nodes = writeNodesFile(this.cluster);
    disk.rdbFormat = this.release.rdbFormat;
    // Written to the file before the reply: only a power cut could lose it, not the end of the process.
    if (this.config.flag("appendonly")) disk.appendOnly = this.db.copy();
    if (saves && this.config.get("save") !== "" && !this.loading) {
      disk.rdb = { db: this.db.copy(), ...this.replication.position() };
    }
    this.network.unlisten(this);
    for (const link of [...this.inbound]) link.free();
    for (const peer of this.cluster.nodes.values()) peer.link?.free();
    this.replication.upstream?.close();
    this.replication.disconnectReplicas();
    for (const client of [...this.clients]) client.disconnect("closed");
  }
}

/** Keys in slots that are not the node's: taken where nobody owns them, marked as importing where somebody does. */
function adoptKeysOfOtherSlots(server: Server): void {
  const { cluster, db } = server;
  if (cluster.myself.isReplica) return;
  for (const slot of db.usedSlots()) {
    const owner = cluster.owners[slot];
    if (owner === cluster.myself || cluster.importing.has(slot)) continue;
    if (owner) cluster.importing.set(slot, owner);
    else cluster.addSlot(cluster.myself, slot);
  }
  server.save();
}
