/**
 * MIGRATE. The source waits for the target's answer with everything else, so the whole of it is one event here, and the
 * source is busy for as long as the transfer takes. What can go wrong between the two is played by faults:
 * the answer gets lost (both have the key), or the source dies before it deletes (the same, after a restart).
 */
import { type Entry, memoryOf, slotOf } from "../database";
import type { Server } from "../server";
import { Failure, integer, OK, Status, type Value } from "../value";
import type { Call, CommandSpec } from "./table";

interface Options {
  copy: boolean;
  replace: boolean;
  password: string | undefined;
  user: string | undefined;
  keys: readonly string[];
}

/** Bytes that travel in a millisecond. */
const BYTES_PER_MS = 100_000;

function parse(argv: readonly string[], acl: boolean): Options {
  const options: Options = {
    copy: false,
    replace: false,
    password: undefined,
    user: undefined,
    keys: argv.slice(3, 4),
  };
  for (let i = 6; i < argv.length; i++) {
    const word = (argv[i] ?? "").toLowerCase();
    const left = argv.length - 1 - i;
    if (word === "copy") options.copy = true;
    else if (word === "replace") options.replace = true;
    else if (word === "auth" && left >= 1) options.password = argv[++i];
    else if (word === "auth2" && acl && left >= 2) {
      options.user = argv[++i];
      options.password = argv[++i];
    } else if (word === "keys") {
      if (argv[3] !== "") {
        throw new Failure(
          "ERR When using MIGRATE KEYS option, the key argument must be set to the empty string",
        );
      }
      options.keys = argv.slice(i + 1);
      break;
    } else throw new Failure("ERR syntax error");
  }
  return options;
}

/** Where the keys are in the arguments, for the redirection. */
function keysOf(argv: readonly string[]): readonly string[] {
  if (argv[3] !== "") return argv.slice(3, 4);
  const at = argv.findIndex((word, index) => index > 5 && word.toLowerCase() === "keys");
  return at < 0 ? [] : argv.slice(at + 1);
}

function migrate({ server, argv }: Call): Value {
  const options = parse(argv, server.release.acl);
  const timeoutMs = integer(argv[5]) > 0 ? integer(argv[5]) : 1000;
  const db = integer(argv[4]);
  const here = options.keys.flatMap((key) => {
    const entry = server.db.get(key);
    return entry ? [{ key, entry }] : [];
  });
  if (here.length === 0) return new Status("NOKEY");
  const target = reach(server, argv[1] ?? "", Number(argv[2]), timeoutMs);
  const sentBytes = here.reduce((sum, { key, entry }) => sum + memoryOf(key, entry), 0);
  const travelMs = server.network.latency() * 2 + sentBytes / BYTES_PER_MS;
  server.busyFor(Math.min(travelMs, timeoutMs));
  target.busyFor(sentBytes / BYTES_PER_MS);
  if (db !== 0) throw fromTarget("ERR SELECT is not allowed in cluster mode");
  const refusal = letIn(server, target, options);
  if (refusal) throw fromTarget(refusal);
  const lost = travelMs > timeoutMs || server.node.cluster.faults.losesMigrateReply();
  return transfer(server, target, here, options, lost);
}

function transfer(
  server: Server,
  target: Server,
  here: readonly { key: string; entry: Entry }[],
  options: Options,
  lost: boolean,
): Value {
  let error: string | undefined;
  const moved: string[] = [];
  for (const { key, entry } of here) {
    const refusal = restore(target, key, entry, options.replace);
    error ??= refusal;
    if (!refusal) moved.push(key);
  }
  if (lost) throw new Failure("IOERR error or timeout reading to target instance");
  if (!options.copy && moved.length > 0) server.write({ kind: "delete", keys: moved });
  if (error) throw fromTarget(error);
  return OK;
}

function reach(server: Server, host: string, port: number, timeoutMs: number): Server {
  const target = server.network.dataAt(host, port);
  if (target && server.network.between(server, target) && !target.frozen && target !== server) return target;
  // Refused at once by a stopped process; silence takes the whole timeout.
  if (target) server.busyFor(timeoutMs);
  // A connection that is being refused is taken for an open one, and fails at writing.
  const how = target ? "connecting to the client" : "writing to target instance";
  throw new Failure(`IOERR error or timeout ${how}`);
}

/** Connections to targets are kept for ten seconds, and with them who they were let in as. */
const KEEP_SOCKET_MS = 10_000;

function letIn(server: Server, target: Server, options: Options): string | undefined {
  const { accounts, release } = target;
  const kept = server.migrateSockets.get(target);
  const fresh = kept && server.now() - kept.usedMs <= KEEP_SOCKET_MS;
  const socket = fresh ? kept : { usedMs: 0, authenticated: release.acl && accounts.open };
  socket.usedMs = server.now();
  server.migrateSockets.set(target, socket);
  if (options.password !== undefined) {
    const args = options.user === undefined ? [options.password] : [options.user, options.password];
    const refusal = accounts.refusal(args);
    if (!refusal) socket.authenticated = true;
    else if (!release.acl && !accounts.open) socket.authenticated = false;
    return refusal;
  }
  return accounts.open || socket.authenticated ? undefined : "NOAUTH Authentication required.";
}

/** RESTORE-ASKING on the target. @returns its error reply */
function restore(target: Server, key: string, entry: Entry, replace: boolean): string | undefined {
  const { cluster, db } = target;
  const slot = slotOf(key);
  const owner = cluster.owners[slot];
  if (!owner) return "CLUSTERDOWN Hash slot not served";
  if (!cluster.ok) return "CLUSTERDOWN The cluster is down";
  if (owner !== cluster.myself && !cluster.importing.has(slot))
    return `MOVED ${slot} ${owner.ip}:${owner.port}`;
  const away = cluster.migrating.get(slot);
  if (owner === cluster.myself && away && !db.get(key)) return `ASK ${slot} ${away.ip}:${away.port}`;
  if (target.loading) return "LOADING Redis is loading the dataset in memory";
  if (target.full()) return "OOM command not allowed when used memory > 'maxmemory'.";
  if (db.get(key) && !replace) return "BUSYKEY Target key name already exists.";
  target.write({ kind: "set", key, entry });
  return undefined;
}

function fromTarget(text: string): Failure {
  return new Failure(`ERR Target instance replied with error: ${text}`);
}

export const MIGRATE_COMMANDS: Readonly<Record<string, CommandSpec>> = {
  migrate: { arity: -6, write: true, keys: keysOf, run: migrate },
};
