/** What a program can say about servers in AWS. Names, checks and defaults are those of a stack's configuration; a test compares. */

/** A subnet of your own, for one zone. */
export interface AwsSubnetArgs {
  /** Id of the private subnet, e.g. "subnet-0123456789abcdef0". It cannot be changed while the cluster exists. */
  readonly id: string;
  /** Its IPv4 block; compared with what AWS says. It cannot be changed while the cluster exists. */
  readonly cidr: string;
  /** Id of a public subnet for the bastion; of the first zone only. A change makes another bastion. */
  readonly publicId?: string;
}

/**
 * Target `"aws"`. What a change does is in docs/configuration.md, key by key. All are plain values, not outputs of other
 * resources: network and servers are planned and checked against AWS before anything is made.
 */
export interface AwsArgs {
  /** Region of everything. It cannot be changed while the cluster exists. @example "eu-central-1" */
  readonly region: string;
  /** Public key whose private half is used to log in, one line. For servers made from then on. */
  readonly sshPublicKey: string;
  /** IPv4 blocks that ssh may come from. Rules change live. @example ["203.0.113.7/32"] */
  readonly sshCidrs: readonly string[];
  /** Instance type of every server. A change stops the servers one at a time, primaries handed over before; another architecture replaces them. @default "r7g.large" */
  readonly instanceType?: string;
  /**
   * Image of every server. A change replaces the servers one at a time, primaries handed over before.
   * @default that of the running servers; for the first, Debian 12's newest
   */
  readonly ami?: string;
  /** IPv4 block of the network that is made, /16 to /24. It cannot be changed while the cluster exists. @default "10.60.0.0/16" */
  readonly vpcCidr?: string;
  /** Your own network instead. It cannot be changed while the cluster exists. @default none: one is made */
  readonly vpcId?: string;
  /** With `vpcId`: the subnet of each zone. It cannot be changed while the cluster exists. @default {} */
  readonly subnets?: Readonly<Record<string, AwsSubnetArgs>>;
  /** Where the nodes' addresses begin in each subnet. It cannot be changed while the cluster exists. @default 10 */
  readonly addressOffset?: number;
  /**
   * Security groups whose members may reach Redis, by id. Rules change live. A group that the same program makes is not known
   * in a preview: attach the output `clientSecurityGroupId` to the application instead. @default []
   */
  readonly clientSecurityGroups?: readonly string[];
  /** IPv4 blocks that may reach Redis. Rules change live. @default [] */
  readonly clientCidrs?: readonly string[];
  /** Security groups whose members may reach the exporters. Rules change live. @default [] */
  readonly monitoringSecurityGroups?: readonly string[];
  /** The way in: a bastion, or directly from inside the network. The cluster is not touched. @default "bastion" */
  readonly access?: "bastion" | "direct";
  /** ssh host keys by node name, and of the "bastion"; a pinned one is the only one that is taken there. Live. @default {} */
  readonly hostKeys?: Readonly<Record<string, string>>;
  /** Redis built on each server, or `redisSource`, a tar.gz with the programs. For servers made ready from then on. @default "source" */
  readonly install?: "source" | "archive";
  /** NAT gateways, the way out for installation. Routes change live. @default "one" */
  readonly nat?: "one" | "per-zone" | "none";
  /** Size of each node's data volume in GiB. It grows live, file system included, and cannot shrink. @default 50 */
  readonly dataVolumeGib?: number;
  /** Size of each server's root volume in GiB. It grows live, its file system at the next boot, and cannot shrink. @default 16 */
  readonly rootVolumeGib?: number;
  /** ARN of the key for all volumes. It cannot be changed while the cluster exists. @default the account's key for EBS */
  readonly kmsKeyId?: string;
  /** CloudWatch metrics every minute. Live. @default false */
  readonly detailedMonitoring?: boolean;
  /** A spread placement group. It cannot be changed while the cluster exists. @default false */
  readonly spreadPlacement?: boolean;
  /** Lets people open shells through Session Manager, on images that bring the SSM agent (Debian's has none). Live. @default false */
  readonly sessionManager?: boolean;
  /** Whether one zone is enough. Does nothing by itself. @default false */
  readonly allowOneZone?: boolean;
  /** Whether `pulumi destroy` may delete the cluster, volumes included. It takes one `up` before a destroy. @default false */
  readonly allowDestroy?: boolean;
  /** Lets 0.0.0.0/0, or public blocks bigger than a /8, stand in `clientCidrs` and `sshCidrs`. Does nothing by itself. @default false */
  readonly exposeToTheWholeInternet?: boolean;
  /** Further tags of every resource. Live. @default {} */
  readonly tags?: Readonly<Record<string, string>>;
}
