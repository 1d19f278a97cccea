/** EVAL, and MULTI/EXEC: several commands as one. */
import { createHash } from "node:crypto";
import { runScript } from "../lua/interpreter";
import type { Server } from "../server";
import { Deferred, Failure, integer, OK, type Value } from "../value";
import { dispatch } from "./dispatch";
import type { Call, CommandSpec } from "./table";

/** Texts that a server has seen, by their SHA-1. They are gone when it restarts. */
const seen = new WeakMap<Server, Map<string, string>>();

function remembered(server: Server): Map<string, string> {
  const known = seen.get(server) ?? new Map<string, string>();
  seen.set(server, known);
  return known;
}

/** EVAL script n key… arg… */
function evalScript(call: Call): Value | Deferred {
  const [, script = "", ...rest] = call.argv;
  remembered(call.server).set(createHash("sha1").update(script, "latin1").digest("hex"), script);
  return execute(call, script, rest);
}

/** EVALSHA sha1 n key… arg… */
function evalSha(call: Call): Value | Deferred {
  const [, sha1 = "", ...rest] = call.argv;
  const script = remembered(call.server).get(sha1.toLowerCase());
  if (script === undefined) throw new Failure("NOSCRIPT No matching script. Please use EVAL.");
  return execute(call, script, rest);
}

function execute({ client }: Call, script: string, [count, ...rest]: readonly string[]): Value | Deferred {
  const keys = integer(count);
  if (keys > rest.length) throw new Failure("ERR Number of keys can't be greater than number of args");
  return runScript(script, rest.slice(0, keys), rest.slice(keys), (inner) => {
    const outcome = dispatch(client, inner);
    if (outcome instanceof Deferred && inner[0]?.toLowerCase() !== "migrate")
      throw new Failure("ERR This Redis command is not allowed from scripts");
    return outcome;
  });
}

function keysOfEval(argv: readonly string[]): readonly string[] {
  const count = Number(argv[2]);
  return Number.isInteger(count) && count > 0 ? argv.slice(3, 3 + count) : [];
}

function multi({ client }: Call): Value {
  if (client.queued) throw new Failure("ERR MULTI calls can not be nested");
  client.queued = { commands: [], broken: false };
  return OK;
}

function discard({ client }: Call): Value {
  if (!client.queued) throw new Failure("ERR DISCARD without MULTI");
  client.queued = undefined;
  return OK;
}

/** Nothing comes between the commands; one that fails does not keep the others from running. */
function exec({ client }: Call): Value {
  const { queued } = client;
  if (!queued) throw new Failure("ERR EXEC without MULTI");
  client.queued = undefined;
  if (queued.broken) throw new Failure("EXECABORT Transaction discarded because of previous errors.");
  return queued.commands.map((argv) => {
    try {
      const outcome = dispatch(client, argv);
      if (outcome instanceof Deferred) throw new Failure("ERR not inside MULTI");
      return outcome;
    } catch (error) {
      if (error instanceof Failure) return error;
      throw error;
    }
  });
}

export const SCRIPT_COMMANDS: Readonly<Record<string, CommandSpec>> = {
  eval: { arity: -3, keys: keysOfEval, run: evalScript },
  evalsha: { arity: -3, keys: keysOfEval, run: evalSha },
  multi: { arity: 1, run: multi },
  discard: { arity: 1, run: discard },
  exec: { arity: 1, run: exec },
};
