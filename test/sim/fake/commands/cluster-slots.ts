/** CLUSTER subcommands about slots and the keys in them. */
import { SLOT_COUNT } from "../../../../cluster/spec";
import { broadcastPong } from "../bus/send";
import { slotOf } from "../database";
import type { Peer } from "../peer";
import type { Server } from "../server";
import { Failure, integer, OK, type Value } from "../value";
import { ANY, type Subcommand } from "./subcommands";
import type { Call } from "./table";

function slotNumber(text: string | undefined): number {
  const slot = text !== undefined && /^-?\d{1,18}$/.test(text) ? Number(text) : -1;
  if (slot < 0 || slot >= SLOT_COUNT) throw new Failure("ERR Invalid or out of range slot");
  return slot;
}

function changeSlots(server: Server, slots: readonly number[], remove: boolean): Value {
  const { cluster } = server;
  for (const slot of slots) {
    cluster.importing.delete(slot);
    if (remove) cluster.deleteSlot(slot);
    else cluster.addSlot(cluster.myself, slot);
  }
  server.todo.save = server.todo.update = true;
  return OK;
}

function checkSlot(server: Server, slot: number, remove: boolean, seen: Set<number>): void {
  const owner = server.cluster.owners[slot];
  if (remove && !owner) throw new Failure(`ERR Slot ${slot} is already unassigned`);
  if (!remove && owner) throw new Failure(`ERR Slot ${slot} is already busy`);
  if (seen.has(slot)) throw new Failure(`ERR Slot ${slot} specified multiple times`);
  seen.add(slot);
}

function listOfSlots(remove: boolean) {
  return ({ server, argv }: Call): Value => {
    const seen = new Set<number>();
    const given = argv.slice(2);
    if (server.release.line === "7.0") for (const text of given) slotNumber(text);
    for (const text of given) checkSlot(server, slotNumber(text), remove, seen);
    return changeSlots(server, [...seen], remove);
  };
}

function rangesOfSlots(remove: boolean) {
  return ({ server, argv }: Call): Value => {
    const name = (argv[1] ?? "").toLowerCase();
    if (server.release.line !== "7.0") {
      throw new Failure(
        `ERR Unknown subcommand or wrong number of arguments for '${argv[1]}'. Try CLUSTER HELP.`,
      );
    }
    if (argv.length % 2 === 1)
      throw new Failure(`ERR wrong number of arguments for 'cluster|${name}' command`);
    const seen = new Set<number>();
    for (let i = 2; i < argv.length; i += 2) {
      const start = slotNumber(argv[i]);
      const end = slotNumber(argv[i + 1]);
      if (start > end)
        throw new Failure(`ERR start slot number ${start} is greater than end slot number ${end}`);
      for (let slot = start; slot <= end; slot++) checkSlot(server, slot, remove, seen);
    }
    return changeSlots(server, [...seen], remove);
  };
}

function setSlot(call: Call): Value {
  const { server, argv } = call;
  const { cluster } = server;
  if (cluster.myself.isReplica) throw new Failure("ERR Please use SETSLOT only with masters.");
  const slot = slotNumber(argv[2]);
  const action = (argv[3] ?? "").toLowerCase();
  if (action === "migrating" && argv.length === 5) {
    if (cluster.owners[slot] !== cluster.myself)
      throw new Failure(`ERR I'm not the owner of hash slot ${slot}`);
    cluster.migrating.set(slot, otherSide(server, argv[4] ?? ""));
  } else if (action === "importing" && argv.length === 5) {
    if (cluster.owners[slot] === cluster.myself) {
      throw new Failure(`ERR I'm already the owner of hash slot ${slot}`);
    }
    cluster.importing.set(slot, otherSide(server, argv[4] ?? ""));
  } else if (action === "stable" && argv.length === 4) {
    cluster.importing.delete(slot);
    cluster.migrating.delete(slot);
  } else if (action === "node" && argv.length === 5) giveSlot(server, slot, argv[4] ?? "");
  else throw new Failure("ERR Invalid CLUSTER SETSLOT action or number of arguments. Try CLUSTER HELP");
  server.todo.save = server.todo.update = true;
  return OK;
}

function otherSide(server: Server, id: string): Peer {
  const peer = server.cluster.lookup(id);
  if (!peer) throw new Failure(`ERR I don't know about node ${id}`);
  if (server.release.strictSetslot && peer.isReplica) throw new Failure("ERR Target node is not a master");
  return peer;
}

function giveSlot(server: Server, slot: number, id: string): void {
  const { cluster, db, release } = server;
  const { myself } = cluster;
  const peer = cluster.lookup(id);
  if (!peer) throw new Failure(`ERR Unknown node ${id}`);
  if (release.strictSetslot && peer.isReplica) throw new Failure("ERR Target node is not a master");
  const mine = cluster.owners[slot] === myself;
  const keys = db.countInSlot(slot);
  if (mine && peer !== myself && keys > 0) {
    throw new Failure(
      `ERR Can't assign hashslot ${slot} to a different node while I still hold keys for this hash slot.`,
    );
  }
  if (keys === 0) cluster.migrating.delete(slot);
  const imported = peer === myself && cluster.importing.has(slot);
  // 5.0 bumps the epoch before the slot changes hands, 6.2 after it; outside there is no difference.
  cluster.deleteSlot(slot);
  cluster.addSlot(peer, slot);
  const emptied = mine && peer !== myself && myself.slots.count === 0;
  if (release.strictSetslot && emptied && server.config.flag("cluster-allow-replica-migration")) {
    server.followPrimary(peer);
  }
  if (!imported) return;
  cluster.bumpEpoch();
  cluster.importing.delete(slot);
  if (release.broadcastsImport) broadcastPong(server, "all");
}

function countKeys({ server, argv }: Call): Value {
  const slot = integer(argv[2]);
  if (slot < 0 || slot >= SLOT_COUNT) throw new Failure("ERR Invalid slot");
  return server.db.countInSlot(slot);
}

function getKeys({ server, argv }: Call): Value {
  const slot = integer(argv[2]);
  const limit = integer(argv[3]);
  if (slot < 0 || slot >= SLOT_COUNT || limit < 0) throw new Failure("ERR Invalid slot or number of keys");
  return server.db.keysInSlot(slot, limit);
}

function flushSlots({ server }: Call): Value {
  if (server.db.size > 0) throw new Failure("ERR DB must be empty to perform CLUSTER FLUSHSLOTS.");
  server.cluster.deleteSlotsOf(server.cluster.myself);
  server.todo.save = server.todo.update = true;
  return OK;
}

export const SLOT_SUBCOMMANDS: Readonly<Record<string, Subcommand>> = {
  addslots: { argc: [3, ANY], run: listOfSlots(false) },
  delslots: { argc: [3, ANY], run: listOfSlots(true) },
  addslotsrange: { argc: [4, ANY], run: rangesOfSlots(false) },
  delslotsrange: { argc: [4, ANY], run: rangesOfSlots(true) },
  setslot: { argc: [4, ANY], run: setSlot },
  countkeysinslot: { argc: [3, 3], run: countKeys },
  getkeysinslot: { argc: [4, 4], run: getKeys },
  keyslot: { argc: [3, 3], run: ({ argv }) => slotOf(argv[2] ?? "") },
  flushslots: { argc: [2, 2], run: flushSlots },
};
