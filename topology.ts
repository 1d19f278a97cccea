/** The declaration laid out as nodes: pure, deterministic, the same answer for ever for the same node. */

import type { AwsConfig, LocalConfig, SshConfig, SshServer } from "./config";
import { awsAddress } from "./topology/aws";
import { count } from "./topology/count";
import { nodeName } from "./topology/names";
import { placeServers } from "./topology/servers";

/** Distance between a node's data port and its bus port; fixed by Redis up to 6.2, the default after. */
export const BUS_PORT_OFFSET = 10_000;

/** Most shards that the port plan of the local target has room for. */
export const MAX_LOCAL_SHARDS = 50;

const SLOTS = 16_384;

/** Data port of a node in AWS; security groups open it by number. */
const AWS_PORT = 6379;

/** One node to be. Names and addresses are unique in the cluster. */
export interface PlannedNode {
  /** The server's name; on the local target `shard-<number from 1>-<member letter>`: "shard-1-a" is the first shard's primary. */
  readonly name: string;
  /** Index of the shard, from 0. */
  readonly shard: number;
  /** 0 is the preferred primary, 1 and up are replicas. */
  readonly member: number;
  readonly zone: string;
  readonly host: string;
  readonly port: number;
  readonly busPort: number;
  /** Absolute folder of the node's data. */
  readonly dir: string;
}

/** Every node, ordered by shard, then member. */
export interface Topology {
  readonly nodes: readonly PlannedNode[];
  /** Placement that is legal and yet loses the cluster with one zone. Also in `KitConfig.warnings`. */
  readonly warnings: readonly string[];
}

/** Inclusive range of slots, 0 to 16383. */
interface SlotRange {
  readonly start: number;
  readonly end: number;
}

type Shape = "target" | "shards" | "replicasPerShard" | "zones" | "dataDirectory";
export type LocalLayout = Pick<LocalConfig, Shape | "host" | "basePort">;
type SshLayout = Pick<SshConfig, Shape | "servers" | "redisPort">;

type AwsLayout = Pick<AwsConfig, Shape> & {
  readonly aws: Pick<AwsConfig["aws"], "subnets" | "addressOffset">;
};

/** What `layOut` needs of the configuration. */
export type LayoutInput = LocalLayout | SshLayout | AwsLayout;

/** Lays the declared cluster out. Adding shards or replicas never moves a node that was there before. */
export function layOut(config: LayoutInput): Topology {
  const nodes = nodesOf(config);
  const warnings = placementWarnings(config.shards, config.replicasPerShard, config.zones);
  return Object.freeze({ nodes: Object.freeze(nodes), warnings: Object.freeze(warnings) });
}

function nodesOf(config: LayoutInput): PlannedNode[] {
  switch (config.target) {
    case "local":
      return localNodes(config);
    case "ssh":
      return serverNodes(config);
    case "aws":
      return awsNodes(config);
    default:
      return unknownTarget(config);
  }
}

function localNodes(config: LocalLayout): PlannedNode[] {
  const nodes: PlannedNode[] = [];
  for (let shard = 0; shard < config.shards; shard++) {
    for (let member = 0; member <= config.replicasPerShard; member++)
      nodes.push(planNode(config, shard, member));
  }
  return nodes;
}

/** One node a server, under the server's name. None at all where the servers cannot be placed: the configuration says so. */
function serverNodes(config: SshLayout): PlannedNode[] {
  const shards = placeServers<SshServer>(config.servers, config.replicasPerShard + 1) ?? [];
  return shards.flatMap((servers, shard) =>
    servers.map((server, member) =>
      Object.freeze({
        name: server.name,
        shard,
        member,
        zone: server.zone,
        host: server.announce,
        port: config.redisPort,
        busPort: config.redisPort + BUS_PORT_OFFSET,
        dir: config.dataDirectory,
      }),
    ),
  );
}

function awsNodes(config: AwsLayout): PlannedNode[] {
  const { shards, replicasPerShard, zones, dataDirectory } = config;
  return Array.from({ length: shards }, (_, shard) =>
    Array.from({ length: replicasPerShard + 1 }, (__, member) => {
      const zone = zones[zoneIndex(shard, member, zones.length)] ?? "";
      const host = awsAddress(config.aws, { shard, member, zone });
      const ports = { port: AWS_PORT, busPort: AWS_PORT + BUS_PORT_OFFSET };
      return Object.freeze({
        name: nodeName(shard, member),
        shard,
        member,
        zone,
        host,
        ...ports,
        dir: dataDirectory,
      });
    }),
  ).flat();
}

function unknownTarget(config: never): never {
  throw new Error(`unknown target: ${JSON.stringify(config)}`);
}

function planNode(config: LocalLayout, shard: number, member: number): PlannedNode {
  const name = nodeName(shard, member);
  const port = localPort(config.basePort, shard, member);
  return Object.freeze({
    name,
    shard,
    member,
    zone: config.zones[zoneIndex(shard, member, config.zones.length)] ?? "",
    host: config.host,
    port,
    busPort: port + BUS_PORT_OFFSET,
    dir: `${config.dataDirectory}/${name}`,
  });
}

/**
 * Data port of a node on the local target. The first six are the usual ones (3 primaries, then their replicas); every
 * further shard takes the next two; a second replica starts a new hundred. So a port never depends on how many
 * shards or replicas there are.
 */
export function localPort(basePort: number, shard: number, member: number): number {
  if (member >= 2) return basePort + 100 * (member - 1) + shard;
  if (shard < 3) return basePort + 3 * member + shard;
  return basePort + 6 + 2 * (shard - 3) + member;
}

/**
 * Index of the zone of a node. Primaries go round the zones. The replicas of a shard take the zones after its
 * primary's, starting one later on every round, so that the replicas spread as evenly as the primaries do.
 * The members of a shard are in distinct zones as long as there are as many zones as members.
 */
export function zoneIndex(shard: number, member: number, zoneCount: number): number {
  const primaryZone = shard % zoneCount;
  if (member === 0 || zoneCount === 1) return primaryZone;
  const round = Math.floor(shard / zoneCount);
  const offset = 1 + ((round + member - 1) % (zoneCount - 1));
  return (primaryZone + offset) % zoneCount;
}

/** Lines for placements in which the loss of one zone is more than the cluster can take. */
export function placementWarnings(
  shards: number,
  replicasPerShard: number,
  zones: readonly string[],
): string[] {
  const warnings: string[] = [];
  const members = replicasPerShard + 1;
  if (members > zones.length) {
    warnings.push(
      `${members} members per shard over ${count(zones.length, "zone")}: some members of a shard share a zone and are lost together. ` +
        `Declare at least ${count(members, "zone")}, or at most ${count(zones.length - 1, "replica")} per shard.`,
    );
  }
  const inFirstZone = Math.ceil(shards / zones.length);
  const majority = Math.floor(shards / 2) + 1;
  if (shards - inFirstZone < majority) {
    warnings.push(
      `Zone "${zones[0]}" holds ${inFirstZone} of ${shards} primaries: when it is lost, the others are no majority and no failover happens. ` +
        `Declare an odd number of shards and at least three zones.`,
    );
  }
  return warnings;
}

/**
 * Splits the 16384 slots by weight, one list of ranges a shard, in order. The borders are the rounded running sums,
 * as redis-cli draws them (3 shards: 0-5460, 5461-10922, 10923-16383), so every shard gets its exact share to within
 * one slot. `shares` is a number of equal shards or one positive weight a shard.
 */
export function assignSlots(shares: number | readonly number[]): SlotRange[][] {
  const weights = typeof shares === "number" ? Array.from({ length: shares }, () => 1) : shares;
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  let running = 0;
  let start = 0;
  return weights.map((weight) => {
    running += weight;
    const next = Math.round((running / total) * SLOTS);
    const range = { start, end: next - 1 };
    start = next;
    return range.end >= range.start ? [range] : [];
  });
}
