/** MIGRATE, RESTORE and DUMP. The source stands still until the target has answered, as Redis's does. */
import { ServedClient } from "../client-session";
import { type Entry, memoryOf } from "../database";
import { dumpEntry, parseEntry } from "../payload";
import type { Server } from "../server";
import { Deferred, Failure, integer, OK, Status, type Value } from "../value";
import { Transfer } from "./migrate-transfer";
import type { Call, CommandSpec } from "./table";

export interface MigrateOptions {
  copy: boolean;
  replace: boolean;
  password: string | undefined;
  user: string | undefined;
  keys: readonly string[];
}

/** Bytes that travel, or are made a value of again, in a millisecond. */
export const BYTES_PER_MS = 100_000;

/** Connections to targets are kept for ten seconds, and with them who they were let in as. */
const KEEP_SOCKET_MS = 10_000;

function parse(argv: readonly string[], acl: boolean): MigrateOptions {
  const options: MigrateOptions = {
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

function migrate({ server, argv }: Call): Value | Deferred {
  const options = parse(argv, server.release.acl);
  const timeoutMs = integer(argv[5]) > 0 ? integer(argv[5]) : 1000;
  const db = integer(argv[4]);
  const here = options.keys.flatMap((key) => {
    const entry = server.db.get(key);
    return entry ? [{ key, entry }] : [];
  });
  if (here.length === 0) return new Status("NOKEY");
  const address = { host: argv[1] ?? "", port: Number(argv[2]) };
  return new Deferred((done) =>
    new Transfer(server, { address, options, timeoutMs, db, here }, done).start(),
  );
}

export interface MigrateSocket {
  readonly client: ServedClient;
  usedMs: number;
  /** Database that the target was last told to use. */
  db: number;
}

/** The kept connection to the target, or a new one. `broken` is called when the target ends it. */
export function migrateSocket(server: Server, target: Server, broken: () => void): MigrateSocket {
  const known = server.migrateSockets.get(target);
  if (known?.client.open && server.now() - known.usedMs <= KEEP_SOCKET_MS) {
    known.usedMs = server.now();
    known.client.onDisconnect = broken;
    return known;
  }
  known?.client.close();
  const client = new ServedClient(target, `${server.ip}:${30_000 + (server.pid % 2000)}`, broken);
  const socket = { client, usedMs: server.now(), db: -1 };
  server.migrateSockets.set(target, socket);
  return socket;
}

export function dropMigrateSocket(server: Server, target: Server): void {
  server.migrateSockets.get(target)?.client.close();
  server.migrateSockets.delete(target);
}

/** RESTORE key ttl payload [REPLACE] [ABSTTL] */
function restore({ server, argv }: Call): Value {
  const [, key = "", ttlText, payload = "", ...options] = argv;
  const words = options.map((word) => word.toLowerCase());
  if (words.some((word) => word !== "replace" && word !== "absttl")) throw new Failure("ERR syntax error");
  if (server.db.get(key) && !words.includes("replace")) {
    throw new Failure("BUSYKEY Target key name already exists.");
  }
  const ttl = integer(ttlText);
  if (ttl < 0) throw new Failure("ERR Invalid TTL value, must be >= 0");
  const start = words.includes("absttl") ? 0 : server.now();
  const entry = parseEntry(payload, ttl === 0 ? undefined : start + ttl);
  if (!entry) throw new Failure("ERR DUMP payload version or checksum are wrong");
  server.write({ kind: "set", key, entry });
  server.busyFor(memoryOf(key, entry) / BYTES_PER_MS);
  return OK;
}

function dump({ server, argv }: Call): Value {
  const entry = server.db.get(argv[1] ?? "");
  return entry ? dumpEntry(entry) : null;
}

/** What RESTORE-ASKING is given for a key, its name first. */
export function restoreArguments(server: Server, key: string, entry: Entry, replace: boolean): string[] {
  const ttl = entry.expiresMs === undefined ? 0 : Math.max(1, Math.floor(entry.expiresMs - server.now()));
  return ["RESTORE-ASKING", key, String(ttl), dumpEntry(entry), ...(replace ? ["REPLACE"] : [])];
}

const firstKey = (argv: readonly string[]) => argv.slice(1, 2);

export const MIGRATE_COMMANDS: Readonly<Record<string, CommandSpec>> = {
  migrate: { arity: -6, write: true, keys: keysOf, run: migrate },
  restore: { arity: -4, write: true, grows: true, keys: firstKey, run: restore },
  "restore-asking": { arity: -4, write: true, grows: true, asking: true, keys: firstKey, run: restore },
  dump: { arity: 2, keys: firstKey, run: dump },
};
