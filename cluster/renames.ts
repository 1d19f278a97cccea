/**
 * `rename-command` as a running server shows it. CONFIG GET does not answer it; what COMMAND INFO knows a command by does. Only a
 * restart changes it.
 */
import type { Command, Reply } from "./client";

export const RENAME_COMMAND = "rename-command";

/** The commands that may be renamed, by the first line that has them. */
export const RENAMEABLE: Readonly<Record<string, 5 | 7>> = {
  DEBUG: 5,
  EVAL: 5,
  EVALSHA: 5,
  EVAL_RO: 7,
  EVALSHA_RO: 7,
  FCALL: 7,
  FCALL_RO: 7,
  FLUSHALL: 5,
  FLUSHDB: 5,
  FUNCTION: 7,
  KEYS: 5,
  LATENCY: 5,
  LOLWUT: 5,
  MODULE: 5,
  MONITOR: 5,
  MOVE: 5,
  RANDOMKEY: 5,
  SCRIPT: 5,
  SLOWLOG: 5,
  SORT: 5,
  SORT_RO: 7,
  SWAPDB: 5,
};

/** Asks for all of them, and for the declared new names. `declared`: pairs as in redis.conf, `DEBUG debug-1 KEYS ""`. */
export function renameQuery(declared: string): Command {
  return ["COMMAND", "INFO", ...namesAsked(declared)];
}

function namesAsked(declared: string): string[] {
  return [...Object.keys(RENAMEABLE), ...newNames(declared).values()];
}

/**
 * What `rename-command` must have been when the server started, in the form of `declared`. A name that is neither the command's own nor the
 * declared one cannot be guessed; such a command counts as taken away.
 */
export function readRenames(reply: Reply, declared: string, version: string): string {
  if (!Array.isArray(reply)) throw new TypeError("COMMAND INFO answers a list");
  const known = new Set(namesAsked(declared).filter((_, index) => Array.isArray(reply[index])));
  const wanted = newNames(declared);
  const major = Number.parseInt(version, 10);
  const gone = Object.entries(RENAMEABLE).filter(([name, since]) => since <= major && !known.has(name));
  return gone
    .map(([name]) => name)
    .sort()
    .map((name) => `${name} ${known.has(wanted.get(name) ?? "") ? wanted.get(name) : '""'}`)
    .join(" ");
}

/** Command to new name; those that are taken away have none. */
function newNames(declared: string): Map<string, string> {
  const words = declared.split(" ");
  const pairs = words.flatMap((word, index) =>
    index % 2 === 0 ? [[word, words[index + 1] ?? ""] as const] : [],
  );
  return new Map(pairs.filter(([, name]) => name !== "" && name !== '""'));
}
