/** One node's folder: its files, and the process that runs from it. */
import { readdir, realpath, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { UserError } from "../errors";
import type { DataState, HostNode } from "../host";
import { errorCode, readIfThere, writeAtomic } from "./files";
import { findNodeProcesses, type ProcessTable, signal } from "./processes";

export interface NodePaths {
  readonly folder: string;
  readonly redisConf: string;
  /** Address and other plain fields of the node, as `prepare` was given them. */
  readonly nodeJson: string;
  /** Pid and start mark of the process. */
  readonly processJson: string;
  readonly log: string;
  /** Version of the Redis that last ran on the data. */
  readonly version: string;
}

/** Tearing down many GB takes the kernel seconds. */
const ORPHANS_TIMEOUT_MS = 30_000;

const OWN_FILES = /^(redis\.conf|node\.json|process\.json|redis\.log|redis\.version)(\.|$)/;

/** Paths of a node. The name becomes a folder name, so it is checked here, whatever the caller did. */
export function pathsOf(dataDirectory: string, node: Pick<HostNode, "name">): NodePaths {
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/.test(node.name)) {
    throw new UserError(
      `node name ${JSON.stringify(node.name)}: it becomes a folder name; use letters, digits, ".", "_" and "-", at most 100`,
    );
  }
  const folder = join(dataDirectory, node.name);
  return {
    folder,
    redisConf: join(folder, "redis.conf"),
    nodeJson: join(folder, "node.json"),
    processJson: join(folder, "process.json"),
    log: join(folder, "redis.log"),
    version: join(folder, "redis.version"),
  };
}

/** Whether Redis wrote anything there: any file that this host did not write itself. */
export async function dataState(paths: NodePaths): Promise<DataState> {
  try {
    const names = await readdir(paths.folder);
    return names.some((name) => !OWN_FILES.test(name)) ? "present" : "empty";
  } catch (error) {
    return errorCode(error) === "ENOENT" ? "empty" : "unknown";
  }
}

export interface RunningProcess {
  readonly pid: number;
  readonly mark: string;
  readonly suspended: boolean;
  /** It leads its own process group, so that its children can be ended with it. */
  readonly leadsGroup: boolean;
}

export interface FoundProcesses {
  readonly server?: RunningProcess;
  /** Saving children of a server that is gone, and dying processes; they may still hold the lock of nodes.conf. */
  readonly orphans: readonly number[];
}

/**
 * The node's process: by its pid file when pid and start mark still fit, else by looking through the processes of
 * this machine. Throws when this cannot be told; no result without `server` means "certainly not running".
 */
export async function findProcesses(table: ProcessTable, paths: NodePaths): Promise<FoundProcesses> {
  const recorded = await readPidFile(paths);
  if (recorded) {
    const server = await running(table, recorded.pid);
    if (server?.mark === recorded.mark) return { server, orphans: [] };
  }
  let folder: string;
  try {
    folder = await realpath(paths.folder);
  } catch (error) {
    if (errorCode(error) === "ENOENT") return { orphans: [] };
    throw error;
  }
  const found = await findNodeProcesses(table, folder, paths.redisConf);
  const server = found.server === undefined ? undefined : await running(table, found.server);
  return server ? { server, orphans: found.orphans } : { orphans: found.orphans };
}

async function running(table: ProcessTable, pid: number): Promise<RunningProcess | undefined> {
  const status = await table.status(pid);
  if (!status) return undefined;
  return { pid, mark: status.mark, suspended: status.suspended, leadsGroup: status.groupPid === pid };
}

/** Whether exactly this process still runs: a reused pid has another mark. */
export async function stillRuns(table: ProcessTable, server: RunningProcess): Promise<boolean> {
  return (await table.status(server.pid))?.mark === server.mark;
}

/**
 * Kills saving children of a server that is gone, and waits until they hold no file any more: until 5.0.10 they
 * inherit the lock of nodes.conf, and a start meanwhile would fail. Later ones could still replace dump.rdb.
 */
export async function endOrphans(table: ProcessTable, orphans: readonly number[]): Promise<void> {
  for (const pid of orphans) signal(pid, "SIGKILL");
  const deadline = performance.now() + ORPHANS_TIMEOUT_MS;
  for (const pid of orphans) {
    while (await table.status(pid)) {
      if (performance.now() > deadline) {
        throw new Error(`process ${pid} had not ended ${ORPHANS_TIMEOUT_MS / 1000} s after SIGKILL`);
      }
      await sleep(10);
    }
  }
}

async function readPidFile(paths: NodePaths): Promise<{ pid: number; mark: string } | undefined> {
  const text = await readIfThere(paths.processJson);
  try {
    const parsed: unknown = JSON.parse(text ?? "null");
    if (typeof parsed !== "object" || parsed === null) return undefined;
    const { pid, started } = parsed as { pid?: unknown; started?: unknown };
    if (typeof pid === "number" && pid > 1 && typeof started === "string") return { pid, mark: started };
  } catch {
    // A damaged pid file is like none: the process is looked for instead.
  }
  return undefined;
}

export async function writePidFile(paths: NodePaths, server: RunningProcess): Promise<void> {
  const content = JSON.stringify({ pid: server.pid, started: server.mark });
  // After a power cut no process is left that it could name.
  await writeAtomic(paths.processJson, `${content}\n`, { durable: false });
}

/** Removes the pid file, unless it names another process by now. */
export async function removePidFile(paths: NodePaths, server: RunningProcess | undefined): Promise<void> {
  const recorded = await readPidFile(paths);
  if (server && recorded && recorded.mark !== server.mark) return;
  await rm(paths.processJson, { force: true });
}
