/** How a node's process, files and ports are reached, whatever the target. The engine knows only this. */
import type { Socket } from "node:net";
import type { Readable } from "node:stream";

/** What identifies one node to its host. `name` is unique in the cluster, `host` an address without port. */
export interface HostNode {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly busPort: number;
}

/**
 * The node's process as its host sees it.
 * - `running`: this node's own redis-server runs.
 * - `stopped`: it certainly does not run. The only state that counts as proof of death (fencing).
 * - `unknown`: the host could not be asked. Never to be read as "stopped".
 */
export type ProcessState = "running" | "stopped" | "unknown";

/** Whether the node's data directory holds anything that Redis wrote (nodes.conf, dump, append-only file). */
export type DataState = "empty" | "present" | "unknown";

/** What a host knows of one node without asking Redis. */
export interface HostFacts {
  readonly process: ProcessState;
  readonly data: DataState;
  /** Process id, where the process runs on a host that tells it. */
  readonly pid?: number;
  /** Version of the redis-server binary that the next start would use, e.g. "5.0.14". */
  readonly installedVersion?: string;
  /** Version that last ran on the node's data, where the host keeps note of it: an older one cannot read it. */
  readonly dataVersion?: string;
  /** sha256 (hex) of the redis.conf in place, for noticing that a file differs from the declared one. */
  readonly configSha256?: string;
  /** A foreign program listening on the node's data or bus port, while the node's own process is not running. */
  readonly portHolder?: { readonly port: number; readonly description: string };
  /** Why something above is unknown, for the operator. */
  readonly detail?: string;
}

export interface StopOptions {
  /** `true`: SIGKILL at once (drills, fencing). Default: orderly shutdown that saves and flushes the append-only file. */
  readonly kill?: boolean;
  /** Bound on the wait until the process has ended, in ms. Default 30 000. */
  readonly timeoutMs?: number;
}

/** A file on a node's server, opened: it stays the same file when another is renamed over its name meanwhile. */
export interface OpenFile {
  /** In bytes, when it was opened. */
  readonly size: number;
  /** Its content from the start. Destroying it closes the file. */
  readonly stream: Readable;
}

/** One place where nodes live. Every method is safe to repeat; every wait in it is bounded. */
export interface Host {
  /** Never throws for an unreachable host: says `unknown` with a `detail`. */
  inspect(node: HostNode): Promise<HostFacts>;
  /** Refuses (throws UserError) anything that would make `start` fail: ports taken, directory not writable. Changes nothing. */
  preflight(nodes: readonly HostNode[]): Promise<void>;
  /** Writes the node's files (redis.conf, mode 0600) without touching a running process. Returns whether anything changed. */
  prepare(node: HostNode): Promise<boolean>;
  /** `prepare`s, then starts the node unless its process runs; resolves when the port accepts connections. */
  start(node: HostNode): Promise<void>;
  stop(node: HostNode, options?: StopOptions): Promise<void>;
  /** Deletes the data and files of a stopped node. Throws while its process is running or unknown. */
  purge(node: HostNode): Promise<void>;
  /** Opens a connection from this host to an address that the nodes use; `undefined` from engines on the same network. */
  dial?(address: string, port: number): Promise<Socket>;
  /** Whether `address:port` accepts a TCP connection as seen from the host of `from` ("both ways" checks). */
  probe(
    from: HostNode,
    address: string,
    port: number,
    timeoutMs: number,
  ): Promise<"open" | "refused" | "timeout">;
  /**
   * Opens a file on the node's server for reading, e.g. its snapshot. Rejects with the system's error code (ENOENT, EACCES).
   * Absent where the target cannot give files: such clusters cannot be backed up.
   */
  readFile?(node: HostNode, path: string): Promise<OpenFile>;
  /**
   * Runs the backup timer's service of the node's server now, and tells what it said. Hours, where there is much to save.
   * @throws UserError with its last words where it fails, or where no timer is there.
   */
  backUp?(node: HostNode): Promise<string>;
  /** Takes away what runs on the node's server by itself: the backup timer. Backups stay. Absent where there is none. */
  retire?(node: HostNode): Promise<void>;
  /** Last lines of the node's own log, for error texts. Empty when there is none. */
  logTail(node: HostNode, lines: number): Promise<string>;
  /** Releases connections. */
  close(): Promise<void>;
}
