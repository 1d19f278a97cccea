/** Starts a node's unit and waits until Redis serves. */
import { setTimeout as sleep } from "node:timers/promises";
import { UserError } from "../errors";
import type { HostFacts, HostNode } from "../host";
import { type Answer, askOver } from "../local/answer";
import { readDirective, redact } from "../local/directives";
import { AccessError } from "./errors";
import { parseLines, parseListeners, unitState } from "./facts";
import { REDIS_CONF, UNIT } from "./layout";
import { EXIT, GIVE_UP, START, WHY } from "./scripts";
import type { Servers } from "./servers";

const POLL_MS = 50;
/** The unit is looked at less often than the port: a look is a command on the server. */
const LOOK_MS = 500;
const LOG_LINES = 12;
/** A signal ended it. */
const NO_CODE = -1;

export interface StartOptions {
  readonly redisVersion: string;
  readonly dataDirectory: string;
  /** The node's redis.conf, for the password and for taking it out of texts. */
  readonly redisConf: string | undefined;
  /** As of a moment ago. */
  readonly facts: HostFacts;
}

/**
 * 1. An older release line is not let at newer data. 2. The unit is started, with the declared version from now on.
 * 3. Until Redis answers; one that ends at its start is not tried again by systemd for ever, and its words are told.
 */
export async function startNode(servers: Servers, node: HostNode, options: StartOptions): Promise<void> {
  refuseOlder(servers, node, options);
  const { redisVersion, dataDirectory } = options;
  const outcome = await servers.run(node, {
    script: START,
    args: [redisVersion, dataDirectory, String(node.port), String(node.busPort)],
  });
  const ours = outcome.code === 0;
  if (!ours && outcome.code !== EXIT.runs) throw startError(servers, node, options, outcome);
  await waitUntilServing(servers, node, options, ours);
}

function refuseOlder(servers: Servers, node: HostNode, { facts, redisVersion }: StartOptions): void {
  const { dataVersion, process } = facts;
  if (process === "running" || dataVersion === undefined || lineOf(redisVersion) >= lineOf(dataVersion))
    return;
  throw new UserError(
    `${servers.who(node)}: its data was written by Redis ${dataVersion}, which ${redisVersion} cannot read. ` +
      `Declare version ${dataVersion} again, or move the data away to start empty.`,
  );
}

function lineOf(version: string): number {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  return major * 1000 + minor;
}

function startError(
  servers: Servers,
  node: HostNode,
  { redisVersion }: StartOptions,
  outcome: Awaited<ReturnType<Servers["run"]>>,
): UserError {
  const who = servers.who(node);
  switch (outcome.code ?? NO_CODE) {
    case EXIT.notProvisioned:
      return new UserError(
        `${who} is not set up for a node (${outcome.stderr.trim() || "no redis-cluster-kit there"}). Run \`pulumi up\`: it sets servers up before it starts them.`,
      );
    case EXIT.notInstalled:
      return new UserError(
        `${who}: ${outcome.stderr.trim() || `Redis ${redisVersion} is not installed`}. Run \`pulumi up\`: it installs the declared version.`,
      );
    case EXIT.portTaken: {
      const [holder] = parseListeners(outcome.stdout);
      return new UserError(portText(who, holder?.port ?? node.port, holder?.description ?? "some program"));
    }
    default:
      return servers.failure(node, "starting Redis", outcome);
  }
}

export function portText(who: string, port: number, description: string): string {
  return `${who}: port ${port} is taken by ${description}. Stop that program there, or give the cluster another port (ssh.redisPort).`;
}

async function waitUntilServing(
  servers: Servers,
  node: HostNode,
  { redisConf }: StartOptions,
  ours: boolean,
): Promise<void> {
  const password =
    (redisConf === undefined ? undefined : readDirective(redisConf, "requirepass")) || undefined;
  const { startMs, loadMs } = servers.bounds;
  const began = performance.now();
  let loadingSince: number | undefined;
  let lookedAt = began;
  for (;;) {
    const answer = await ask(servers, node, password);
    if (answer === "up") return;
    const now = performance.now();
    if (answer === "loading") loadingSince ??= now;
    if (answer === "refused" && now - lookedAt > LOOK_MS) {
      lookedAt = now;
      await throwIfEnded(servers, node, redisConf);
    }
    const [since, limitMs] = loadingSince === undefined ? [began, startMs] : [loadingSince, loadMs];
    if (now - since > limitMs)
      throw new UserError(
        `${servers.who(node)}: Redis ${loadingSince === undefined ? "does not answer" : "still loads its data"} ${limitMs / 1000} s after its ` +
          `${ours ? "start" : "start by somebody else"} (last seen: ${answer}). Look at \`journalctl -u ${UNIT}\` there; running again goes on waiting.`,
      );
    await sleep(POLL_MS);
  }
}

async function ask(servers: Servers, node: HostNode, password: string | undefined): Promise<Answer> {
  try {
    return await askOver(await servers.dial(node, node.host, node.port), password, 1_000);
  } catch (error) {
    // A way that is wrong will not become right; nobody listening yet is what is waited for.
    if (error instanceof AccessError) throw error;
    return "refused";
  }
}

async function throwIfEnded(servers: Servers, node: HostNode, redisConf: string | undefined): Promise<void> {
  const { stdout } = await servers.run(node, { script: WHY, args: [String(LOG_LINES)] });
  const [state = "", ...log] = stdout.split(/^--$/m);
  const lines = parseLines(state);
  const { process } = unitState(lines);
  if (
    process === "running" ||
    (lines.get("ActiveState") === "activating" && lines.get("SubState") !== "auto-restart")
  )
    return;
  await servers.run(node, { script: GIVE_UP });
  const said = redact(log.join("--"), redisConf).trim();
  throw new UserError(
    `${servers.who(node)}: redis-server ended at its start (${lines.get("Result") ?? "unknown"}).\n` +
      `${said === "" ? "It said nothing." : `It said:\n${said}`}\n${cureFor(said)}`,
  );
}

/** Texts of Redis 5.0 to 7.0 (config.c, server.c, cluster.c, aof.c) and of systemd. */
function cureFor(said: string): string {
  if (/FATAL CONFIG FILE ERROR/i.test(said))
    return "Correct that directive in the `redis:` settings of the stack's config; this version of Redis refuses it.";
  if (/Address already in use|bind:|Could not create server TCP/i.test(said))
    return "Stop the program that has the port, or give the cluster another address or port.";
  if (/No space left/i.test(said)) return "Its disk is full: make room there, then run again.";
  if (/Permission denied|Read-only file system/i.test(said))
    return "Its data folder must belong to the user redis, on a disk that can be written.";
  if (/corrupted cluster config file/i.test(said))
    return "Its nodes.conf is damaged. Move the data folder's files away (keep them) and run again: the node is replaced and gets its data from its shard.";
  if (/append only file|append-only file|redis-check-aof/i.test(said))
    return "Look at the append-only file there with redis-check-aof (copy it first), or let a replica or a backup bring the data back.";
  return `The whole log: \`journalctl -u ${UNIT}\` there. Its redis.conf is ${REDIS_CONF}.`;
}
