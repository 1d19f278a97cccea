/** Everything that would make a start fail, looked for before anything is changed, and told all at once. */
import { execFile } from "node:child_process";
import { access, constants, stat, statfs } from "node:fs/promises";
import { dirname } from "node:path";
import { UserError } from "../errors";
import type { HostNode } from "../host";
import { readDirective } from "./directives";
import { clusterOf } from "./directory";
import { errorCode, errorText } from "./files";
import { findProcesses, pathsOf } from "./folder";
import type { ProcessTable } from "./processes";
import { findListener, whyNotBindable } from "./sockets";
import type { LocalHostOptions } from "./types";

/** Redis's own files besides its clients' (CONFIG_MIN_RESERVED_FDS in server.h). */
const RESERVED_FILES = 32;
/** Redis's default when redis.conf says nothing. */
const DEFAULT_MAXCLIENTS = 10_000;
/** getcwd buffers of Redis hold 1024 bytes (rdb.c, config.c); the rest is for its file names. */
const MAX_FOLDER_BYTES = 900;

/** Throws one UserError that lists every problem. Changes nothing. */
export async function preflight(
  table: ProcessTable,
  options: LocalHostOptions,
  nodes: readonly HostNode[],
): Promise<void> {
  const problems = await directoryProblems(options, nodes);
  for (const node of nodes) {
    const paths = pathsOf(options.dataDirectory, node);
    try {
      const { server } = await findProcesses(table, paths);
      if (!server) problems.push(...(await portProblems(table, node)));
    } catch (error) {
      problems.push(
        `node "${node.name}": cannot tell whether it runs (${errorText(error)}). Run as the user that started it.`,
      );
    }
  }
  problems.push(...(await openFilesProblems(options, nodes)));
  if (problems.length === 0) return;
  const intro = problems.length === 1 ? "" : `${problems.length} problems; nothing was started:\n`;
  throw new UserError(intro + problems.map((problem) => (intro ? `- ${problem}` : problem)).join("\n"));
}

/** What keeps a node's two ports from being bound, each with who holds it and the cure. */
export async function portProblems(table: ProcessTable, node: HostNode): Promise<string[]> {
  const problems: string[] = [];
  for (const [kind, port] of [
    ["data port", node.port],
    ["cluster bus port", node.busPort],
  ] as const) {
    const reason = await whyNotBindable(node.host, port);
    if (reason === undefined) continue;
    problems.push(await portProblem(table, node, kind, port, reason));
  }
  return problems;
}

async function portProblem(
  table: ProcessTable,
  node: HostNode,
  kind: string,
  port: number,
  reason: string,
): Promise<string> {
  const where = `node "${node.name}": ${kind} ${node.host}:${port}`;
  switch (reason) {
    case "EADDRINUSE": {
      const holder = await findListener(table, node.host, port);
      const by = holder ?? "a connection of some program that uses this port as its own end";
      return `${where} is taken by ${by}. Stop it, or choose other ports: \`pulumi config set basePort N\`.`;
    }
    case "EADDRNOTAVAIL":
      return `${where}: this machine has no address ${node.host}. The local target needs one of its own, e.g. 127.0.0.1.`;
    case "EACCES":
      return `${where}: this user may not listen there. Choose ports above 1023: \`pulumi config set basePort N\`.`;
    default:
      return `${where} cannot be listened on (${reason}). Choose other ports: \`pulumi config set basePort N\`.`;
  }
}

async function directoryProblems(options: LocalHostOptions, nodes: readonly HostNode[]): Promise<string[]> {
  const { dataDirectory, clusterName } = options;
  const cure = "Choose another one: `pulumi config set dataDirectory DIR`.";
  const owner = await clusterOf(dataDirectory);
  if (owner !== undefined && owner !== clusterName) {
    return [
      `data directory ${dataDirectory} belongs to the cluster "${owner}", this is "${clusterName}". ${cure} Or remove that cluster first.`,
    ];
  }
  const problems: string[] = [];
  const folders = nodes.map((node) => pathsOf(dataDirectory, node).folder);
  const longest = folders.reduce(
    (a, b) => (Buffer.byteLength(b) > Buffer.byteLength(a) ? b : a),
    dataDirectory,
  );
  if (Buffer.byteLength(longest) > MAX_FOLDER_BYTES) {
    const bytes = Buffer.byteLength(longest);
    return [`data directory ${longest}: ${bytes} bytes long, Redis takes ${MAX_FOLDER_BYTES}. ${cure}`];
  }
  const refused = new Set<string>();
  for (const folder of [dataDirectory, ...folders]) {
    const problem = await whyNotWritable(folder);
    if (problem !== undefined) refused.add(problem);
  }
  problems.push(...[...refused].map((problem) => `data directory ${dataDirectory}: ${problem}. ${cure}`));
  if (refused.size === 0) problems.push(...(await spaceProblems(options)));
  return problems;
}

/** Looks at the folder, or at the nearest parent that exists: that is where it would be created. */
async function whyNotWritable(folder: string): Promise<string | undefined> {
  const nearest = await nearestExisting(folder);
  if (typeof nearest !== "string") return `${folder}: ${nearest.problem}`;
  try {
    if (!(await stat(nearest)).isDirectory()) return `${nearest} is not a folder`;
    await access(nearest, constants.W_OK | constants.X_OK);
    return undefined;
  } catch (error) {
    return `${nearest} is not writable for this user (${errorCode(error) || errorText(error)})`;
  }
}

async function nearestExisting(folder: string): Promise<string | { problem: string }> {
  for (let path = folder; ; path = dirname(path)) {
    try {
      await stat(path);
      return path;
    } catch (error) {
      const code = errorCode(error);
      // ENOTDIR: a file stands where a folder is needed; going up finds and names it.
      if (!["ENOENT", "ENOTDIR"].includes(code) || dirname(path) === path) return { problem: code };
    }
  }
}

async function spaceProblems({
  dataDirectory,
  minFreeBytes = 64 * 1024 * 1024,
}: LocalHostOptions): Promise<string[]> {
  const nearest = await nearestExisting(dataDirectory);
  if (typeof nearest !== "string") return [];
  const { bavail, bsize } = await statfs(nearest);
  const freeBytes = bavail * bsize;
  if (freeBytes >= minFreeBytes) return [];
  const mib = (bytes: number) => `${Math.floor(bytes / 1024 / 1024)} MiB`;
  return [
    `data directory ${dataDirectory}: ${mib(freeBytes)} free on its disk, ${mib(minFreeBytes)} needed. Free some, or choose another one: \`pulumi config set dataDirectory DIR\`.`,
  ];
}

/**
 * Redis raises its open-files limit to maxclients + 32 by itself and, where it may not, lowers maxclients with
 * nothing but a warning in its log (adjustOpenFilesLimit in server.c). So the same is tried here, in a shell.
 */
async function openFilesProblems(options: LocalHostOptions, nodes: readonly HostNode[]): Promise<string[]> {
  const byMaxclients = new Map<number, string>();
  for (const node of nodes) {
    const redisConf = options.files(node.name)?.redisConf;
    const declared = redisConf === undefined ? undefined : readDirective(redisConf, "maxclients");
    const maxclients = Number(declared ?? DEFAULT_MAXCLIENTS);
    if (Number.isSafeInteger(maxclients) && !byMaxclients.has(maxclients)) {
      byMaxclients.set(maxclients, node.name);
    }
  }
  const problems: string[] = [];
  for (const [maxclients, name] of byMaxclients) {
    const needed = maxclients + RESERVED_FILES;
    const hardLimit = await refusedLimit(needed);
    if (hardLimit === undefined) continue;
    problems.push(
      `node "${name}": maxclients ${maxclients} needs ${needed} open files, the hard limit here is ${hardLimit}. Lower maxclients (\`redis: maxclients\` in the stack's config) to at most ${Math.max(1, Number(hardLimit) - RESERVED_FILES) || "that limit less 32"}, or raise the limit (\`ulimit -Hn\`, /etc/security/limits.conf).`,
    );
  }
  return problems;
}

/** `undefined`: a process may have that many open files; else the present hard limit. */
function refusedLimit(needed: number): Promise<string | undefined> {
  const script = 'hard=$(ulimit -Hn); ulimit -n "$1" 2>/dev/null || { echo "$hard"; exit 9; }';
  return new Promise((resolve) => {
    execFile("/bin/sh", ["-c", script, "sh", String(needed)], { timeout: 10_000 }, (error, stdout) =>
      resolve(error?.code === 9 ? stdout.trim() : undefined),
    );
  });
}
