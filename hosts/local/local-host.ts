/** Nodes that are processes on this machine: one folder and one redis-server a node. */
import { existsSync } from "node:fs";
import { readdir, rm } from "node:fs/promises";
import { isAbsolute, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { UserError } from "../errors";
import type { HostFacts, HostNode, StopOptions } from "../host";
import { claimData, dataVersion } from "./data-version";
import { readDirective, redact } from "./directives";
import { claimDirectory, knownNodes, releaseDirectory } from "./directory";
import { untilLockFades } from "./fading-lock";
import {
  ensurePrivateFolder,
  errorText,
  isPrivate,
  openForReading,
  readIfThere,
  readTail,
  sha256Hex,
  writeAtomic,
} from "./files";
import {
  dataState,
  endOrphans,
  type FoundProcesses,
  findProcesses,
  type NodePaths,
  pathsOf,
  type RunningProcess,
  removePidFile,
  stillRuns,
  writePidFile,
} from "./folder";
import { deathError, type Launched, lastLines, launch, waitUntilServing } from "./launch";
import { withLock } from "./lock";
import { portProblems, preflight } from "./preflight";
import { type ProcessTable, signal } from "./processes";
import { findListener, probeTcp } from "./sockets";
import { systemProcesses } from "./system";
import type { LocalHost, LocalHostOptions, ResolvedServer } from "./types";

const LOCK_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 30_000;
const ASK_AGAIN_MS = 1_000;
const STOP_POLL_MS = 20;

/**
 * The host of the local target. `table` is given by tests only.
 *
 * Files of a node, all in `<dataDirectory>/<name>/` (0700): redis.conf (0600, with the password), node.json,
 * process.json (pid and start mark), redis.log (0600), and what Redis writes. Locks are in `<dataDirectory>/.locks`.
 */
export function createLocalHost(
  options: LocalHostOptions,
  table: ProcessTable = systemProcesses(),
): LocalHost {
  if (!isAbsolute(options.dataDirectory)) {
    throw new UserError(`data directory ${options.dataDirectory}: an absolute path is needed`);
  }
  const context: Context = {
    options,
    table,
    resolve: once(options),
    paths: (node) => pathsOf(options.dataDirectory, node),
  };
  return {
    inspect: (node) => inspect(context, node),
    preflight: (nodes) => preflight(table, options, nodes),
    prepare: (node) => prepare(context, node),
    start: (node) => untilLockFades(() => start(context, node)),
    stop: (node, stopOptions) => stop(context, node, stopOptions),
    purge: (node) => purge(context, node),
    probe: (_from, address, port, timeoutMs) => probeTcp(address, port, timeoutMs),
    readFile: (_node, path) => openForReading(path),
    logTail: (node, lines) => logTail(context, node, lines),
    close: async () => {},
    knownNodes: () => knownNodes(options),
    folderOf: (node) => context.paths(node).folder,
  };
}

interface Context {
  readonly options: LocalHostOptions;
  readonly table: ProcessTable;
  readonly resolve: () => Promise<ResolvedServer>;
  readonly paths: (node: Pick<HostNode, "name">) => NodePaths;
}

function once({ resolveServer, report }: LocalHostOptions): () => Promise<ResolvedServer> {
  let pending: Promise<ResolvedServer> | undefined;
  return () => {
    pending ??= resolveServer().then((binaries) => {
      if (binaries.note !== undefined) report?.(binaries.note);
      return binaries;
    });
    return pending;
  };
}

async function inspect(context: Context, node: HostNode): Promise<HostFacts> {
  const details: string[] = [];
  const orElse = async <T>(work: Promise<T>, fallback: T): Promise<T> => {
    try {
      return await work;
    } catch (error) {
      details.push(errorText(error));
      return fallback;
    }
  };
  const paths = context.paths(node);
  const find = () => orElse<FoundProcesses | undefined>(findProcesses(context.table, paths), undefined);
  const first = await find();
  const heldBy = first && !first.server ? await orElse(portHolder(context, node), undefined) : undefined;
  // Whoever holds the port may be the node itself, started between the two looks.
  const found = heldBy ? await find() : first;
  const holder = found?.server ? undefined : heldBy;
  const redisConf = await orElse(readIfThere(paths.redisConf), undefined);
  const installedVersion = await orElse(installed(context), undefined);
  const ranOn = await orElse(dataVersion(paths), undefined);
  return {
    process: found === undefined ? "unknown" : found.server ? "running" : "stopped",
    data: await dataState(paths),
    ...(found?.server ? { pid: found.server.pid } : {}),
    ...(installedVersion === undefined ? {} : { installedVersion }),
    ...(ranOn === undefined ? {} : { dataVersion: ranOn }),
    ...(redisConf === undefined ? {} : { configSha256: sha256Hex(redisConf) }),
    ...(holder === undefined ? {} : { portHolder: holder }),
    ...(found?.server?.suspended ? { detail: suspendedText(node, found.server) } : {}),
    ...(details.length === 0 ? {} : { detail: details.join("; ") }),
  };
}

async function installed({ options, resolve }: Context): Promise<string | undefined> {
  return (await (options.peekServer ?? resolve)())?.version;
}

async function portHolder({ table }: Context, node: HostNode): Promise<HostFacts["portHolder"]> {
  for (const port of [node.port, node.busPort]) {
    const description = await findListener(table, node.host, port);
    if (description !== undefined) return { port, description };
  }
  return undefined;
}

async function prepare(context: Context, node: HostNode): Promise<boolean> {
  const { options } = context;
  const paths = context.paths(node);
  const rendered = options.files(node.name)?.redisConf;
  await claimDirectory(options);
  const inPlace = await readIfThere(paths.redisConf);
  if (rendered === undefined) {
    if (inPlace !== undefined) return false;
    throw new UserError(`node "${node.name}" is not declared and has no redis.conf in ${paths.folder}`);
  }
  const dir = readDirective(rendered, "dir");
  if (dir !== undefined && dir !== paths.folder && dir !== "." && dir !== "./") {
    throw new UserError(
      `node "${node.name}": its redis.conf says dir ${dir}, its data belongs in ${paths.folder}`,
    );
  }
  await ensurePrivateFolder(paths.folder);
  const { name, host, port, busPort, ...others } = node;
  const nodeJson = `${JSON.stringify({ name, host, port, busPort, ...others }, null, 2)}\n`;
  const changedNode = (await readIfThere(paths.nodeJson)) !== nodeJson;
  if (changedNode) await writeAtomic(paths.nodeJson, nodeJson);
  const changedConf = inPlace !== rendered || !(await isPrivate(paths.redisConf));
  if (changedConf) await writeAtomic(paths.redisConf, rendered);
  return changedNode || changedConf;
}

/**
 * 1. Find Redis before the lock is taken: building it can take minutes.
 * 2. Under the lock: write the files, look whether the process runs, else start it and write its pid file. A run
 *    that is killed in between leaves a process that the next one finds by its folder.
 * 3. Wait without the lock, so that a node that loads for long can still be stopped or killed.
 */
async function start(context: Context, node: HostNode): Promise<void> {
  const { options, table } = context;
  const paths = context.paths(node);
  const binaries = await context.resolve();
  await claimDirectory(options);
  const launched = await locked(context, node, async () => {
    await prepare(context, node);
    const found = await findProcesses(table, paths);
    if (found.server) return adopt(node, paths, found.server);
    await endOrphans(table, found.orphans);
    const problems = await portProblems(table, node);
    if (problems.length > 0) throw new UserError(problems.join("\n"));
    await claimData(node.name, paths, binaries.version);
    const result = await launch(table, paths, binaries, options.maxLogBytes ?? 10 * 1024 * 1024);
    if ("died" in result)
      throw await deathError(node, { paths, program: binaries.server }, result.logOffset, result.died);
    await writePidFile(paths, result.server);
    return result;
  });
  try {
    await waitUntilServing(node, launched, {
      table,
      paths,
      program: binaries.server,
      startTimeoutMs: options.startTimeoutMs ?? 15_000,
      loadTimeoutMs: options.loadTimeoutMs ?? 600_000,
    });
  } catch (error) {
    if (!(await stillRuns(table, launched.server))) await removePidFile(paths, launched.server);
    throw error;
  }
}

/** The process runs already: take it as it is, and repair a lost pid file. */
async function adopt(node: HostNode, paths: NodePaths, server: RunningProcess): Promise<Launched> {
  if (server.suspended) throw new UserError(suspendedText(node, server));
  await writePidFile(paths, server);
  return { server, logOffset: 0, ours: false, ended: async () => undefined };
}

function suspendedText(node: HostNode, { pid }: RunningProcess): string {
  return `node "${node.name}": its process (pid ${pid}) is suspended (SIGSTOP). \`kill -CONT ${pid}\` lets it go on`;
}

function locked<T>(context: Context, node: HostNode, body: () => Promise<T>): Promise<T> {
  const { options, table } = context;
  const onWait = (pid: number) =>
    options.report?.(`node "${node.name}": waiting for another run (pid ${pid}) that is starting it`);
  const folder = join(options.dataDirectory, ".locks");
  return withLock(table, folder, node.name, { timeoutMs: LOCK_TIMEOUT_MS, onWait }, body);
}

async function stop(context: Context, node: HostNode, options: StopOptions = {}): Promise<void> {
  const { table } = context;
  const paths = context.paths(node);
  const { server, orphans } = await findProcesses(table, paths);
  await endOrphans(table, orphans);
  if (!server) return removePidFile(paths, undefined);
  const timeoutMs = options.timeoutMs ?? STOP_TIMEOUT_MS;
  askToEnd(server, options.kill);
  const began = performance.now();
  let askedAt = began;
  while (await stillRuns(table, server)) {
    const now = performance.now();
    if (now - began > timeoutMs) throw await stopError(context, node, server, timeoutMs, options.kill);
    // Redis forgets a SIGTERM that it cannot follow, e.g. while it writes its first append-only file after a resync.
    if (now - askedAt > ASK_AGAIN_MS) {
      askToEnd(server, options.kill);
      askedAt = now;
    }
    await sleep(STOP_POLL_MS);
  }
  await removePidFile(paths, server);
}

function askToEnd(server: RunningProcess, kill = false): void {
  // A saving child of a killed server would go on writing dump.rdb and holding the lock of nodes.conf.
  if (kill) signal(server.pid, "SIGKILL", server.leadsGroup);
  else signal(server.pid, "SIGTERM");
  // A suspended process gets SIGTERM only once it goes on.
  if (!kill && server.suspended) signal(server.pid, "SIGCONT");
}

async function stopError(
  context: Context,
  node: HostNode,
  { pid }: RunningProcess,
  timeoutMs: number,
  kill = false,
): Promise<UserError> {
  const log = await logTail(context, node, 5);
  const cure = kill ? "" : " `kill: true` ends it without saving.";
  return new UserError(
    `node "${node.name}": its process (pid ${pid}) had not ended ${timeoutMs / 1000} s after ${kill ? "SIGKILL" : "SIGTERM"}.${cure} Its log ends with:\n${log}`,
  );
}

async function purge(context: Context, node: HostNode): Promise<void> {
  const { options, table } = context;
  const paths = context.paths(node);
  if (!existsSync(paths.folder)) return;
  await locked(context, node, async () => {
    const { server, orphans } = await findProcesses(table, paths);
    if (server) {
      throw new UserError(
        `node "${node.name}": its process (pid ${server.pid}) runs, so its data is not deleted. Stop it first.`,
      );
    }
    await endOrphans(table, orphans);
    // The folder may be a link to another disk: what is in it is deleted, then the link.
    for (const name of await readdir(paths.folder).catch(() => [])) {
      await rm(join(paths.folder, name), { recursive: true, force: true });
    }
    await rm(paths.folder, { recursive: true, force: true });
  });
  await releaseDirectory(options);
}

async function logTail(context: Context, node: HostNode, lines: number): Promise<string> {
  const paths = context.paths(node);
  const text = await readTail(paths.log, 256 * 1024);
  return lastLines(redact(text, await readIfThere(paths.redisConf)), lines);
}
