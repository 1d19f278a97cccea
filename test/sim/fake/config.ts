/** CONFIG GET and CONFIG SET of one node, over the tables that real servers of each release line answered. */
import defaults from "./config-defaults.json";
import type { Release } from "./release";

interface Table {
  readonly values: Readonly<Record<string, string>>;
  readonly immutable: readonly string[];
}
const TABLES: Readonly<Record<Release["line"], Table>> = defaults;

/** Directives that had another name before 5.0; both names are answered and both can be set. */
const PAIRS: readonly [old: string, now: string][] = [
  ["slave-announce-ip", "replica-announce-ip"],
  ["slave-announce-port", "replica-announce-port"],
  ["repl-ping-slave-period", "repl-ping-replica-period"],
  ["slave-priority", "replica-priority"],
  ["min-slaves-to-write", "min-replicas-to-write"],
  ["min-slaves-max-lag", "min-replicas-max-lag"],
  ["cluster-slave-validity-factor", "cluster-replica-validity-factor"],
  ["cluster-slave-no-failover", "cluster-replica-no-failover"],
  ["slave-serve-stale-data", "replica-serve-stale-data"],
  ["slave-read-only", "replica-read-only"],
  ["slave-ignore-maxmemory", "replica-ignore-maxmemory"],
  ["slave-lazy-flush", "replica-lazy-flush"],
  ["slaveof", "replicaof"],
];
const OTHER_NAME = new Map(PAIRS.flatMap(([old, now]) => [[old, now] as const, [now, old] as const]));

/** Size directives, which take "64mb" and answer bytes. */
const SIZES = new Set([
  "maxmemory",
  "repl-backlog-size",
  "auto-aof-rewrite-min-size",
  "proto-max-bulk-len",
  "client-query-buffer-limit",
  "active-defrag-ignore-bytes",
  "cluster-link-sendbuf-limit",
]);

const CHOICES: Readonly<Record<string, readonly string[]>> = {
  "maxmemory-policy": [
    "volatile-lru",
    "volatile-lfu",
    "volatile-random",
    "volatile-ttl",
    "allkeys-lru",
    "allkeys-lfu",
    "allkeys-random",
    "noeviction",
  ],
  appendfsync: ["everysec", "always", "no"],
  loglevel: ["debug", "verbose", "notice", "warning"],
};

/** Size text of redis.conf in bytes; undefined where it is none. */
export function parseSize(text: string): number | undefined {
  const match = /^(\d+)(b|k|kb|m|mb|g|gb)?$/i.exec(text);
  if (!match) return undefined;
  const unit = (match[2] ?? "b").toLowerCase();
  const step = unit.endsWith("b") && unit !== "b" ? 1024 : 1000;
  const power = { b: 0, k: 1, m: 2, g: 3 }[unit[0] ?? "b"] ?? 0;
  return Number(match[1]) * step ** power;
}

export class Config {
  private readonly values: Map<string, string>;
  private readonly immutable: ReadonlySet<string>;
  private listCache: string[] | undefined;

  constructor(
    private readonly release: Release,
    file: Readonly<Record<string, string>>,
  ) {
    const table = TABLES[release.line];
    this.values = new Map(Object.entries(table.values));
    this.immutable = new Set(table.immutable);
    for (const [name, value] of Object.entries(file)) this.store(name, this.normalize(name, value) ?? value);
  }

  get(name: string): string | undefined {
    return this.values.get(name);
  }

  number(name: string): number {
    return Number(this.values.get(name) ?? "0");
  }

  flag(name: string): boolean {
    return this.values.get(name) === "yes";
  }

  /** Names and values in turn, for a glob pattern. */
  matching(pattern: string): string[] {
    if (pattern === "*") {
      this.listCache ??= [...this.values].flat();
      return this.listCache;
    }
    const glob = pattern.toLowerCase().replace(/[.+^${}()|\\]/g, "\\$&");
    const regex = new RegExp(`^${glob.replace(/\*/g, ".*").replace(/\?/g, ".")}$`);
    return [...this.values].filter(([name]) => regex.test(name)).flat();
  }

  /** CONFIG REWRITE: the file's directives with their live values, and every other one that is not the default. */
  changedFrom(file: Readonly<Record<string, string>>): Record<string, string> {
    const { values } = TABLES[this.release.line];
    return Object.fromEntries(
      [...this.values].filter(([name, value]) => name in file || values[name] !== value),
    );
  }

  /** @returns the error text, or undefined where it was set */
  set(name: string, value: string): string | undefined {
    const known = this.values.has(name);
    const old = this.release.line !== "7.0";
    if (!known) {
      return old
        ? `ERR Unsupported CONFIG parameter: ${name}`
        : `ERR Unknown option or number of arguments for CONFIG SET - '${name}'`;
    }
    if (this.immutable.has(name)) {
      return old
        ? `ERR Unsupported CONFIG parameter: ${name}`
        : this.refusal(name, "can't set immutable config");
    }
    const normal = this.normalize(name, value);
    if (normal === undefined) {
      if (this.release.line === "5.0") return `ERR Invalid argument '${value}' for CONFIG SET '${name}'`;
      const reason = this.complaint(name);
      return old
        ? `ERR Invalid argument '${value}' for CONFIG SET '${name}' - ${reason}`
        : this.refusal(name, reason);
    }
    this.store(name, normal);
    return undefined;
  }

  private refusal(name: string, reason: string): string {
    return `ERR CONFIG SET failed (possibly related to argument '${name}') - ${reason}`;
  }

  private complaint(name: string): string {
    const choices = CHOICES[name];
    const word = this.release.line === "6.2" ? "argument" : "argument(s)";
    if (choices) return `${word} must be one of the following: ${choices.join(", ")}`;
    if (SIZES.has(name)) return "argument must be a memory value";
    if (this.isFlag(name)) return "argument must be 'yes' or 'no'";
    return "argument couldn't be parsed into an integer";
  }

  /** The value as CONFIG GET would answer it, or undefined where it is not allowed. */
  private normalize(name: string, value: string): string | undefined {
    const choices = CHOICES[name];
    if (choices) return choices.find((choice) => choice === value.toLowerCase());
    if (SIZES.has(name)) return parseSize(value)?.toString();
    if (this.isFlag(name)) return /^(yes|no)$/i.test(value) ? value.toLowerCase() : undefined;
    if (this.isNumber(name)) return /^-?\d+$/.test(value) ? String(Number(value)) : undefined;
    return value;
  }

  private isFlag(name: string): boolean {
    return /^(yes|no)$/.test(TABLES[this.release.line].values[name] ?? "");
  }

  private isNumber(name: string): boolean {
    return /^-?\d+$/.test(TABLES[this.release.line].values[name] ?? "");
  }

  private store(name: string, value: string): void {
    this.listCache = undefined;
    this.values.set(name, value);
    const other = OTHER_NAME.get(name);
    if (other && this.values.has(other)) this.values.set(other, value);
  }
}
