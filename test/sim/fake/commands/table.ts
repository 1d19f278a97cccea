/** The commands that the fake knows. Anything else is an error reply, and a surprise that fails the test. */
import type { ServedClient } from "../client-session";
import type { Release } from "../release";
import type { Server } from "../server";
import type { Deferred, Value } from "../value";
import { CLUSTER_COMMANDS } from "./cluster";
import { CONNECTION_COMMANDS } from "./connection";
import { KEY_COMMANDS } from "./keys";
import { MIGRATE_COMMANDS } from "./migrate";
import { SCRIPT_COMMANDS } from "./scripting";
import { SERVER_COMMANDS } from "./server";

export interface Call {
  readonly server: Server;
  readonly client: ServedClient;
  readonly name: string;
  /** The command's name and its arguments. */
  readonly argv: readonly string[];
}

export interface CommandSpec {
  /** Number of arguments, the name included; negative: at least. */
  readonly arity: number;
  readonly write?: boolean;
  /** Refused when memory is full. */
  readonly grows?: boolean;
  /** Served although the data set is being loaded. */
  readonly loading?: boolean;
  /** As if ASKING had come before. */
  readonly asking?: boolean;
  /** From 6.0. */
  readonly acl?: boolean;
  readonly keys?: (argv: readonly string[], release: Release) => readonly string[];
  readonly run: (call: Call) => Value | Deferred;
}

export const COMMANDS: ReadonlyMap<string, CommandSpec> = new Map(
  Object.entries({
    ...CLUSTER_COMMANDS,
    ...CONNECTION_COMMANDS,
    ...KEY_COMMANDS,
    ...MIGRATE_COMMANDS,
    ...SCRIPT_COMMANDS,
    ...SERVER_COMMANDS,
  }),
);
