/** What the declaration says, once it has been read and found good. Plain data, frozen. */
import type { AwsSettings } from "./aws/types";
import type { BackupConfig } from "./backup-types";
import type { MonitoringConfig } from "./monitoring-types";

/** Where and for whom the stack configuration is read. Values a pure function cannot know. */
export interface ConfigContext {
  /** Name of the Pulumi stack, e.g. "dev". */
  readonly stack: string;
  /** Name of the Pulumi project, e.g. "redis-cluster-kit". */
  readonly project: string;
  /** Absolute folder below which the kit keeps data by default. */
  readonly dataRoot: string;
  /**
   * Versions that can be installed: a full one ("5.0.14") stands for itself, a line ("5.0") for every version of it.
   * Default: the lines 5.0, 6.2 and 7.0.
   */
  readonly supportedVersions?: readonly string[];
}

/** What every target has in common. */
export interface CommonConfig {
  /** Name of the cluster: letters, digits, dots, dashes, underscores. */
  readonly name: string;
  readonly shards: number;
  readonly replicasPerShard: number;
  /** Zones in order; the order decides placement. */
  readonly zones: readonly string[];
  /** Resolved version, three numbers, e.g. "5.0.14". */
  readonly redisVersion: string;
  /** The user's own Redis: a path or URL of a source tarball, a source folder or a redis-server binary. */
  readonly redisSource?: string;
  /** sha256 of `redisSource`, 64 lower-case hex digits. Always there for a URL. */
  readonly redisSourceSha256?: string;
  /** Absent when the caller keeps the password elsewhere. Checked by `passwordProblems` wherever it comes from. */
  readonly password?: string;
  /** Absolute folder of the nodes' data. Local: one folder a node below it. Servers: the folder itself, on each of them. */
  readonly dataDirectory: string;
  /** Share of the slots per shard, one positive number a shard. */
  readonly weights: readonly number[];
  /**
   * The complete redis.conf directives that are the same on every node: the kit's defaults with the user's own over
   * them. Canonical lower-case names, values as CONFIG GET answers them. Without secrets, addresses and paths.
   */
  readonly redis: Readonly<Record<string, string>>;
  /** `cluster-node-timeout` of `redis`, in ms. */
  readonly nodeTimeoutMs: number;
  /** Share of a server's time that moving slots may take: a word, or percent from 1 to 100. */
  readonly maxMigrationImpact: "low" | "normal" | "high" | number;
  /** Whether the password before the declared one goes on opening connections (Redis 6.0 and later). */
  readonly keepPreviousPassword: boolean;
  /** Whether preferred primaries get their shards back where zones would otherwise be uneven. */
  readonly failback: boolean;
  /** Whether a shard without any data left is given empty nodes. */
  readonly acceptDataLoss: boolean;
  readonly monitoring: MonitoringConfig;
  /** Where backups go. Absent: nothing was declared. */
  readonly backup?: BackupConfig;
  /** The backup that a new cluster begins with. */
  readonly restore?: string;
  /** What is legal and yet worth a line to the operator. */
  readonly warnings: readonly string[];
}

/** Every node a process on this machine. */
export interface LocalConfig extends CommonConfig {
  readonly target: "local";
  /** IPv4 address of this machine that the nodes bind and announce. */
  readonly host: string;
  /** Data port of the first node. The bus port of a node is its data port + 10000. */
  readonly basePort: number;
}

/** One server that the user has: one node. */
export interface SshServer {
  /** Also the node's name. */
  readonly name: string;
  /** Where its sshd is: name or IPv4 address. */
  readonly host: string;
  /** Of its sshd. */
  readonly port: number;
  readonly user: string;
  readonly zone: string;
  /** "ssh-ed25519 AAAA...". Absent: learned at the first contact. */
  readonly hostKey?: string;
  /** IPv4 address of its own that Redis listens on. */
  readonly address: string;
  /** IPv4 address by which clients and the other nodes reach it. */
  readonly announce: string;
}

export type SshBastion = Pick<SshServer, "host" | "port" | "user" | "hostKey">;

/** Every node on a server that the user has, reached over ssh. */
export interface SshConfig extends CommonConfig {
  readonly target: "ssh";
  /** In the order of the declaration, which decides placement. */
  readonly servers: readonly SshServer[];
  readonly bastion?: SshBastion;
  /** Data port of every node. */
  readonly redisPort: number;
  /** Redis listens on the server's address and loopback, or on every address. */
  readonly bind: "address" | "all";
  /** Where the servers' Redis comes from. */
  readonly install: "source" | "archive" | "package";
  /** Attempts to reach a server for provisioning. */
  readonly dials: number;
  /** What the exporters listen on. */
  readonly exporterListen: "address" | "all" | "loopback";
  /** Networks that may ask the exporters; empty: every one. */
  readonly exporterFrom: readonly string[];
  /** Secret; absent where the ssh agent is asked, or the caller keeps it elsewhere. */
  readonly sshPrivateKey?: string;
  /** Secret. */
  readonly sudoPassword?: string;
}

/** Every node on a server of its own in AWS, which the kit creates. */
export interface AwsConfig extends CommonConfig {
  readonly target: "aws";
  readonly aws: AwsSettings;
  /** Secret; absent where the ssh agent is asked, or the caller keeps it elsewhere. */
  readonly sshPrivateKey?: string;
}

/** Closed union over `target`. */
export type KitConfig = LocalConfig | SshConfig | AwsConfig;
