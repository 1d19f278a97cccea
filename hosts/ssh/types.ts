/** What the ssh host is made from. The same for servers of the user's own and for those of a cloud. */
import type { Host } from "../host";

/** One ssh server. */
export interface SshAddress {
  /** Name or address to connect to: from here, or from the bastion where there is one. */
  readonly host: string;
  /** Default of callers: 22. */
  readonly port: number;
  readonly user: string;
  /** Its host key as known_hosts has it, without the name: "ssh-ed25519 AAAA…". Without one the first that is seen is kept. */
  readonly hostKey?: string | undefined;
}

/** The server of one node. */
export interface SshServer extends SshAddress {
  /** The server's own address, where it is another one inside than the one that the node announces. */
  readonly address?: string | undefined;
}

/** How the servers of one cluster are reached. Keys and passwords in it are secrets. */
export interface SshAccess {
  /** By node name. */
  readonly servers: Readonly<Record<string, SshServer>>;
  /** Text of an OpenSSH or PEM key. Without one the agent is asked. */
  readonly privateKey?: string | undefined;
  /** Of `privateKey`. */
  readonly passphrase?: string | undefined;
  /** Socket of the agent. Default: SSH_AUTH_SOCK. */
  readonly agent?: string | undefined;
  /** Where the users of the servers sudo with a password. Default: without one, or the user is root. */
  readonly sudoPassword?: string | undefined;
  /** A host that all connections go through. */
  readonly bastion?: SshAddress | undefined;
}

export interface SshHostOptions extends SshAccess {
  /** The rendered redis.conf of a node, password included; `undefined` for one that is no longer declared. */
  readonly files: (nodeName: string) => string | undefined;
  /** Declared version of Redis: the next start runs it. */
  readonly redisVersion: string;
  /** Folder of a node's data on its server. Default /var/lib/redis. */
  readonly dataDirectory?: string;
  /** Host keys that were learned before, by server (`keyName`). A pinned `hostKey` goes before them. */
  readonly knownHostKeys?: Readonly<Record<string, string>>;
  /** One line for the operator, e.g. that a connection was lost and is made again. Default: dropped. */
  readonly report?: (line: string) => void;
  /** Bounds, in ms; tests shorten them. */
  readonly bounds?: Partial<SshBounds>;
}

/** In ms. */
export interface SshBounds {
  /** For one connection to one server, its key exchange and log-in included. Default 15 000. */
  readonly connectMs: number;
  /** For one short operation on a server. Default 30 000. */
  readonly operationMs: number;
  /** For the TCP connection behind `dial`. Default 5 000. */
  readonly dialMs: number;
  /** From the start of the unit until Redis answers, loading not counted. Default 30 000. */
  readonly startMs: number;
  /** For loading the data set. Default 600 000. */
  readonly loadMs: number;
}

/** The servers of one cluster: a `Host` each, over shared connections. */
export interface SshHosts {
  /** The host that this node lives on. Always the same object for the same name. */
  of(node: { readonly name: string }): Host;
  /** Host keys as they are known now, given and learned, by `keyName`. To be kept for the next run. */
  hostKeys(): Readonly<Record<string, string>>;
  /**
   * Until this is called a declared Redis that is not on a server yet is taken to come (a preview looks before
   * provisioning had its turn); from then on `inspect` tells what is there.
   */
  expectInstalled(): void;
  close(): Promise<void>;
}
