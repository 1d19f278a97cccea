/** What the local host is made from, and what it offers beyond `Host`. */
import type { Host, HostNode } from "../host";

/** A usable Redis on this machine. `server` and `cli` are absolute paths. */
export interface ResolvedServer {
  readonly server: string;
  readonly cli: string;
  /** Exact version of `server`, e.g. "5.0.14". */
  readonly version: string;
  /** One line for the operator: what was chosen and why. */
  readonly note?: string;
}

export interface LocalHostOptions {
  /** Written into the data directory at the first `prepare`; a directory of another cluster is refused. */
  readonly clusterName: string;
  /** Absolute folder that gets one folder a node. Created with mode 0700. */
  readonly dataDirectory: string;
  /**
   * The rendered redis.conf of a node, password included. `undefined` for a node that the declaration no longer
   * has: the file that is in place stays in use.
   */
  readonly files: (nodeName: string) => { readonly redisConf: string } | undefined;
  /** Finds or builds Redis. Called when first needed and at most once. */
  readonly resolveServer: () => Promise<ResolvedServer>;
  /**
   * Tells the version without building anything, for `inspect` (previews must not compile Redis).
   * Default: `inspect` calls `resolveServer`.
   */
  readonly peekServer?: () => Promise<Pick<ResolvedServer, "version"> | undefined>;
  /** One line for the operator, e.g. which Redis was chosen. Default: dropped. */
  readonly report?: (line: string) => void;
  /** Bound on the wait from process start until Redis answers, in ms, loading not counted. Default 15 000. */
  readonly startTimeoutMs?: number;
  /** Bound on loading the data set at start, in ms. Default 600 000. */
  readonly loadTimeoutMs?: number;
  /** `preflight` refuses below this much free space in the data directory, in bytes. Default 64 MiB. */
  readonly minFreeBytes?: number;
  /** At a start, a redis.log above this size becomes redis.log.1, in bytes. Default 10 MiB. */
  readonly maxLogBytes?: number;
}

/** A node as an earlier `prepare` was given it: whatever plain fields it had besides its address. */
export interface KnownNode extends HostNode {
  readonly [field: string]: unknown;
}

export interface LocalExtras {
  /** Nodes that have a folder here, sorted by name, declared now or by an earlier declaration. */
  knownNodes(): KnownNode[];
  /** Absolute folder of a node's files and data; also its redis-server's working directory. */
  folderOf(node: Pick<HostNode, "name">): string;
}

export type LocalHost = Host & LocalExtras;
