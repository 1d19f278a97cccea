/** What must hold of a cluster: at every moment, and when it has come to rest. Answers are sentences, empty is good. */
import { SLOT_COUNT } from "../../../cluster/spec";
import type { FakeCluster } from "./cluster";
import type { Server } from "./server";
import { findSlot, rangesOf } from "./slot-set";

function runningServers(fake: FakeCluster): Server[] {
  return fake.allNodes().flatMap((node) => (node.server?.alive && !node.server.loading ? [node.server] : []));
}

/** Holds at every moment, whoever was killed when. */
export function checkAlways(fake: FakeCluster): string[] {
  const servers = runningServers(fake);
  return [...sameEpochClaims(servers), ...misplaced(fake, servers), ...fake.surprises];
}

/** Two nodes that claim one slot under one epoch can not be told apart by anybody: a split that heals by chance. */
function sameEpochClaims(servers: readonly Server[]): string[] {
  const owners = servers.map((server) => server.cluster.myself).filter((myself) => myself.slots.count > 0);
  const found: string[] = [];
  for (const [index, one] of owners.entries()) {
    for (const other of owners.slice(index + 1)) {
      if (one.configEpoch !== other.configEpoch) continue;
      const slot = findSlot(one.slots.freeze(), (each) => other.slots.has(each));
      if (slot !== undefined) {
        found.push(`slot ${slot} is claimed by ${one.port} and ${other.port} under epoch ${one.configEpoch}`);
      }
    }
  }
  return found;
}

/** A replica in its primary's zone, where the declaration keeps the shard's members apart. */
function misplaced(fake: FakeCluster, servers: readonly Server[]): string[] {
  return servers.flatMap((server) => {
    const { myself } = server.cluster;
    const primary = myself.primary && servers.find((other) => other.cluster.myself.id === myself.primary?.id);
    if (!primary || fake.node(primary.name).zone !== fake.node(server.name).zone) return [];
    if (!declaredApart(fake, server.name, primary.name)) return [];
    return [`${server.name} follows ${primary.name} in the same zone`];
  });
}

/** Whether the declaration keeps these two apart. A node that leaves may follow whom it likes. */
function declaredApart(fake: FakeCluster, a: string, b: string): boolean {
  const [one, other] = [a, b].map((name) => fake.spec.nodes.find((node) => node.name === name));
  return one !== undefined && other !== undefined && (one.shard !== other.shard || one.zone !== other.zone);
}

/** Holds when the engine has said that it is done: everybody agrees, and the cluster is as declared. */
export function checkConverged(fake: FakeCluster): string[] {
  const found = [...checkAlways(fake)];
  const servers: Server[] = [];
  for (const node of fake.spec.nodes) {
    const { server } = fake.node(node.name);
    if (server?.alive) servers.push(server);
    else found.push(`${node.name} does not run`);
  }
  for (const server of servers) found.push(...oddities(fake, server, servers));
  return found;
}

function oddities(fake: FakeCluster, server: Server, servers: readonly Server[]): string[] {
  const { cluster, replication, name } = server;
  const found: string[] = [];
  const say = (text: string) => found.push(`${name}: ${text}`);
  if (!cluster.ok) say("cluster_state is fail");
  if (cluster.assigned !== SLOT_COUNT) say(`${cluster.assigned} slots are assigned`);
  if (cluster.migrating.size + cluster.importing.size > 0) say("has open slots");
  // A greeting of a node that is known already leaves a handshake for a moment.
  const known = [...cluster.nodes.values()].filter((peer) => !peer.inHandshake).length;
  if (known !== servers.length) say(`knows ${known} nodes of ${servers.length}`);
  for (const other of servers) {
    const seen = cluster.lookup(other.cluster.myself.id);
    const { myself } = other.cluster;
    if (!seen) say(`does not know ${other.name}`);
    else if (seen.slots.text() !== myself.slots.text() || seen.primary?.id !== myself.primary?.id) {
      say(
        `sees ${other.name} as ${seen.primary ? "replica" : "primary"} of ${seen.slots.text() || "nothing"}`,
      );
    }
  }
  if (cluster.myself.isReplica && !replication.linkUp) say(`its link is ${replication.state}`);
  found.push(...strayKeys(server));
  found.push(...undeclared(fake, server));
  return found;
}

/** Settings, release and passwords that are not as declared. */
function undeclared(fake: FakeCluster, server: Server): string[] {
  const { spec } = fake;
  const { accounts, config, name, release } = server;
  const found: string[] = [];
  const declared = spec.nodes.find((node) => node.name === name);
  const wanted = { "cluster-node-timeout": String(spec.nodeTimeoutMs), ...declared?.directives };
  for (const [directive, value] of Object.entries(wanted)) {
    const live = config.get(directive);
    if (live !== value) found.push(`${name}: ${directive} is ${live} instead of ${value}`);
  }
  if (release.version !== spec.version)
    found.push(`${name}: runs ${release.version} instead of ${spec.version}`);
  if (accounts.open !== (spec.password === ""))
    found.push(`${name}: is ${accounts.open ? "" : "not "}open to everybody`);
  if (spec.password !== "" && accounts.refusal([spec.password]))
    found.push(`${name}: refuses the declared password`);
  for (const old of spec.keepPreviousPasswords ? [] : spec.previousPasswords) {
    if (!accounts.refusal([old])) found.push(`${name}: still takes a former password`);
  }
  if (config.get("masterauth") !== spec.password) found.push(`${name}: would not be let in by its primary`);
  return found;
}

/** Keys that no client can reach, because the node does not own their slot. */
function strayKeys(server: Server): string[] {
  const { cluster, db, name } = server;
  if (cluster.myself.isReplica) return [];
  const stray = db.usedSlots().filter((slot) => cluster.owners[slot] !== cluster.myself);
  return stray.length > 0 ? [`${name}: holds keys of ${stray.length} slots that it does not own`] : [];
}

/** Number of shards' primaries in each zone, for placement tests. */
export function slotsByNode(fake: FakeCluster): Map<string, [number, number][]> {
  return new Map(
    runningServers(fake).map(
      (server) => [server.name, rangesOf(server.cluster.myself.slots.freeze())] as const,
    ),
  );
}
