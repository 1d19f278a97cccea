/** What differs between the Redis releases that the fake can be. */

export const VERSIONS = ["5.0.6", "5.0.14", "6.2.14", "7.0.15"] as const;
export type RedisVersion = (typeof VERSIONS)[number];

export interface Release {
  readonly version: RedisVersion;
  /** Key of the table of configuration directives. */
  readonly line: "5.0" | "6.2" | "7.0";
  /** ACL users, AUTH with a user name, WRONGPASS. */
  readonly acl: boolean;
  /** A replica dials its primary at once instead of at the next run of the replication cron (6.2). */
  readonly dialsAtOnce: boolean;
  /** An unknown node in gossip is added under its id; before 5.0.10 the address was shaken hands with, whoever was there. */
  readonly gossipAddsById: boolean;
  /** A manual failover goes on when its messages arrive instead of at the next cron run, and pauses writes only (6.2). */
  readonly fastManualFailover: boolean;
  /** `cluster-allow-replica-migration` exists (6.2). */
  readonly migrationSwitch: boolean;
  /** The new owner of an imported slot tells all nodes at once (6.2). */
  readonly broadcastsImport: boolean;
  /** SETSLOT refuses replicas as other side; the source turns replica at SETSLOT NODE of its last slot; no sub-replicas (7.0). */
  readonly strictSetslot: boolean;
  /** CLUSTER NODES shows the primary's epoch on a replica's line (6.2). */
  readonly replicaShowsPrimaryEpoch: boolean;
  /** Any bus data counts as a sign of life, not pongs alone (6.2). */
  readonly dataIsLife: boolean;
  /** Replicas spread the FAIL message too (6.2). */
  readonly replicaSendsFail: boolean;
  /** Newest RDB format that it reads, and the one that it writes. */
  readonly rdbFormat: number;
  /** SHUTDOWN waits for lagging replicas (7.0). */
  readonly shutdownWaits: boolean;
}

const OLDEST = {
  line: "5.0",
  acl: false,
  dialsAtOnce: false,
  gossipAddsById: false,
  fastManualFailover: false,
  migrationSwitch: false,
  broadcastsImport: false,
  strictSetslot: false,
  replicaShowsPrimaryEpoch: false,
  dataIsLife: false,
  replicaSendsFail: false,
  shutdownWaits: false,
  rdbFormat: 9,
} as const;

const LINE_6 = {
  line: "6.2",
  acl: true,
  dialsAtOnce: true,
  gossipAddsById: true,
  fastManualFailover: true,
  migrationSwitch: true,
  broadcastsImport: true,
  strictSetslot: false,
  replicaShowsPrimaryEpoch: true,
  dataIsLife: true,
  replicaSendsFail: true,
  shutdownWaits: false,
  rdbFormat: 9,
} as const;

export function releaseOf(version: RedisVersion): Release {
  switch (version) {
    case "5.0.6":
      return { ...OLDEST, version };
    case "5.0.14":
      return { ...OLDEST, version, gossipAddsById: true };
    case "6.2.14":
      return { ...LINE_6, version };
    case "7.0.15":
      return { ...LINE_6, version, line: "7.0", strictSetslot: true, shutdownWaits: true, rdbFormat: 10 };
  }
}
