/** MIGRATE and what came of it. */
import type { Command, RedisReplyError, Reply } from "../client";
import type { Batch } from "./batches";
import { isSilence } from "./drain";
import type { Pair } from "./pair";
import { MoveError } from "./types";

/** Writes to one source under way at once, so that it need not wait for this process. */
export const GROUPS_IN_FLIGHT = 2;
/**
 * MIGRATEs in one write. Not more: what a server has read it carries out before it looks at anything else, and where the target is silent
 * each of them waits for its time-out.
 */
export const BATCHES_PER_GROUP = 4;
/** MIGRATEs or calls of a script under way at once: where the target falls silent, all of them have to end within half the node timeout. */
export const MAX_UNDER_WAY = GROUPS_IN_FLIGHT * BATCHES_PER_GROUP;

/** A cached MIGRATE socket is closed by the source after 10 s without use (MIGRATE_SOCKET_CACHE_TTL). */
const SOCKET_KNOWN_MS = 5_000;

/**
 * - `moved`: acknowledged by the target, gone from the source, or not there in the first place (NOKEY).
 * - `busy`: keys of the batch exist at the target; the others moved.
 * - `retry`: the target did not answer or not yet; keys may be on both.
 * - `anonymous`: the source opened a new connection behind our back, without the password; nothing was moved.
 */
export interface BatchOutcome {
  readonly batch: Batch;
  readonly kind: "moved" | "busy" | "retry" | "anonymous";
  readonly text: string;
}

/**
 * When the source last used its connection to the target with success. It stays authenticated, so the password needs to be sent
 * once only: up to 6.0 the arguments of MIGRATE are visible to MONITOR, and to SLOWLOG where it fails.
 */
export class SocketMemory {
  private usedAtMs = Number.NEGATIVE_INFINITY;

  isKnown(nowMs: number): boolean {
    return nowMs - this.usedAtMs < SOCKET_KNOWN_MS;
  }

  used(nowMs: number): void {
    this.usedAtMs = nowMs;
  }

  lost(): void {
    this.usedAtMs = Number.NEGATIVE_INFINITY;
  }
}

/** How the keys are to be sent. `replace` only where the source's value is the right one, see window.ts. */
export interface MigrateOptions {
  readonly replace: boolean;
  /** Bound on each read and write between the servers, in ms. */
  readonly timeoutMs: number;
  readonly withPassword: boolean;
}

export function migrateCommand(pair: Pair, batch: Batch, options: MigrateOptions): Command {
  const { host, port } = pair.address;
  const auth = options.withPassword && pair.password !== undefined ? ["AUTH", pair.password] : [];
  const replace = options.replace ? ["REPLACE"] : [];
  const keys = batch.keys.map(({ key }) => key);
  return ["MIGRATE", host, port, "", 0, options.timeoutMs, ...replace, ...auth, "KEYS", ...keys];
}

/**
 * Sends the batches in one write.
 * @throws MoveError for answers after which nothing may be tried again; UnreachableError where the source is gone.
 */
export async function migrateGroup(
  pair: Pair,
  group: readonly Batch[],
  options: Omit<MigrateOptions, "withPassword">,
  socket: SocketMemory,
  now: () => number,
): Promise<BatchOutcome[]> {
  const outcomes = await sendGroup(pair, group, { ...options, withPassword: !socket.isKnown(now()) });
  const anonymous = outcomes.filter(({ kind }) => kind === "anonymous").map(({ batch }) => batch);
  const again =
    anonymous.length > 0 ? await sendGroup(pair, anonymous, { ...options, withPassword: true }) : [];
  const all = [...outcomes.filter(({ kind }) => kind !== "anonymous"), ...again];
  if (all.some(({ kind }) => kind === "retry")) socket.lost();
  else socket.used(now());
  return all;
}

async function sendGroup(
  pair: Pair,
  group: readonly Batch[],
  options: MigrateOptions,
): Promise<BatchOutcome[]> {
  const replies = await pair.migrate.pipeline(group.map((batch) => migrateCommand(pair, batch, options)));
  return group.map((batch, index) => outcomeOf(pair, batch, replies[index], options.withPassword));
}

function outcomeOf(
  pair: Pair,
  batch: Batch,
  reply: Reply | RedisReplyError | undefined,
  sentPassword: boolean,
): BatchOutcome {
  if (reply === "OK" || reply === "NOKEY") return { batch, kind: "moved", text: reply };
  const text = reply instanceof Error ? reply.message : String(reply);
  if (/BUSYKEY/.test(text)) return { batch, kind: "busy", text };
  if (isSilence(text)) return { batch, kind: "retry", text };
  if (/NOAUTH/.test(text) && !sentPassword) return { batch, kind: "anonymous", text };
  const where = `slot ${batch.slot}, ${pair.source.name} to ${pair.target.name}`;
  if (/OOM/.test(text))
    throw new MoveError("memory", `${where}: ${pair.target.name} is out of memory: ${text}`);
  if (/NOAUTH|invalid password|WRONGPASS|without any password|no password is set/.test(text))
    throw new MoveError("state", `${where}: the password was refused between the servers`);
  if (/MOVED|ASK|CLUSTERDOWN|READONLY|CROSSSLOT|not served/.test(text))
    throw new MoveError("state", `${where}: the slot is not where it was: ${text}`);
  throw new MoveError("reply", `${where}: ${text}`);
}
