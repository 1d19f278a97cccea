/** What a measurement under load is made of. */
import type { PulseOptions } from "../../cluster/pulse";
import type { ClusterSpec, NodeSpec } from "../../cluster/spec";

export interface LoadSettings {
  /** Of each measurement. */
  readonly seconds: number;
  /** Requests under way at a time. */
  readonly clients: number;
  /** Commands that redis-benchmark sends at once. ioredis sends one. */
  readonly pipeline: number;
}

/** How redis-benchmark may come in. It takes a password nowhere but in its arguments, which everybody on the machine can read. */
export type BenchmarkLogin =
  | { readonly kind: "open" }
  /** A user that may do nothing but read and write keys below the prefix of this run, and is gone after it. */
  | { readonly kind: "user"; readonly name: string; readonly password: string }
  | { readonly kind: "none"; readonly why: string };

/** What is loaded: the cluster, or the single server that it is compared with. */
export interface Loaded {
  /** As the report calls it. */
  readonly label: string;
  readonly isCluster: boolean;
  readonly spec: ClusterSpec;
  /** Where redis-benchmark asks for the others: a primary. */
  readonly entrance: NodeSpec;
  /** The way to its counters. */
  readonly reach: PulseOptions;
  readonly login: BenchmarkLogin;
}

/** What a client saw. Latencies in ms. */
export interface Measured {
  readonly requestsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** One client program with one kind of work. */
export interface Driver {
  readonly name: string;
  /** Connects, warms up, and hands over what is to be measured. */
  ready(loaded: Loaded, settings: LoadSettings, signal: AbortSignal): Promise<ReadyDriver>;
}

export interface ReadyDriver {
  readonly drive: () => Promise<Measured>;
  readonly close: () => void;
}

export interface NodeShare {
  readonly node: string;
  readonly requestsPerSecond: number;
  /** Share of one core. */
  readonly cpu: number;
}

export interface LoadRow extends Measured {
  readonly client: string;
  readonly servers: string;
  readonly nodes: readonly NodeShare[];
}

/** Seconds after which a key of a run is gone, whatever becomes of the run. */
export const KEY_LIFE_SECONDS = 600;
/** Different keys that a client writes to one node at most, of about 100 bytes each. */
export const KEYS_PER_NODE = 10_000;
export const VALUE = "v".repeat(100);
