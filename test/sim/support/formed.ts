/** A healthy cluster without the trouble of making one: every node finds the finished cluster in its nodes.conf. */
import { initialRanges } from "../../../cluster/slots";
import type { ClusterSpec } from "../../../cluster/spec";
import { checkConverged } from "../fake/check";
import { FakeCluster, type FakeOptions } from "../fake/cluster";
import type { NodesFile, SavedPeer } from "../fake/disk";
import { Flag } from "../fake/peer";
import { Random } from "../fake/random";
import { NO_SLOTS, slotsIn } from "../fake/slot-set";

/** Starts all nodes at once, as after a power cut, and waits until they serve and every replica is in sync. */
export async function formed(options: FakeOptions): Promise<FakeCluster> {
  const fake = new FakeCluster(options);
  const { spec } = options;
  const peers = savedPeers(spec, new Random(options.seed));
  for (const node of spec.nodes) {
    const own = fake.node(node.name);
    fake.prepare(own);
    own.disk.nodes = nodesFileOf(node.name, peers, spec);
    own.spawn();
  }
  await fake.until("the cluster to serve", () => checkConverged(fake).length === 0);
  return fake;
}

function savedPeers(spec: ClusterSpec, random: Random): Map<string, SavedPeer> {
  const ranges = initialRanges(spec.shards.map((shard) => shard.weight));
  const ids = new Map(spec.nodes.map((node) => [node.name, random.hex(40)]));
  return new Map(
    spec.nodes.map((node) => {
      const leader = spec.nodes.find((other) => other.shard === node.shard && other.member === 0);
      const primary = node.member === 0;
      const range = ranges[node.shard];
      const peer: SavedPeer = {
        id: ids.get(node.name) ?? "",
        ip: node.host,
        port: node.port,
        busPort: node.busPort,
        flags: primary ? Flag.primary : Flag.replica,
        primaryId: primary ? undefined : ids.get(leader?.name ?? ""),
        configEpoch: primary ? node.shard + 1 : 0,
        slots: primary && range ? slotsIn([range]) : NO_SLOTS,
        pingSent: false,
        pongReceived: true,
      };
      return [node.name, peer] as const;
    }),
  );
}

function nodesFileOf(name: string, peers: ReadonlyMap<string, SavedPeer>, spec: ClusterSpec): NodesFile {
  const own = peers.get(name);
  if (!own) throw new Error(`${name} is not declared`);
  const all = [...peers.values()].map((peer) =>
    peer === own ? { ...own, flags: own.flags | Flag.myself } : peer,
  );
  return {
    myId: own.id,
    currentEpoch: spec.shards.length,
    lastVoteEpoch: 0,
    peers: all,
    migrating: [],
    importing: [],
  };
}
