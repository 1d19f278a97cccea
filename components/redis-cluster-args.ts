/** What a program can say about a cluster. Names, checks and defaults are those of a stack's configuration; a test compares. */
import type * as pulumi from "@pulumi/pulumi";
import type { AwsArgs } from "./aws-args";

/** A directive's value: `"64mb"`, `1000`, `true` for yes. */
export type DirectiveValue = string | number | boolean;

/** One server of target ssh. */
export interface SshServerArgs {
  /** Name of the server and of its node. Another name is another server. @example "redis-1" */
  readonly name: string;
  /** Where its sshd is reached from here, or from the bastion: name or IPv4 address. */
  readonly host: string;
  /** What fails together: a primary and its replicas are put into different zones. @example "a" */
  readonly zone: string;
  /** Login user. @default `user` of `ssh` */
  readonly user?: string;
  /** Port of sshd. @default `port` of `ssh` */
  readonly port?: number;
  /** Public host key. @default the one that is learned at the first contact @example "ssh-ed25519 AAAAC3Nz..." */
  readonly hostKey?: string;
  /** IPv4 address that Redis listens on. @default `host` */
  readonly address?: string;
  /** IPv4 address that clients and the other nodes use. @default `address` */
  readonly announce?: string;
}

/** Servers and the way to them. */
export interface SshArgs {
  /** In the order of the shards, primary first. Append new ones: the order decides who is whose replica. */
  readonly servers: readonly SshServerArgs[];
  /** Login user of every server: root, or one that may use sudo. @default "root" */
  readonly user?: string;
  /** Port of every sshd. @default 22 */
  readonly port?: number;
  /** A host that the servers are reached through. @default none */
  readonly bastion?: Pick<SshServerArgs, "host" | "user" | "port" | "hostKey">;
  /** Data port of every node; the bus port is 10000 higher. It cannot be changed while the cluster exists. @default 6379 */
  readonly redisPort?: number;
  /** Whether Redis listens on the server's address and loopback, or on every address. Restarts the nodes in turn. @default "address" */
  readonly bind?: "address" | "all";
  /** Where Redis comes from: built on the server, a prebuilt tar.gz, the distribution's package. @default "source" */
  readonly install?: "source" | "archive" | "package";
  /** Attempts to reach a server for provisioning, with growing pauses: 15 wait about 40 s. No effect on the cluster. @default 15 */
  readonly dials?: number;
  /** What exporters listen on: the server's address, every one, the server itself. Restarts exporters only. @default "address" */
  readonly exporterListen?: "address" | "all" | "loopback";
  /** Networks that may ask the exporters; none: every one may. Restarts exporters only. @default [] @example ["10.0.0.0/8"] */
  readonly exporterFrom?: readonly string[];
}

/** Exporters for Prometheus. Redis is not touched by a change. */
export interface MonitoringArgs {
  /** Whether every node gets an exporter. @default false on this machine, true on servers */
  readonly enabled?: boolean;
  /** Port of the exporters; on this machine that of the first node's, the others as far apart as the nodes. @default 9121 */
  readonly exporterPort?: number;
  /** Target local: port of a Prometheus on this machine, with the kit's alerts. @default none: no Prometheus */
  readonly prometheusPort?: number;
  /** How often Prometheus asks, in seconds. @default 15 */
  readonly scrapeIntervalSeconds?: number;
  /** Where alerts say that the runbook is to be read: an address or path without spaces and #. @default "docs/runbook.md" */
  readonly runbookUrl?: string;
  /**
   * Targets `"ssh"` and `"aws"`, where `backup` is declared: port of your node_exporter on the servers, which tells of the backups.
   * @default none: Prometheus hears of backups only what you bring to it
   */
  readonly nodeExporterPort?: number;
  /**
   * How old the last good backup may get before RedisBackupTooOld fires, in hours.
   * @default the longest time between two of `backup.schedule`, and two hours: 26 for a daily one
   */
  readonly backupMaxAgeHours?: number;
}

/** Where backups go. Redis is not touched by a change, and backups stay where they are. */
export interface BackupArgs {
  /** An absolute path, of this machine on target local, of the servers on the others; or `s3://bucket/prefix`. */
  readonly to: string;
  /** When servers take one, as a systemd calendar time in their time zone. @default "daily" @example "*-*-* 03:15:00" */
  readonly schedule?: string;
  /** Newest of so many days, weeks and months that are kept. @default "daily=7,weekly=4,monthly=12" */
  readonly retention?: string;
}

/**
 * Arguments that decide the shape of the cluster are plain values: the plan that a preview shows must not depend on
 * what is only known later.
 */
export interface RedisClusterArgs {
  /**
   * Password of every node, for clients and among the nodes; 8 to 512 bytes. Always kept as a Pulumi secret.
   * Changing it rotates it live: connections stay up, new ones need the new password.
   * @example new pulumi.Config().requireSecret("password")
   */
  readonly password: pulumi.Input<string>;

  /**
   * Name of the cluster; part of its data directory's path. It cannot be changed while the cluster exists.
   * @default `<project>-<stack>-<name of this resource>`
   */
  readonly name?: string;

  /**
   * Where the nodes run. `"local"`: every node is a process on this machine; `"ssh"`: on servers that you have, see `ssh`;
   * `"aws"`: on servers in AWS that are made for it, see `aws`. It cannot be changed while the cluster exists.
   * @default "local"
   */
  readonly target?: "local" | "ssh" | "aws";

  /**
   * Number of shards, each one primary with its replicas; at least three. Raising it starts nodes and moves slots to
   * them live; lowering it drains the last shards first. No key is lost and nothing stops. On `"ssh"` the servers say how
   * many: left out, as many as they fill.
   * @default 3
   * @example 4
   */
  readonly shards?: number;

  /**
   * Replicas of every primary. With 0 a failed node takes its slots with it. Replicas come and go live.
   * @default 1
   * @example 2
   */
  readonly replicasPerShard?: number;

  /**
   * Failure zones, in order: the order decides who goes where. A primary and its replicas are put into different ones.
   * On this machine they are only names, and a change moves nothing; on `"ssh"` every server says its own, and these are the
   * ones that are allowed (left out: the servers'); on `"aws"` they cannot be changed while the cluster exists, also not by one more.
   * @default ["a", "b", "c"]
   * @example ["eu-central-1a", "eu-central-1b", "eu-central-1c"]
   */
  readonly zones?: readonly string[];

  /**
   * Share of the slots per shard, one positive number a shard. A change moves slots live.
   * @default the same for every shard
   * @example [2, 1, 1] // the first shard has half of the slots
   */
  readonly weights?: readonly number[];

  /**
   * Redis version of every node, three numbers. A change restarts the nodes one at a time, replicas first, primaries
   * handed over before. It can only be raised.
   * @default "5.0.14"
   * @example "7.0.15"
   */
  readonly redisVersion?: string;

  /**
   * Your own Redis instead of a download: absolute path or http(s) URL of a source tarball, or path of a source folder
   * or of a redis-server. A change restarts nodes as `redisVersion` does.
   * @default none: `redisVersion` is fetched
   * @example "/usr/bin/redis-server"
   */
  readonly redisSource?: string;

  /** sha256 of `redisSource`, 64 hex digits; required for a URL. A change does nothing by itself. @default none */
  readonly redisSourceSha256?: string;

  /**
   * redis.conf directives for every node, by name, over the kit's defaults. What Redis can change live is changed live,
   * the rest by restarting the nodes one at a time.
   * @default {}
   * @example { maxmemory: "256mb", "maxmemory-policy": "noeviction" }
   */
  readonly redis?: Readonly<Record<string, DirectiveValue>>;

  /**
   * Target `"local"`: IPv4 address of this machine that the nodes listen on and announce. It cannot be changed while the
   * cluster exists.
   * @default "127.0.0.1"
   */
  readonly host?: string;

  /**
   * Target `"local"`: data port of the first node; the others follow, and every node also uses its data port + 10000. It
   * cannot be changed while the cluster exists.
   * @default 7000
   */
  readonly basePort?: number;

  /**
   * Target `"local"`: absolute folder of the nodes' data, one folder a node. It cannot be changed while the cluster exists.
   * @default `clusters/<name>` in the user's data folder
   */
  readonly dataDirectory?: string;

  /**
   * How much of a server's time moving slots may take: "low" (20 %), "normal" (60 %), "high" (100 %), or percent from 1
   * to 100. A change does nothing by itself.
   * @default "normal"
   * @example "low"
   */
  readonly maxMigrationImpact?: "low" | "normal" | "high" | number;

  /**
   * While true, a changed `password` opens connections beside the one before it (Redis 6.0 and later), so that clients
   * can change over. False again ends it: the previous one is no longer accepted.
   * @default false
   */
  readonly keepPreviousPassword?: boolean;

  /**
   * Whether the preferred primaries (the first member of each shard) get their shards back where one zone would
   * otherwise hold more primaries than declared. A change to true causes planned failovers.
   * @default false
   */
  readonly failback?: boolean;

  /**
   * Whether a shard of which every node has lost its disk is given new, empty nodes: **its data is lost**. Until it is
   * true such a cluster is left alone. Set it back afterwards.
   * @default false
   */
  readonly acceptDataLoss?: boolean;

  /**
   * Target `"ssh"`: the servers, one node each, and the way to them. Servers that are added join as shards or replicas,
   * those that are taken out are drained first.
   * @default none
   * @example { user: "admin", servers: [{ name: "redis-1", host: "10.0.0.11", zone: "a" }] }
   */
  readonly ssh?: SshArgs;

  /**
   * Target `"aws"`: network, servers and who may reach them. Needs the package @pulumi/aws. An AWS provider given in the
   * options (`providers`) is used; without one, one is made for the region, with what the stack's configuration has under `aws:`
   * (`aws:profile`, `aws:assumeRoles`, ...). Decide before the first `up`: for Pulumi another provider means other resources.
   * @default none
   * @example { region: "eu-central-1", sshPublicKey: "ssh-ed25519 AAAA...", sshCidrs: ["203.0.113.7/32"] }
   */
  readonly aws?: AwsArgs;

  /**
   * Targets `"ssh"` and `"aws"`: private key for servers and bastion, as text. Always kept as a Pulumi secret. No effect on the cluster.
   * @default the agent of SSH_AUTH_SOCK
   */
  readonly sshPrivateKey?: pulumi.Input<string>;

  /**
   * Target `"ssh"`: what sudo asks the login user for. Always kept as a Pulumi secret. No effect on the cluster.
   * @default none: root, or sudo without a password
   */
  readonly sudoPassword?: pulumi.Input<string>;

  /**
   * Exporters for Prometheus, and on the local target a Prometheus. Redis is not touched by a change.
   * @default off on the local target; on servers exporters on port 9121
   * @example { enabled: true, prometheusPort: 9090 }
   */
  readonly monitoring?: MonitoringArgs;

  /**
   * Where backups go, when servers take them, and how many are kept. No effect on the cluster.
   * @default none
   * @example { to: "s3://my-bucket/redis", schedule: "*-*-* 03:15:00", retention: "daily=7,weekly=4" }
   */
  readonly backup?: BackupArgs;

  /**
   * A backup that a new cluster begins with: its folder, or s3://bucket/prefix/NAME. Refused where the cluster has keys.
   * @default none: a new cluster is empty
   * @example "s3://my-bucket/redis/cache-20261122T031500Z"
   */
  readonly restore?: string;

  /**
   * Whether `pulumi destroy` deletes the data too. Otherwise processes stop, the data stays, and the next `up` starts them
   * with it. A change has no effect on the running cluster.
   * @default false
   */
  readonly purgeOnDestroy?: boolean;
}
