/**
 * A cluster of real redis-servers on this machine for tests and benchmarks of the slot mover: quick to form, exact control over every
 * process, no engine involved (the mover is tested without the code that will call it). Every process is ended by its pid.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, openSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { NodeClient } from "../../cluster/client";
import { systemClock } from "../../cluster/clock";
import { ioredisConnector } from "../../cluster/connection";
import type { ClusterContext } from "../../cluster/mover";
import { parseClusterNodes, parseInfo } from "../../cluster/parse";
import { initialRanges } from "../../cluster/slots";
import type { SlotRange } from "../../cluster/spec";
import { waitUntil } from "../../cluster/wait";
import { freePorts } from "./ports";

export interface BareOptions {
  /** redis-server to run. */
  readonly server: string;
  /** Default: ports that are free. */
  readonly basePort?: number;
  /** Primaries that get slots; further ones (`spares`) join empty. */
  readonly shards: number;
  readonly spares?: number;
  /** Replicas of each primary, spares included. Default 0. */
  readonly replicas?: number;
  readonly password?: string;
  readonly nodeTimeoutMs?: number;
  /** Further lines of redis.conf, given as command-line options. */
  readonly directives?: Readonly<Record<string, string>>;
}

export interface BareNode {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly shard: number;
  /** 0: formed as a primary. */
  readonly member: number;
  id: string;
}

const HOST = "127.0.0.1";
const FORM_TIMEOUT_MS = 30_000;

export class BareCluster {
  private readonly processes = new Map<string, ChildProcess>();
  private readonly shared = new Map<string, NodeClient>();
  readonly nodes: readonly BareNode[];
  readonly root = mkdtempSync(join(tmpdir(), "rck-bare-"));

  /** Nothing stays behind when the test process ends before `stop`. */
  private readonly endAll = () => {
    for (const child of this.processes.values()) child.kill("SIGKILL");
  };

  private constructor(
    readonly options: BareOptions,
    basePort: number,
  ) {
    process.once("exit", this.endAll);
    const shards = options.shards + (options.spares ?? 0);
    const members = 1 + (options.replicas ?? 0);
    this.nodes = Array.from({ length: shards * members }, (_, index) => {
      const member = Math.floor(index / shards);
      const shard = index % shards;
      const name = `${String.fromCharCode(97 + shard)}${member}`;
      return { name, host: HOST, port: basePort + index, shard, member, id: "" };
    });
  }

  static async form(options: BareOptions): Promise<BareCluster> {
    const count = (options.shards + (options.spares ?? 0)) * (1 + (options.replicas ?? 0));
    const [free = 0] = options.basePort === undefined ? await freePorts(count) : [options.basePort];
    const cluster = new BareCluster(options, free);
    try {
      for (const node of cluster.nodes) cluster.spawn(node.name);
      for (const node of cluster.nodes) await cluster.answers(node.name);
      await cluster.join();
    } catch (error) {
      await cluster.stop();
      throw error;
    }
    return cluster;
  }

  node(name: string): BareNode {
    const found = this.nodes.find((node) => node.name === name);
    if (!found) throw new Error(`no node ${name}`);
    return found;
  }

  get primaries(): readonly BareNode[] {
    return this.nodes.filter((node) => node.member === 0);
  }

  /** A new connection; the caller closes it. */
  connect(name: string, replyTimeoutMs = 60_000): Promise<NodeClient> {
    const passwords = this.options.password === undefined ? [] : [this.options.password];
    return ioredisConnector().connect(this.node(name), passwords, { replyTimeoutMs });
  }

  /** The kept connection of the test itself. */
  async client(name: string): Promise<NodeClient> {
    const known = this.shared.get(name);
    if (known) return known;
    const client = await this.connect(name);
    this.shared.set(name, client);
    return client;
  }

  pid(name: string): number {
    return this.processes.get(name)?.pid ?? 0;
  }

  spawn(name: string): void {
    const node = this.node(name);
    const dir = join(this.root, name);
    mkdirSync(dir, { recursive: true });
    const log = openSync(join(dir, "redis.log"), "a");
    const child = spawn(this.options.server, this.argumentsOf(node, dir), {
      stdio: ["ignore", log, log],
      cwd: dir,
    });
    this.processes.set(name, child);
  }

  private argumentsOf(node: BareNode, dir: string): string[] {
    const { password, nodeTimeoutMs, directives } = this.options;
    const settings: Record<string, string> = {
      port: String(node.port),
      bind: HOST,
      dir,
      "cluster-enabled": "yes",
      "cluster-node-timeout": String(nodeTimeoutMs ?? 5000),
      "cluster-migration-barrier": "100",
      save: "",
      appendonly: "no",
      ...(password === undefined ? {} : { requirepass: password, masterauth: password }),
      ...directives,
    };
    return Object.entries(settings).flatMap(([directive, value]) => [`--${directive}`, value]);
  }

  /** Waits until the node answers and has loaded its data. */
  async answers(name: string): Promise<void> {
    const look = async (): Promise<true | string> => {
      try {
        const client = await this.client(name);
        const reply = await client.call("PING");
        return reply === "PONG" ? true : String(reply);
      } catch (error) {
        this.drop(name);
        return String(error);
      }
    };
    await waitUntil(look, { clock: systemClock, timeoutMs: FORM_TIMEOUT_MS, what: `${name} to answer` });
  }

  drop(name: string): void {
    this.shared.get(name)?.close();
    this.shared.delete(name);
  }

  /** Ends the process and waits for its end. Default SIGKILL. */
  async kill(name: string, signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
    const child = this.processes.get(name);
    this.drop(name);
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
    child.kill(signal);
    await ended;
  }

  async restart(name: string, signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    await this.kill(name, signal);
    this.spawn(name);
    await this.answers(name);
  }

  async stop(): Promise<void> {
    for (const name of this.processes.keys()) await this.kill(name);
    process.off("exit", this.endAll);
    rmSync(this.root, { recursive: true, force: true });
  }

  /** Waits until every node knows all the others and every replica's link is up, and, unless told otherwise, every node serves. */
  async settled(timeoutMs = FORM_TIMEOUT_MS, serving = true): Promise<void> {
    const look = async (): Promise<true | string> => {
      for (const node of this.nodes) {
        const problem = await this.problemOf(node, serving).catch((error: unknown) => String(error));
        if (problem) return `${node.name}: ${problem}`;
      }
      return true;
    };
    await waitUntil(look, { clock: systemClock, timeoutMs, what: "the cluster to settle" });
  }

  private async problemOf(node: BareNode, serving: boolean): Promise<string | undefined> {
    const client = await this.client(node.name);
    const nodes = parseClusterNodes(String(await client.call("CLUSTER", "NODES")));
    const info = parseInfo(String(await client.call("CLUSTER", "INFO")));
    const replication = parseInfo(String(await client.call("INFO", "replication")));
    if (nodes.peers.length !== this.nodes.length - 1) return `knows ${nodes.peers.length} peers`;
    if (
      nodes.peers.some((peer) => peer.flags.some((flag) => flag === "handshake" || flag.startsWith("fail")))
    )
      return "sees a peer in handshake or failed";
    if (serving && info.get("cluster_state") !== "ok") return `cluster_state ${info.get("cluster_state")}`;
    if (replication.get("role") === "slave" && replication.get("master_link_status") !== "up")
      return "link down";
    return undefined;
  }

  private async join(): Promise<void> {
    const { shards } = this.options;
    const ranges = initialRanges(Array.from({ length: shards }, () => 1));
    for (const [index, node] of this.nodes.entries()) {
      const client = await this.client(node.name);
      node.id = String(await client.call("CLUSTER", "MYID"));
      await client.call("CLUSTER", "SET-CONFIG-EPOCH", index + 1);
      const range = node.member === 0 ? ranges[node.shard] : undefined;
      if (range) await client.call("CLUSTER", "ADDSLOTS", ...slotsOf(range));
    }
    for (const [index, node] of this.nodes.entries()) {
      const client = await this.client(node.name);
      const others = this.nodes.slice(index + 1);
      await client.pipeline(others.map((other) => ["CLUSTER", "MEET", other.host, other.port]));
    }
    await this.attachReplicas();
    await this.settled();
  }

  private async attachReplicas(): Promise<void> {
    for (const node of this.nodes.filter((candidate) => candidate.member > 0)) {
      const primary = this.primaries[node.shard];
      const client = await this.client(node.name);
      const look = async () => {
        const reply = await client
          .call("CLUSTER", "REPLICATE", primary?.id ?? "")
          .catch((error: unknown) => String(error));
        return reply === "OK" || String(reply);
      };
      await waitUntil(look, {
        clock: systemClock,
        timeoutMs: FORM_TIMEOUT_MS,
        what: `${node.name} to replicate`,
      });
    }
  }
}

function slotsOf(range: SlotRange): number[] {
  return Array.from({ length: range.end - range.start + 1 }, (_, index) => range.start + index);
}

/** What the mover needs to know of it. Roles as formed; a test with failovers overrides `primaries` and `replicasOf`. */
export function contextOf(cluster: BareCluster): ClusterContext {
  return {
    client: (node, options) => cluster.connect(node, options?.replyTimeoutMs),
    idOf: (node) => cluster.node(node).id,
    addressOf: (node) => cluster.node(node),
    primaries: cluster.primaries.map((node) => node.name),
    replicasOf: (node) =>
      cluster.nodes
        .filter((other) => other.member > 0 && other.shard === cluster.node(node).shard)
        .map((other) => other.name),
    passwords: cluster.options.password === undefined ? [] : [cluster.options.password],
    nodeTimeoutMs: cluster.options.nodeTimeoutMs ?? 5000,
    clock: systemClock,
  };
}
