/** Commands that are containers of others: CLUSTER, CLIENT, CONFIG, MEMORY, DEBUG, ACL. */
import { showCommand } from "../log";
import type { Server } from "../server";
import { type Deferred, Failure, type Value } from "../value";
import { wrongArity } from "./dispatch";
import type { Call } from "./table";

export interface Subcommand {
  /** Allowed numbers of arguments, both names included: from, to. */
  readonly argc: readonly [from: number, to: number];
  readonly run: (call: Call) => Value | Deferred;
}

export const ANY = Number.POSITIVE_INFINITY;

export function runSubcommand(call: Call, table: Readonly<Record<string, Subcommand>>): Value | Deferred {
  const given = call.argv[1] ?? "";
  const name = given.toLowerCase();
  const sub = Object.hasOwn(table, name) ? table[name] : undefined;
  const { length } = call.argv;
  if (!sub) {
    call.server.node.cluster.surprises.push(
      `${call.server.name}: unknown subcommand ${showCommand(call.argv)}`,
    );
    throw refusal(call, given, false);
  }
  if (length < sub.argc[0] || length > sub.argc[1]) throw refusal(call, given, true);
  return sub.run(call);
}

function refusal(call: Call, given: string, known: boolean): Failure {
  const container = call.name.toUpperCase();
  if (call.server.release.line === "7.0") {
    if (known) return wrongArity(`${call.name}|${given.toLowerCase()}`);
    return new Failure(`ERR unknown subcommand '${given}'. Try ${container} HELP.`);
  }
  return new Failure(
    `ERR Unknown subcommand or wrong number of arguments for '${given}'. Try ${container} HELP${period(call.server, call.name)}`,
  );
}

/** 5.0 ends only some of these sentences with a period. */
function period(server: Server, container: string): string {
  return server.release.line === "5.0" && (container === "client" || container === "memory") ? "" : ".";
}
