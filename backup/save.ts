/** BGSAVE on one node, watched from its start to its end: never slept for, never taken for granted. */
import { type NodeClient, RedisReplyError } from "../cluster/client";
import type { Clock } from "../cluster/clock";
import { infoNumber, parseInfo } from "../cluster/parse";
import { waitUntil } from "../cluster/wait";
import { BackupFailedError } from "./errors";

export interface SaveOptions {
  readonly clock: Clock;
  readonly signal?: AbortSignal | undefined;
  /** Bound on the wait for somebody else's save, and again on the own one, in ms. */
  readonly timeoutMs: number;
  /** Last lines of the node's log, for the error text. */
  readonly logTail: () => Promise<string>;
}

/** The node's seconds since 1970 before which the snapshot was certainly not begun. */
export interface Saved {
  readonly notBefore: number;
  /** Absolute path on the node's server. */
  readonly path: string;
}

/** More than a timer tick of any kernel. */
const EDGE_MICROS = 50_000;

/**
 * 1. Wait until the node neither saves nor rewrites its append-only file: a save that began earlier is an earlier state.
 * 2. Wait until its clock is past LASTSAVE, which has whole seconds: otherwise the own save could not be told from the last.
 *    And until the second is some ms old: files and LASTSAVE are dated by time(), which may lag a timer tick behind TIME.
 * 3. BGSAVE; where another child came first, from the beginning.
 * 4. Wait until rdb_bgsave_in_progress is over, then see that it went well and that LASTSAVE has moved.
 * 5. Where it has not moved and nothing saves any more, the child was ended from outside: a replica that gets its whole
 *    data set anew, after a failover for instance, kills its own save without calling that an error. From the beginning.
 */
export async function save(client: NodeClient, options: SaveOptions): Promise<Saved> {
  for (let tries = 1; ; tries++) {
    const notBefore = await begin(client, options);
    const outcome = await watch(client, notBefore, options);
    if (outcome === "saved") return { notBefore, path: await snapshotPath(client) };
    if (tries === SAVES)
      throw new BackupFailedError(
        `${client.node}: its save was ended from outside ${SAVES} times. Does it get its data set anew from its primary again and again ` +
          "(`status` shows its link, its log says why)? Take the backup again when it is in sync.",
      );
  }
}

/** Times that a save is begun before it is given up. */
const SAVES = 3;

/** Begins a save; the node's seconds before which it was certainly not begun. */
async function begin(client: NodeClient, options: SaveOptions): Promise<number> {
  let notBefore = 0;
  const tryOnce = async (): Promise<true | string> => {
    const info = await persistence(client);
    if (infoNumber(info, "loading") > 0) return "it is loading its data set";
    if (infoNumber(info, "rdb_bgsave_in_progress") > 0) return "another save is under way";
    if (infoNumber(info, "aof_rewrite_in_progress") > 0) return "its append-only file is being rewritten";
    const { seconds, micros } = await timeOf(client);
    notBefore = seconds;
    if (notBefore <= Number(await client.call("LASTSAVE"))) return "it has saved in this very second";
    if (micros < EDGE_MICROS) return "its clock is at a second's edge";
    try {
      await client.call("BGSAVE");
      return true;
    } catch (error) {
      // From 5.0 to 7.2: "Background save already in progress", "Can't BGSAVE while AOF log rewriting is in progress", "Another child process…"
      if (error instanceof RedisReplyError && /in progress|another child|active/i.test(error.message))
        return error.message;
      if (error instanceof RedisReplyError) throw await saveError(client.node, error.message, options);
      throw error;
    }
  };
  await waitUntil(tryOnce, { ...options, ...PAUSES, what: `${client.node} to be free for a save` });
  return notBefore;
}

const PAUSES = { intervalMs: 20, maxIntervalMs: 250 };

async function watch(
  client: NodeClient,
  notBefore: number,
  options: SaveOptions,
): Promise<"saved" | "ended from outside"> {
  let outcome: "saved" | "ended from outside" = "saved";
  const look = async (): Promise<true | string> => {
    const info = await persistence(client);
    // After a full resync a replica loads what it got; nothing of this says how the save ended.
    if (infoNumber(info, "loading") > 0) return "it is loading its data set";
    if (infoNumber(info, "rdb_bgsave_in_progress") > 0)
      return `saving since ${info.get("rdb_current_bgsave_time_sec") ?? "?"} s`;
    if (info.get("rdb_last_bgsave_status") !== "ok")
      throw await saveError(client.node, "its save failed", options);
    outcome = Number(await client.call("LASTSAVE")) >= notBefore ? "saved" : "ended from outside";
    return true;
  };
  await waitUntil(look, { ...options, ...PAUSES, what: `${client.node} to save its snapshot` });
  return outcome;
}

async function persistence(client: NodeClient): Promise<Map<string, string>> {
  return parseInfo(String(await client.call("INFO", "persistence")));
}

async function timeOf(client: NodeClient): Promise<{ readonly seconds: number; readonly micros: number }> {
  const reply = await client.call("TIME");
  const [seconds, micros] = Array.isArray(reply) ? reply : [];
  return { seconds: Number(seconds), micros: Number(micros) };
}

async function snapshotPath(client: NodeClient): Promise<string> {
  const read = async (name: string) => {
    const reply = await client.call("CONFIG", "GET", name);
    return String(Array.isArray(reply) ? reply[1] : "");
  };
  return `${(await read("dir")).replace(/\/$/, "")}/${await read("dbfilename")}`;
}

async function saveError(node: string, what: string, options: SaveOptions): Promise<BackupFailedError> {
  const log = await options.logTail().catch(() => "");
  const cure = /No space left/i.test(log)
    ? "The disk of its data is full: free some space there."
    : /Cannot allocate memory|fork/i.test(log)
      ? "Its server could not fork: give it memory, or set vm.overcommit_memory to 1."
      : "Its log says why.";
  return new BackupFailedError(`${node}: ${what}. ${cure}${log === "" ? "" : `\n${log}`}`);
}
