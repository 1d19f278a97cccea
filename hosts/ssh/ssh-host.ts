/** Nodes that are servers of their own, one node a server, worked on by ssh as root; Redis is a unit of their systemd. */
import { createHash } from "node:crypto";
import { UserError } from "../errors";
import type { Host, HostFacts, HostNode, StopOptions } from "../host";
import { redact } from "../local/directives";
import { AccessError } from "./errors";
import { factsFrom } from "./facts";
import { DATA_DIRECTORY, UNIT } from "./layout";
import { preflightNodes } from "./preflight";
import { BACK_UP, EXIT, INSPECT, LOG_TAIL, PREPARE, PURGE, RETIRE, STOP } from "./scripts";
import { Servers } from "./servers";
import { startNode } from "./start";
import type { SshHostOptions, SshHosts } from "./types";

const STOP_TIMEOUT_MS = 30_000;
/** A signal ended it. */
const NO_CODE = -1;

/** Opens no connection yet. @throws AccessError where there is no usable key. */
export function createSshHosts(options: SshHostOptions): SshHosts {
  const context: Context = {
    options,
    servers: new Servers(options),
    dataDirectory: options.dataDirectory ?? DATA_DIRECTORY,
    expectInstalled: false,
  };
  const { servers } = context;
  const hosts = new Map<string, Host>();
  return {
    of: ({ name }) => {
      const host = hosts.get(name) ?? createHost(context, name);
      hosts.set(name, host);
      return host;
    },
    hostKeys: () => servers.connections.hostKeys.all(),
    expectInstalled: () => {
      context.expectInstalled = true;
    },
    close: async () => servers.close(),
  };
}

interface Context {
  readonly options: SshHostOptions;
  readonly servers: Servers;
  readonly dataDirectory: string;
  expectInstalled: boolean;
}

/** `name` is the node whose server this is. */
function createHost(context: Context, name: string): Host {
  const { servers, options, dataDirectory } = context;
  return {
    inspect: (node) => inspect(context, node),
    preflight: (nodes) => preflightNodes(servers, nodes, { ...options, dataDirectory }),
    prepare: (node) => prepare(context, node),
    start: (node) => start(context, node),
    stop: (node, stopOptions) => stop(context, node, stopOptions),
    purge: (node) => purge(context, node),
    dial: (address, port) => servers.dial({ name }, address, port),
    probe: (from, address, port, timeoutMs) => probe(servers, from, address, port, timeoutMs),
    readFile: (node, path) => servers.readFile(node, path),
    backUp: (node) => backUp(servers, node),
    retire: async (node) => {
      await servers.must(node, "removing the backup timer", { script: RETIRE });
    },
    logTail: (node, lines) => logTail(context, node, lines),
    close: async () => servers.close(),
  };
}

/**
 * A server that does not answer is unknown, with the reason. A wrong key, another host key or a refused password is
 * thrown: what is declared is wrong, and nothing else is to be tried.
 */
async function inspect(
  { servers, options, dataDirectory, expectInstalled }: Context,
  node: HostNode,
): Promise<HostFacts> {
  const args = [dataDirectory, options.redisVersion, String(node.port), String(node.busPort)];
  try {
    const { code, stdout, stderr } = await servers.run(node, { script: INSPECT, args });
    if (code !== undefined && stdout !== "") return factsFrom(stdout, { expectInstalled });
    return {
      process: "unknown",
      data: "unknown",
      detail: `${servers.who(node)}: ${stderr.trim() || "it said nothing"}`,
    };
  } catch (error) {
    if (error instanceof AccessError) throw error;
    return {
      process: "unknown",
      data: "unknown",
      detail: error instanceof Error ? error.message : String(error),
    };
  }
}

async function prepare({ servers, options }: Context, node: HostNode): Promise<boolean> {
  const redisConf = options.files(node.name);
  // A node that is no longer declared keeps the file that it has.
  if (redisConf === undefined) return false;
  const outcome = await servers.run(node, {
    script: PREPARE,
    args: [sha256Hex(redisConf)],
    stdin: redisConf,
  });
  switch (outcome.code ?? NO_CODE) {
    case 0:
      return outcome.stdout.trim() === "changed";
    case EXIT.notProvisioned:
      throw new UserError(
        `${servers.who(node)} is not set up for a node. Run \`pulumi up\`: it sets servers up before it writes their files.`,
      );
    case EXIT.incomplete:
      throw new UserError(
        `${servers.who(node)}: redis.conf did not arrive whole, so it was not put in place. Run again.`,
      );
    default:
      throw servers.failure(node, "writing redis.conf", outcome);
  }
}

async function start(context: Context, node: HostNode): Promise<void> {
  const { servers, options, dataDirectory } = context;
  await prepare(context, node);
  await startNode(servers, node, {
    redisVersion: options.redisVersion,
    dataDirectory,
    redisConf: options.files(node.name),
    facts: await inspect(context, node),
  });
}

async function stop(
  context: Context,
  node: HostNode,
  { kill = false, timeoutMs = STOP_TIMEOUT_MS }: StopOptions = {},
): Promise<void> {
  const { servers } = context;
  const outcome = await servers.run(node, {
    script: STOP,
    args: [kill ? "kill" : "term", String(Math.ceil(timeoutMs / 1000))],
    timeoutMs: timeoutMs + servers.bounds.operationMs,
  });
  if (outcome.code === 0) return;
  if (outcome.code !== EXIT.stillRunning) throw servers.failure(node, "stopping Redis", outcome);
  const log = await logTail(context, node, 5);
  const cure = kill ? "" : " `kill: true` ends it without saving.";
  throw new UserError(
    `${servers.who(node)}: ${UNIT} had not ended ${timeoutMs / 1000} s after ${kill ? "SIGKILL" : "SIGTERM"}.${cure} Its log ends with:\n${log}`,
  );
}

async function purge({ servers, dataDirectory }: Context, node: HostNode): Promise<void> {
  const outcome = await servers.run(node, { script: PURGE, args: [dataDirectory], timeoutMs: 10 * 60_000 });
  if (outcome.code === EXIT.runs)
    throw new UserError(`${servers.who(node)}: Redis runs there, so its data is not deleted. Stop it first.`);
  if (outcome.code !== 0) throw servers.failure(node, "deleting the data", outcome);
}

/** The unit's own bound, and a little. */
const BACK_UP_MS = 6.1 * 3_600_000;

async function backUp(servers: Servers, node: HostNode): Promise<string> {
  const outcome = await servers.run(node, { script: BACK_UP, timeoutMs: BACK_UP_MS });
  if (outcome.code === 0) return outcome.stdout.trim();
  if (outcome.code === EXIT.notProvisioned)
    throw new UserError(`${servers.who(node)} has no backup timer yet. \`pulumi up\` sets it up.`);
  throw servers.failure(node, "the backup", outcome);
}

async function probe(
  servers: Servers,
  from: HostNode,
  address: string,
  port: number,
  timeoutMs: number,
): Promise<"open" | "refused" | "timeout"> {
  try {
    (await servers.dial(from, address, port, timeoutMs)).destroy();
    return "open";
  } catch (error) {
    if (error instanceof AccessError) throw error;
    const code: unknown = error instanceof Error ? Reflect.get(error, "code") : undefined;
    return code === "ECONNREFUSED" ? "refused" : "timeout";
  }
}

async function logTail({ servers, options }: Context, node: HostNode, lines: number): Promise<string> {
  const { stdout } = await servers.run(node, { script: LOG_TAIL, args: [String(lines)] });
  return redact(stdout.trim(), options.files(node.name));
}

function sha256Hex(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
