/** Looks at every node once. Never throws for a node that does not answer: that is an observation. */
import type { Host, HostFacts } from "../hosts/host";
import { RedisReplyError, type Reply, UnreachableError } from "./client";
import { type Clock, systemClock } from "./clock";
import { PasswordRefusedError } from "./errors";
import { lockHoldersIn } from "./lock";
import {
  type AclUser,
  infoKeys,
  infoNumber,
  parseAclUser,
  parseClusterNodes,
  parseInfo,
  parsePairs,
  ReplyFormatError,
  replyOf,
} from "./parse";
import { passwordFacts } from "./passwords";
import { RENAME_COMMAND, readRenames, renameQuery } from "./renames";
import type { Sessions } from "./sessions";
import type { ClusterSpec, NodeSpec } from "./spec";
import type { NodeDown, NodeUp, NodeView, View } from "./view";

/** Always read besides the declared directives: the engine changes them for a while, during creation and failovers. */
const ALWAYS_READ = ["cluster-node-timeout", "hz"];

/** How long a process that runs and takes no connections yet is given, in ms: between its start and its first listening. */
const BOOT_MS = 2_000;
const BOOT_PAUSE_MS = 50;

/** Looks at all declared and leaving nodes, in parallel. */
export async function observe(
  spec: ClusterSpec,
  sessions: Sessions,
  hostOf: (node: NodeSpec) => Host,
  clock: Clock = systemClock,
): Promise<View> {
  const nodes = [...spec.nodes, ...spec.leaving];
  return { nodes: await Promise.all(nodes.map((node) => observeNode(node, sessions, hostOf(node), clock))) };
}

async function observeNode(node: NodeSpec, sessions: Sessions, host: Host, clock: Clock): Promise<NodeView> {
  const deadline = clock.now() + BOOT_MS;
  for (;;) {
    const [facts, answer] = await Promise.all([
      host.inspect(node),
      askNode(node, sessions).catch((error: unknown) => whyDown(error)),
    ]);
    const base = { name: node.name, process: facts.process, data: facts.data, host: facts };
    if (!("why" in answer)) return { ...base, ...answer, reachable: true };
    const { booting, ...why } = answer;
    // An interrupted run may have started it a moment ago.
    if (!booting || facts.process !== "running" || clock.now() >= deadline)
      return { ...base, ...refine(why, facts), reachable: false };
    await clock.sleep(BOOT_PAUSE_MS);
  }
}

type Answer = Omit<NodeUp, "name" | "process" | "data" | "host" | "reachable">;
type Why = Pick<NodeDown, "why" | "detail">;

async function askNode(node: NodeSpec, sessions: Sessions): Promise<Answer> {
  return sessions.withClient(node, async (client) => {
    const renames = node.directives[RENAME_COMMAND];
    const [nodes, cluster, info, config, clients, acl, commands] = await client.pipeline([
      ["CLUSTER", "NODES"],
      ["CLUSTER", "INFO"],
      ["INFO"],
      ["CONFIG", "GET", "*"],
      ["CLIENT", "LIST"],
      ["ACL", "GETUSER", "default"],
      ...(renames === undefined ? [] : [renameQuery(renames)]),
    ]);
    return toAnswer(node, sessions, {
      nodes: text(nodes),
      cluster: text(cluster),
      info: text(info),
      config: parsePairs(replyOf(config)),
      clients: text(clients),
      acl: aclUser(acl),
      ...(renames === undefined ? {} : { commands: replyOf(commands) }),
    });
  });
}

interface Replies {
  readonly nodes: string;
  readonly cluster: string;
  readonly info: string;
  readonly config: ReadonlyMap<string, string>;
  readonly clients: string;
  readonly acl: AclUser | undefined;
  readonly commands?: Reply;
}

/** Undefined before 6.0. */
function aclUser(reply: Reply | RedisReplyError | undefined): AclUser | undefined {
  const absent = reply instanceof RedisReplyError && /unknown command/i.test(reply.message);
  return absent ? undefined : parseAclUser(replyOf(reply));
}

function toAnswer(node: NodeSpec, sessions: Sessions, replies: Replies): Answer {
  const { myself, peers, migrating, importing } = parseClusterNodes(replies.nodes);
  const info = parseInfo(replies.info);
  const cluster = parseInfo(replies.cluster);
  const replica = myself.flags.includes("slave");
  const passwords = passwordFacts(sessions.passwords, replies.config, replies.acl);
  if (passwords.otherPasswords > 0 && passwords.acceptedPasswords.length === 0)
    throw new PasswordRefusedError(node.name, "it has another one by now");
  const version = info.get("redis_version") ?? "unknown";
  return {
    id: myself.id,
    version,
    role: replica ? "replica" : "primary",
    configEpoch: myself.epoch,
    currentEpoch: infoNumber(cluster, "cluster_current_epoch"),
    clusterState: cluster.get("cluster_state") === "ok" ? "ok" : "fail",
    slots: myself.slots,
    migrating,
    importing,
    peers,
    ...(replica
      ? { primaryId: myself.primaryId ?? "", linkUp: info.get("master_link_status") === "up" }
      : {}),
    offset: infoNumber(info, replica ? "slave_repl_offset" : "master_repl_offset"),
    keys: infoKeys(info),
    usedMemoryBytes: infoNumber(info, "used_memory"),
    ...(info.has("used_memory_dataset") ? { datasetBytes: infoNumber(info, "used_memory_dataset") } : {}),
    maxmemoryBytes: infoNumber(info, "maxmemory"),
    uptimeSeconds: infoNumber(info, "uptime_in_seconds"),
    settings: settingsOf(node, replies, version),
    passwordIndex: passwords.acceptedPasswords[0] ?? -1,
    ...passwords,
    lockHolders: lockHoldersIn(replies.clients, sessions.clientName).map((holder) => holder.name),
  };
}

function settingsOf(node: NodeSpec, { config, commands }: Replies, version: string): Record<string, string> {
  const settings: Record<string, string> = {};
  for (const name of [...Object.keys(node.directives), ...ALWAYS_READ]) {
    const value = config.get(name);
    if (value !== undefined) settings[name] = value;
  }
  if (commands !== undefined)
    settings[RENAME_COMMAND] = readRenames(commands, node.directives[RENAME_COMMAND] ?? "", version);
  return settings;
}

function text(reply: Reply | RedisReplyError | undefined): string {
  return String(replyOf(reply));
}

/** `booting`: what a server answers that does not listen yet. */
function whyDown(error: unknown): Why & { booting?: boolean } {
  if (error instanceof PasswordRefusedError) return { why: "auth", detail: error.message };
  if (error instanceof UnreachableError) {
    const { reason, message } = error;
    const booting = reason === "refused" || reason === "closed";
    return { why: reason === "closed" ? "error" : reason, detail: message, booting };
  }
  if (error instanceof RedisReplyError) {
    if (error.code === "LOADING") return { why: "loading", detail: "loading its data set" };
    if (error.code === "NOAUTH") return { why: "auth", detail: error.message };
    if (/cluster support disabled|unknown command/i.test(error.message))
      return { why: "foreign", detail: `answers, but not as a cluster node: ${error.message}` };
    return { why: "error", detail: error.message };
  }
  if (error instanceof ReplyFormatError) return { why: "foreign", detail: error.message };
  throw error;
}

/** A program that listens where the node's own process is known not to run is somebody else's. */
function refine(why: Why, facts: HostFacts): Why {
  if (!facts.portHolder || facts.process === "running") return why;
  return {
    why: "foreign",
    detail: `port ${facts.portHolder.port} is held by ${facts.portHolder.description}`,
  };
}
