/** Who listens where, who can reach whom, and how long it takes. */
import { Random } from "./random";
import type { Server } from "./server";

/** Name of the engine's place in partitions; nodes go by their own names. */
export const ENGINE = "engine";

export interface LatencyOptions {
  /** Longest one-way delay of commands and data, in ms. Default 0.3. */
  readonly commandMs?: number;
  /** Longest one-way delay of bus packets, in ms. Default 1. */
  readonly busMs?: number;
  /** Longest one-way delay of the replication stream, in ms. Default 1. */
  readonly replicationMs?: number;
}

export class Network {
  private readonly data = new Map<string, Server>();
  private readonly bus = new Map<string, Server>();
  private readonly cuts = new Set<string>();
  private readonly random: Random;

  constructor(
    seed: number,
    private readonly options: LatencyOptions,
  ) {
    this.random = new Random(seed);
  }

  listen(server: Server): void {
    this.data.set(key(server.ip, server.port), server);
    this.bus.set(key(server.ip, server.busPort), server);
  }

  unlisten(server: Server): void {
    if (this.dataAt(server.ip, server.port) === server) this.data.delete(key(server.ip, server.port));
    if (this.busAt(server.ip, server.busPort) === server) this.bus.delete(key(server.ip, server.busPort));
  }

  dataAt(ip: string, port: number): Server | undefined {
    return this.data.get(key(ip, port));
  }

  busAt(ip: string, busPort: number): Server | undefined {
    return this.bus.get(key(ip, busPort));
  }

  latency(): number {
    return this.draw(this.options.commandMs ?? 0.3);
  }

  busLatency(): number {
    return this.draw(this.options.busMs ?? 1);
  }

  replicationLatency(): number {
    return this.draw(this.options.replicationMs ?? 1);
  }

  private draw(longest: number): number {
    return longest * (0.2 + 0.8 * this.random.next());
  }

  /** Cuts every connection between the two sides, both ways; open connections fall silent. */
  cut(side: readonly string[], other: readonly string[]): void {
    for (const a of side) for (const b of other) this.cuts.add(pair(a, b));
  }

  heal(): void {
    this.cuts.clear();
  }

  reachable(a: string, b: string): boolean {
    return this.cuts.size === 0 || !this.cuts.has(pair(a, b));
  }

  between(a: Server, b: Server): boolean {
    return this.reachable(a.name, b.name);
  }

  /** Whether a packet to that address arrives at all; a stopped process on a reachable host refuses instead. */
  hostReachable(from: Server, ip: string, port: number): boolean {
    const there = this.bus.get(key(ip, port)) ?? this.data.get(key(ip, port));
    return !there || this.between(from, there);
  }
}

function key(ip: string, port: number): string {
  return `${ip}:${port}`;
}

function pair(a: string, b: string): string {
  return a < b ? `${a}|${b}` : `${b}|${a}`;
}
