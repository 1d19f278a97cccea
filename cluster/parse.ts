/** The one place where Redis's text replies become checked values. */
import { RedisReplyError, type Reply } from "./client";
import type { SlotRange } from "./spec";
import type { OpenSlot, PeerFlag, PeerView } from "./view";

/** A reply that is not what the protocol promises. */
export class ReplyFormatError extends Error {
  constructor(what: string, line: string) {
    super(`${what}: cannot read ${JSON.stringify(line.slice(0, 200))}`);
    this.name = "ReplyFormatError";
  }
}

const FLAGS: ReadonlySet<string> = new Set<PeerFlag>([
  "myself",
  "master",
  "slave",
  "fail?",
  "fail",
  "handshake",
  "noaddr",
  "nofailover",
]);

export interface ClusterNodes {
  readonly myself: PeerView;
  readonly peers: readonly PeerView[];
  /** Flags of the answering node's own slots; Redis shows them on its own line only. */
  readonly migrating: readonly OpenSlot[];
  readonly importing: readonly OpenSlot[];
}

/**
 * CLUSTER NODES: `id ip:port@bus[,hostname] flags primary ping pong epoch link slot…`
 * (https://redis.io/commands/cluster-nodes). Own line first in the result, peers ordered by id.
 */
export function parseClusterNodes(text: string): ClusterNodes {
  const migrating: OpenSlot[] = [];
  const importing: OpenSlot[] = [];
  const all = text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => parseNodeLine(line, migrating, importing));
  const myself = all.find((node) => node.flags.includes("myself"));
  if (!myself) throw new ReplyFormatError("CLUSTER NODES has no line of its own", text);
  const peers = all.filter((node) => node !== myself).sort((a, b) => (a.id < b.id ? -1 : 1));
  return { myself, peers, migrating, importing };
}

function parseNodeLine(line: string, migrating: OpenSlot[], importing: OpenSlot[]): PeerView {
  const [id, address, flags, primary, , , epoch, link, ...slotFields] = line.split(" ");
  const where = /^(.*):(\d+)@(\d+)/.exec(address ?? "");
  if (!id || !where || !flags || epoch === undefined) throw new ReplyFormatError("CLUSTER NODES", line);
  const slots: SlotRange[] = [];
  for (const field of slotFields) {
    const open = /^\[(\d+)-([<>])-([0-9a-f]+)\]$/.exec(field);
    if (open) {
      const entry = { slot: Number(open[1]), peerId: open[3] ?? "" };
      (open[2] === ">" ? migrating : importing).push(entry);
    } else slots.push(parseRange(field));
  }
  return {
    id,
    host: where[1] ?? "",
    port: Number(where[2]),
    busPort: Number(where[3]),
    flags: flags.split(",").filter((flag): flag is PeerFlag => FLAGS.has(flag)),
    ...(primary && primary !== "-" ? { primaryId: primary } : {}),
    epoch: Number(epoch),
    connected: link === "connected",
    slots,
  };
}

function parseRange(field: string): SlotRange {
  const match = /^(\d+)(?:-(\d+))?$/.exec(field);
  if (!match) throw new ReplyFormatError("slot range", field);
  const start = Number(match[1]);
  return { start, end: match[2] === undefined ? start : Number(match[2]) };
}

/** INFO and CLUSTER INFO: `name:value` lines. */
export function parseInfo(text: string): Map<string, string> {
  const fields = new Map<string, string>();
  for (const line of text.split(/\r?\n/)) {
    const colon = line.indexOf(":");
    if (colon > 0 && !line.startsWith("#")) fields.set(line.slice(0, colon), line.slice(colon + 1));
  }
  return fields;
}

/** A whole number from an INFO map; 0 where the field is absent, since fields differ between versions. */
export function infoNumber(info: ReadonlyMap<string, string>, field: string): number {
  const value = Number(info.get(field) ?? "0");
  return Number.isFinite(value) ? value : 0;
}

/** Keys over all databases, from the `dbN:keys=…` lines. */
export function infoKeys(info: ReadonlyMap<string, string>): number {
  let keys = 0;
  for (const [field, value] of info) {
    const match = /^db\d+$/.test(field) ? /keys=(\d+)/.exec(value) : null;
    if (match) keys += Number(match[1]);
  }
  return keys;
}

/** A replica as its primary lists it in INFO replication. */
export interface ListedReplica {
  readonly host: string;
  readonly port: number;
  /** wait_bgsave, send_bulk, online… */
  readonly state: string;
  /** What it has acknowledged last; -1 where the primary does not tell. */
  readonly offset: number;
}

/** The `slaveN:ip=…,port=…,state=…,offset=…` fields of INFO replication. */
export function infoReplicas(info: ReadonlyMap<string, string>): ListedReplica[] {
  const listed: ListedReplica[] = [];
  for (const [name, value] of info) {
    const match = /^slave\d+$/.test(name)
      ? /^ip=([^,]*),port=(\d+),state=([^,]+)(?:,offset=(\d+))?/.exec(value)
      : null;
    if (match)
      listed.push({
        host: match[1] ?? "",
        port: Number(match[2]),
        state: match[3] ?? "",
        offset: Number(match[4] ?? -1),
      });
  }
  return listed;
}

/** What ACL GETUSER tells of a user's passwords. */
export interface AclUser {
  /** Any password opens a connection, none too. */
  readonly nopass: boolean;
  /** sha256, hex. */
  readonly hashes: readonly string[];
}

/** ACL GETUSER (6.0 and later): a flat list of field names and values, of which `flags` and `passwords` are read. */
export function parseAclUser(reply: unknown): AclUser {
  const fields = new Map<string, unknown>();
  if (Array.isArray(reply))
    for (let i = 0; i + 1 < reply.length; i += 2) fields.set(String(reply[i]), reply[i + 1]);
  const [flags, passwords] = [fields.get("flags"), fields.get("passwords")];
  if (!Array.isArray(flags) || !Array.isArray(passwords))
    throw new ReplyFormatError("ACL GETUSER", "no flags or passwords");
  return { nopass: flags.map(String).includes("nopass"), hashes: passwords.map(String) };
}

/** CONFIG GET: a flat list of names and values. */
export function parsePairs(reply: unknown): Map<string, string> {
  if (!Array.isArray(reply)) throw new ReplyFormatError("CONFIG GET", String(reply));
  const pairs = new Map<string, string>();
  for (let i = 0; i + 1 < reply.length; i += 2) pairs.set(String(reply[i]), String(reply[i + 1]));
  return pairs;
}

export interface ClientEntry {
  readonly id: number;
  readonly name: string;
  readonly ageSeconds: number;
  /** Letters, e.g. "N" for a plain client, "S" for a replica, "M" for the link to the own primary. */
  readonly flags: string;
  /** Last command, lower case; "NULL" before the first. */
  readonly command: string;
  /** Bytes received and not yet processed. */
  readonly queryBytes: number;
}

/** CLIENT LIST: `id=… addr=… name=… age=… qbuf=… cmd=…` a line. */
export function parseClientList(text: string): ClientEntry[] {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const field = (name: string) => new RegExp(`(?:^| )${name}=([^ ]*)`).exec(line)?.[1] ?? "";
      return {
        id: Number(field("id")),
        name: field("name"),
        ageSeconds: Number(field("age")),
        flags: field("flags"),
        command: field("cmd"),
        queryBytes: Number(field("qbuf")),
      };
    });
}

/** One reply of a pipeline. @throws RedisReplyError where it is one, ReplyFormatError where it is missing */
export function replyOf(reply: Reply | RedisReplyError | undefined): Reply {
  if (reply === undefined) throw new ReplyFormatError("pipeline", "missing reply");
  if (reply instanceof RedisReplyError) throw reply;
  return reply;
}
