/** Commands on keys. Values are strings: what matters to the engine is that a key is there, and which value it has. */
import { type Entry, memoryOf } from "../database";
import { Failure, integer, OK, Status, type Value } from "../value";
import type { Call, CommandSpec } from "./table";

const first = (argv: readonly string[]) => argv.slice(1, 2);
const all = (argv: readonly string[]) => argv.slice(1);

function get({ server, argv }: Call): Value {
  return server.db.get(argv[1] ?? "")?.value ?? null;
}

/** SET key value [EX s | PX ms] [NX | XX] [KEEPTTL] */
function set({ server, argv }: Call): Value {
  const [, key = "", value = "", ...options] = argv;
  const old = server.db.get(key);
  let expiresMs: number | undefined;
  for (let i = 0; i < options.length; i++) {
    const option = (options[i] ?? "").toLowerCase();
    if (option === "ex" || option === "px") {
      i += 1;
      expiresMs = server.now() + integer(options[i]) * (option === "ex" ? 1000 : 1);
    } else if (option === "nx") {
      if (old) return null;
    } else if (option === "xx") {
      if (!old) return null;
    } else if (option === "keepttl" && server.release.acl) expiresMs = old?.expiresMs;
    else throw new Failure("ERR syntax error");
  }
  const entry: Entry = { value, bytes: value.length, ...(expiresMs === undefined ? {} : { expiresMs }) };
  server.write({ kind: "set", key, entry });
  return OK;
}

function del({ server, argv }: Call): Value {
  const keys = argv.slice(1).filter((key, at, list) => server.db.get(key) && list.indexOf(key) === at);
  if (keys.length > 0) server.write({ kind: "delete", keys });
  return keys.length;
}

function expire(unitMs: number) {
  return ({ server, argv }: Call): Value => {
    const key = argv[1] ?? "";
    const entry = server.db.get(key);
    if (!entry) return 0;
    const expiresMs = server.now() + integer(argv[2]) * unitMs;
    server.write({ kind: "set", key, entry: { ...entry, expiresMs } });
    return 1;
  };
}

function timeToLive(unitMs: number) {
  return ({ server, argv }: Call): Value => {
    const entry = server.db.get(argv[1] ?? "");
    if (!entry) return -2;
    if (entry.expiresMs === undefined) return -1;
    return Math.round((entry.expiresMs - server.now()) / unitMs);
  };
}

function flush({ server, argv }: Call): Value {
  const option = argv[1]?.toLowerCase();
  const known = option === undefined || option === "async" || (option === "sync" && server.release.acl);
  if (!known || argv.length > 2) throw new Failure("ERR syntax error");
  // A synchronous flush of much data holds everything up.
  if (option !== "async") server.busyFor(server.db.size / 2000);
  server.write({ kind: "flush" });
  return OK;
}

/** SCAN cursor [MATCH pattern] [COUNT n]: the cursor is the number of keys already seen. */
function scan({ server, argv }: Call): Value {
  const from = integer(argv[1]);
  const at = argv.findIndex((word) => word.toLowerCase() === "count");
  const count = at > 0 ? integer(argv[at + 1]) : 10;
  const keys = server.db.allKeys();
  const next = from + count;
  return [next >= keys.length ? "0" : String(next), keys.slice(from, next)];
}

export const KEY_COMMANDS: Readonly<Record<string, CommandSpec>> = {
  get: { arity: 2, keys: first, run: get },
  set: { arity: -3, write: true, grows: true, keys: first, run: set },
  del: { arity: -2, write: true, keys: all, run: del },
  unlink: { arity: -2, write: true, keys: all, run: del },
  exists: {
    arity: -2,
    keys: all,
    run: ({ server, argv }) => argv.slice(1).filter((key) => server.db.get(key)).length,
  },
  mget: {
    arity: -2,
    keys: all,
    run: ({ server, argv }) => argv.slice(1).map((key) => server.db.get(key)?.value ?? null),
  },
  strlen: {
    arity: 2,
    keys: first,
    run: ({ server, argv }) => server.db.get(argv[1] ?? "")?.value.length ?? 0,
  },
  type: {
    arity: 2,
    keys: first,
    run: ({ server, argv }) => new Status(server.db.get(argv[1] ?? "") ? "string" : "none"),
  },
  expire: { arity: 3, write: true, keys: first, run: expire(1000) },
  pexpire: { arity: 3, write: true, keys: first, run: expire(1) },
  ttl: { arity: 2, keys: first, run: timeToLive(1000) },
  pttl: { arity: 2, keys: first, run: timeToLive(1) },
  dbsize: { arity: 1, run: ({ server }) => server.db.size },
  keys: { arity: 2, run: ({ server }) => server.db.allKeys() },
  scan: { arity: -2, run: scan },
  flushall: { arity: -1, write: true, run: flush },
  flushdb: { arity: -1, write: true, run: flush },
};

/** Memory of one key, as MEMORY USAGE answers. */
export function usageOf(call: Call, key: string): Value {
  const entry = call.server.db.get(key);
  return entry ? memoryOf(key, entry) : null;
}
