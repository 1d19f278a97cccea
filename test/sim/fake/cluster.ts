/**
 * A Redis Cluster in virtual time that obeys Redis's rules. Give the engine `run`'s connector, hosts and clock, and it
 * can not tell the difference, except that everything is decided by the seed and can be broken at will.
 */
import type { Connector } from "../../../cluster/client";
import type { Clock } from "../../../cluster/clock";
import type { ClusterSpec } from "../../../cluster/spec";
import type { Host, HostNode } from "../../../hosts/host";
import { EngineSession } from "./engine/session";
import { Faults } from "./faults";
import { CommandLog } from "./log";
import { type LatencyOptions, Network } from "./network";
import { FakeNode } from "./node";
import { Random } from "./random";
import { type RedisVersion, VERSIONS } from "./release";
import { Scheduler } from "./scheduler";

export interface FakeOptions {
  readonly seed: number;
  /** What hosts know: nodes, and the directives and password that `prepare` writes. */
  readonly spec: ClusterSpec;
  readonly latency?: LatencyOptions;
  /** Commands that are renamed away, as a hardened configuration does it: EVAL, DEBUG, FLUSHALL… Lower case. */
  readonly disabled?: readonly string[];
}

export class FakeCluster {
  readonly scheduler = new Scheduler();
  readonly network: Network;
  readonly faults: Faults;
  readonly log: CommandLog;
  /** Things that no real cluster would be asked: they fail the test, whatever the engine makes of the error reply. */
  readonly surprises: string[] = [];
  readonly disabled: ReadonlySet<string>;
  private readonly nodes = new Map<string, FakeNode>();
  private readonly random: Random;
  private session: EngineSession;
  private declared: ClusterSpec;

  constructor(options: FakeOptions) {
    this.random = new Random(options.seed);
    this.network = new Network(this.random.between(0, 0x7fffffff), options.latency ?? {});
    this.log = new CommandLog(this.scheduler);
    this.declared = options.spec;
    this.disabled = new Set(options.disabled);
    this.faults = new Faults(this.random.fork());
    this.session = new EngineSession(this);
    this.declare(options.spec);
  }

  /** A new declaration: hosts learn of its nodes, install its release, and write its files from now on. */
  declare(spec: ClusterSpec): void {
    this.declared = spec;
    const release = knownVersion(spec.version);
    for (const node of [...spec.nodes, ...spec.leaving]) {
      const known = this.nodes.get(node.name);
      if (known) known.installed = release;
      else this.nodes.set(node.name, new FakeNode(this, node, this.random.fork(), release));
    }
  }

  get spec(): ClusterSpec {
    return this.declared;
  }

  /** What hosts do before a start: redis.conf as declared. Returns whether the file changed. */
  prepare(node: FakeNode): boolean {
    const { spec } = this;
    const declared = [...spec.nodes, ...spec.leaving].find((each) => each.name === node.name);
    if (!declared) throw new Error(`${node.name} is not declared`);
    const conf: Record<string, string> = {
      appendonly: "yes",
      "cluster-node-timeout": String(spec.nodeTimeoutMs),
      ...declared.directives,
      requirepass: spec.password,
      masterauth: spec.password,
    };
    const same = JSON.stringify(conf) === JSON.stringify(node.disk.conf);
    node.disk.conf = conf;
    return !same;
  }

  node(name: string): FakeNode {
    const node = this.nodes.get(name);
    if (!node) throw new Error(`no such node: ${name}`);
    return node;
  }

  allNodes(): FakeNode[] {
    return [...this.nodes.values()];
  }

  get connector(): Connector {
    return this.session.connector;
  }

  get clock(): Clock {
    return this.session.clock;
  }

  hostFor(node: HostNode): Host {
    return this.session.hostFor(node);
  }

  /**
   * Runs an engine until it ends or `faults` kill it. After a kill nothing of it goes on: its promises never settle.
   * @throws EngineKilled, or whatever `body` throws
   */
  run<T>(body: (session: EngineSession) => Promise<T>): Promise<T> {
    const session = new EngineSession(this);
    this.session = session;
    return Promise.race([body(session), session.killed]).finally(() => session.end());
  }

  /** Lets virtual time pass. */
  advance(ms: number): Promise<void> {
    return this.scheduler.sleep(ms);
  }

  /** Lets time pass until `holds`, looking every 50 ms. @throws after `limitMs` */
  async until(what: string, holds: () => boolean, limitMs = 60_000): Promise<void> {
    const end = this.scheduler.now() + limitMs;
    while (!holds()) {
      if (this.scheduler.now() > end) throw new Error(`simulation: waited ${limitMs} ms for ${what}`);
      await this.advance(50);
    }
  }
}

export function knownVersion(text: string): RedisVersion {
  const version = VERSIONS.find((each) => each === text);
  if (!version) throw new Error(`the fake does not know Redis ${text}`);
  return version;
}
