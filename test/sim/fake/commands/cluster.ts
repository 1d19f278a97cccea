/** CLUSTER: who is in the cluster, and in which role. */
import { startHandshake } from "../bus/gossip";
import { startManualFailover } from "../bus/send";
import { MANUAL_FAILOVER_MS, replacePrimary, resetManualFailover } from "../failover";
import type { Peer } from "../peer";
import type { Server } from "../server";
import { Failure, integer, OK, Status, type Value } from "../value";
import { clusterInfo, clusterNodes, clusterSlots, nodeLine } from "./cluster-report";
import { SLOT_SUBCOMMANDS } from "./cluster-slots";
import { runSubcommand, type Subcommand } from "./subcommands";
import type { Call, CommandSpec } from "./table";

const SYNTAX_ERROR = "ERR syntax error";

function known(call: Call): Peer {
  const id = call.argv[2] ?? "";
  const peer = call.server.cluster.lookup(id);
  if (!peer) throw new Failure(`ERR Unknown node ${id}`);
  return peer;
}

function changed(server: Server): void {
  server.todo.save = server.todo.update = true;
}

function meet({ server, argv }: Call): Value {
  const [, , ip = "", port = "", bus] = argv;
  if (!/^\d+$/.test(port)) throw new Failure(`ERR Invalid TCP base port specified: ${port}`);
  if (bus !== undefined && !/^\d+$/.test(bus))
    throw new Failure(`ERR Invalid TCP bus port specified: ${bus}`);
  const result = startHandshake(
    server,
    ip,
    Number(port),
    bus === undefined ? Number(port) + 10000 : Number(bus),
  );
  if (result === "invalid") throw new Failure(`ERR Invalid node address specified: ${ip}:${port}`);
  return OK;
}

function forget(call: Call): Value {
  const { server } = call;
  const { myself } = server.cluster;
  const peer = known(call);
  if (peer === myself) throw new Failure("ERR I tried hard but I can't forget myself...");
  if (myself.isReplica && myself.primary === peer) throw new Failure("ERR Can't forget my master!");
  server.cluster.forget(peer);
  changed(server);
  return OK;
}

function replicate(call: Call): Value {
  const { server } = call;
  const { myself } = server.cluster;
  const peer = known(call);
  if (peer === myself) throw new Failure("ERR Can't replicate myself");
  if (peer.isReplica) throw new Failure("ERR I can only replicate a master, not a replica.");
  if (myself.isPrimary && (myself.slots.count > 0 || server.db.size > 0)) {
    throw new Failure("ERR To set a master the node must be empty and without assigned slots.");
  }
  server.followPrimary(peer);
  changed(server);
  return OK;
}

function replicas(call: Call): Value {
  const peer = known(call);
  if (peer.isReplica) throw new Failure("ERR The specified node is not a master");
  return peer.replicas.map((replica) => nodeLine(call.server, replica));
}

function failover({ server, argv }: Call): Value {
  const { cluster } = server;
  const { myself } = cluster;
  const mode = argv[2]?.toLowerCase();
  if (mode !== undefined && mode !== "force" && mode !== "takeover") throw new Failure(SYNTAX_ERROR);
  if (myself.isPrimary) throw new Failure("ERR You should send CLUSTER FAILOVER to a replica");
  const { primary } = myself;
  if (!primary) throw new Failure("ERR I'm a replica but my master is unknown to me");
  if (mode === undefined && (primary.failed || !primary.link)) {
    throw new Failure("ERR Master is down or failed, please use CLUSTER FAILOVER FORCE");
  }
  if (mode !== undefined) noteRecklessness(server, primary);
  resetManualFailover(server);
  cluster.failover.manualEndMs = server.now() + MANUAL_FAILOVER_MS;
  if (mode === "takeover") {
    cluster.bumpEpoch();
    replacePrimary(server);
  } else if (mode === "force") cluster.failover.manualCanStart = true;
  else startManualFailover(server, primary);
  return OK;
}

/** How long a new primary may be unknown to an engine that is about to depose it, in ms. */
const NEWS_MS = 100;

/** Deposing a primary that works, without matching its offset, loses what it has acknowledged: the engine must never ask for it. */
function noteRecklessness(server: Server, primary: Peer): void {
  const other = server.network.dataAt(primary.ip, primary.port);
  const works =
    other?.alive && !other.frozen && other.cluster.myself.isPrimary && other.cluster.myself.slots.count > 0;
  if (works && server.now() - server.followsSinceMs > NEWS_MS) {
    server.node.cluster.surprises.push(`${server.name}: forced failover against ${other.name}, which works`);
  }
}

function setConfigEpoch({ server, argv }: Call): Value {
  const { cluster } = server;
  const epoch = integer(argv[2]);
  if (epoch < 0) throw new Failure(`ERR Invalid config epoch specified: ${epoch}`);
  if (cluster.nodes.size > 1) {
    throw new Failure(
      "ERR The user can assign a config epoch only when the node does not know any other node.",
    );
  }
  if (cluster.myself.configEpoch !== 0) throw new Failure("ERR Node config epoch is already non-zero");
  cluster.myself.configEpoch = epoch;
  cluster.currentEpoch = Math.max(cluster.currentEpoch, epoch);
  changed(server);
  return OK;
}

function reset({ server, argv }: Call): Value {
  const { cluster, db, replication } = server;
  const { myself } = cluster;
  const mode = argv[2]?.toLowerCase() ?? "soft";
  if (mode !== "soft" && mode !== "hard") throw new Failure(SYNTAX_ERROR);
  if (myself.isPrimary && db.size > 0) {
    throw new Failure("ERR CLUSTER RESET can't be called with master nodes containing keys");
  }
  if (myself.isReplica) {
    cluster.makePrimary(myself);
    replication.unsetPrimary();
    db.clear();
  }
  cluster.closeAllSlots();
  resetManualFailover(server);
  for (let slot = 0; slot < cluster.owners.length; slot++) cluster.deleteSlot(slot);
  for (const peer of [...cluster.nodes.values()]) if (peer !== myself) cluster.deleteNode(peer);
  if (mode === "hard") {
    cluster.currentEpoch = 0;
    cluster.lastVoteEpoch = 0;
    myself.configEpoch = 0;
    cluster.rename(myself, server.random.hex(40));
  }
  changed(server);
  return OK;
}

function bumpEpoch({ server }: Call): Value {
  const bumped = server.cluster.bumpEpoch();
  if (bumped) server.todo.save = true;
  return new Status(`${bumped ? "BUMPED" : "STILL"} ${server.cluster.myself.configEpoch}`);
}

const SUBCOMMANDS: Readonly<Record<string, Subcommand>> = {
  ...SLOT_SUBCOMMANDS,
  myid: { argc: [2, 2], run: ({ server }) => server.cluster.myself.id },
  info: { argc: [2, 2], run: ({ server }) => clusterInfo(server) },
  nodes: { argc: [2, 2], run: ({ server }) => clusterNodes(server) },
  slots: { argc: [2, 2], run: ({ server }) => clusterSlots(server) },
  meet: { argc: [4, 5], run: meet },
  forget: { argc: [3, 3], run: forget },
  replicate: { argc: [3, 3], run: replicate },
  replicas: { argc: [3, 3], run: replicas },
  slaves: { argc: [3, 3], run: replicas },
  failover: { argc: [2, 3], run: failover },
  "set-config-epoch": { argc: [3, 3], run: setConfigEpoch },
  reset: { argc: [2, 3], run: reset },
  bumpepoch: { argc: [2, 2], run: bumpEpoch },
  saveconfig: {
    argc: [2, 2],
    run: ({ server }) => {
      server.save();
      return OK;
    },
  },
  "count-failure-reports": {
    argc: [3, 3],
    run: (call) => call.server.cluster.failureReports(known(call), call.server.nodeTimeoutMs),
  },
};

export const CLUSTER_COMMANDS: Readonly<Record<string, CommandSpec>> = {
  cluster: { arity: -2, run: (call) => runSubcommand(call, SUBCOMMANDS) },
};
