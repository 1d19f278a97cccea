/** Commands about the process: its state, its configuration, its end. */
import { digestOf } from "../database";
import type { Release } from "../release";
import { Deferred, Failure, integer, OK, Status, type Value } from "../value";
import { infoText } from "./info";
import { usageOf } from "./keys";
import { ANY, runSubcommand, type Subcommand } from "./subcommands";
import type { Call, CommandSpec } from "./table";

function info({ server, argv }: Call): Value {
  if (server.release.line !== "7.0" && argv.length > 2) throw new Failure("ERR syntax error");
  return infoText(server, argv.slice(1));
}

function configGet({ server, argv }: Call): Value {
  const patterns = argv.slice(2);
  if (patterns.length === 1) return server.config.matching(patterns[0] ?? "");
  return [...new Set(patterns)].flatMap((pattern) => server.config.matching(pattern));
}

function configSet({ server, argv }: Call): Value {
  if (server.release.line !== "7.0" && argv.length !== 4) {
    throw new Failure("ERR Unknown subcommand or wrong number of arguments for 'set'. Try CONFIG HELP.");
  }
  if (argv.length % 2 === 1) throw new Failure("ERR wrong number of arguments for 'config|set' command");
  for (let i = 2; i < argv.length; i += 2) {
    const name = (argv[i] ?? "").toLowerCase();
    const value = argv[i + 1] ?? "";
    const refusal = server.config.set(name, value);
    if (refusal) throw new Failure(refusal);
    if (name === "requirepass") server.accounts.replace(value);
  }
  return OK;
}

function configRewrite({ server }: Call): Value {
  if (!server.node.disk.conf) throw new Failure("ERR The server is running without a config file");
  server.node.disk.conf = server.config.changedFrom(server.node.disk.conf);
  return OK;
}

const CONFIG: Readonly<Record<string, Subcommand>> = {
  get: { argc: [3, ANY], run: configGet },
  set: { argc: [4, ANY], run: configSet },
  rewrite: { argc: [2, 2], run: configRewrite },
  resetstat: { argc: [2, 2], run: () => OK },
};

function debug(call: Call): Value | Deferred {
  const { server } = call;
  if (server.release.line === "7.0" && server.config.get("enable-debug-command") === "no") {
    throw new Failure(
      'ERR DEBUG command not allowed. If the enable-debug-command option is set to "local", you can run it from a ' +
        "local connection, otherwise you need to set this option in the configuration file, and then restart the server.",
    );
  }
  return runSubcommand(call, {
    "digest-value": {
      argc: [2, ANY],
      run: ({ argv }) => argv.slice(2).map((key) => new Status(digestOf(server.db.get(key)))),
    },
    sleep: {
      argc: [3, 3],
      run: ({ argv }) => {
        server.busyFor(Number(argv[2]) * 1000);
        return OK;
      },
    },
  });
}

const MEMORY: Readonly<Record<string, Subcommand>> = {
  usage: { argc: [3, 5], run: (call) => usageOf(call, call.argv[2] ?? "") },
};

/** MEMORY USAGE is sent to the key's node from 6.0; 5.0 answers for the keys that it has itself. */
function memoryKeys(argv: readonly string[], release: Release): readonly string[] {
  return release.acl && argv[1]?.toLowerCase() === "usage" ? argv.slice(2, 3) : [];
}

/** WAIT replicas ms: how many replicas have what this node wrote. */
function wait({ server, argv }: Call): Value | Deferred {
  if (server.replication.hasPrimary)
    throw new Failure(
      "ERR WAIT cannot be used with replica instances. Please also note that since Redis 4.0 if a replica is configured to be writable (which is not the default) writes to replicas are just local and are not propagated.",
    );
  const wanted = integer(argv[1]);
  const timeoutMs = integer(argv[2]);
  const target = server.replication.offset;
  const reached = () => server.replication.replicas.filter((link) => link.ackOffset >= target).length;
  if (reached() >= wanted) return reached();
  const end = timeoutMs === 0 ? Number.POSITIVE_INFINITY : server.now() + timeoutMs;
  return new Deferred((done) => {
    const look = () => {
      if (!server.alive) return;
      for (const link of server.replication.replicas) link.acknowledge();
      if (reached() >= wanted || server.now() >= end) done(reached());
      else server.scheduler.after(1, look);
    };
    look();
  });
}

/** SHUTDOWN [SAVE | NOSAVE]: answers by closing the connection. */
function shutdown({ server, argv }: Call): Value | Deferred {
  const save = argv[1]?.toLowerCase();
  if (argv.length > 2 || (save !== undefined && save !== "save" && save !== "nosave")) {
    throw new Failure("ERR syntax error");
  }
  return new Deferred(() => server.shutDown(save !== "nosave"));
}

function role({ server }: Call): Value {
  const { replication } = server;
  if (replication.hasPrimary) {
    const state = {
      none: "none",
      connect: "connect",
      connecting: "connecting",
      transfer: "sync",
      connected: "connected",
    };
    return [
      "slave",
      replication.primaryHost,
      replication.primaryPort,
      state[replication.state],
      replication.replicaOffset(),
    ];
  }
  const replicas = replication.replicas
    .filter((link) => link.state === "online")
    .map((link) => [link.replica.ip, String(link.replica.port), String(link.ackOffset)]);
  return ["master", replication.offset, replicas];
}

function save({ server, name }: Call): Value {
  server.node.disk.rdb = { db: server.db.copy(), ...server.replication.position() };
  return name === "save" ? OK : new Status("Background saving started");
}

export const SERVER_COMMANDS: Readonly<Record<string, CommandSpec>> = {
  info: { arity: -1, loading: true, run: info },
  config: { arity: -2, loading: true, run: (call) => runSubcommand(call, CONFIG) },
  debug: { arity: -2, run: debug },
  memory: { arity: -2, keys: memoryKeys, run: (call) => runSubcommand(call, MEMORY) },
  wait: { arity: 3, run: wait },
  shutdown: { arity: -1, loading: true, run: shutdown },
  role: { arity: 1, loading: true, run: role },
  save: { arity: 1, run: save },
  bgsave: { arity: -1, run: save },
  bgrewriteaof: { arity: 1, run: () => new Status("Background append only file rewriting started") },
  time: {
    arity: 1,
    run: ({ server }) => [
      String(Math.floor(server.now() / 1000)),
      String(Math.floor(server.now() % 1000) * 1000),
    ],
  },
};
