/** Processes of this machine: which one is meant, whether it still is that one, and how to signal it. */
import { basename } from "node:path";
import { errorCode } from "./files";

/** What stays true of one process for its life, and its state now. */
export interface ProcessStatus {
  /** Differs between two processes that had the same pid at different times. Opaque; compare for equality. */
  readonly mark: string;
  readonly parentPid: number;
  readonly groupPid: number;
  /** Stopped by SIGSTOP or a terminal: it handles no signal but SIGKILL and SIGCONT. */
  readonly suspended: boolean;
}

export interface ListedProcess {
  readonly pid: number;
  readonly parentPid: number;
  /** Arguments, or the title that the program gave itself, as words. */
  readonly words: readonly string[];
  /** Its memory is gone and it runs no more code, but it still holds files and their locks. Linux tells. */
  readonly dying?: boolean;
}

export interface ProcessTable {
  /** `undefined`: there is no such process, or it has ended and only waits to be reaped. */
  status(pid: number): Promise<ProcessStatus | undefined>;
  /** Every process that `mayBeRedis`. Throws when processes cannot be told. */
  list(): Promise<ListedProcess[]>;
  /** By pid. One that has ended, or whose working directory may not be read, is not in the result. */
  workingDirectories(pids: readonly number[]): Promise<ReadonlyMap<number, string>>;
  /** Empty: it has ended, or may not be looked at. */
  command(pid: number): Promise<string[]>;
  /** Pid of whoever listens where a node wants to; "hidden": somebody does, but it cannot be told who. */
  listener(address: string, port: number): Promise<number | "hidden" | undefined>;
}

/** A coarse first sieve: "redis" somewhere, or the end of a cluster node's title, if its program has another name. */
export function mayBeRedis(words: readonly string[]): boolean {
  return words.at(-1) === "[cluster]" || words.some((word) => word.includes("redis"));
}

/** Titles of the children that Redis forks to save, rewrite or send its data (rdb.c, aof.c, module.c). */
const SAVING_CHILD = /^redis-(rdb|aof|module)-/;

export interface NodeProcesses {
  /** The node's own server. */
  readonly server?: number;
  /** Children that save for a server that is gone, and processes that have been killed and are not yet gone. */
  readonly orphans: readonly number[];
}

/**
 * Finds a node's processes without a pid file: redis-server rewrites its title to
 * "redis-server 127.0.0.1:7000 [cluster]", so the working directory, which is the node's folder, decides.
 * `folder` is a real path (no symbolic links), `configFile` the path that the server was started with.
 */
export async function findNodeProcesses(
  table: ProcessTable,
  folder: string,
  configFile: string,
): Promise<NodeProcesses> {
  const candidates = (await table.list()).filter(
    (listed) => listed.dying || isServer(listed, configFile) || SAVING_CHILD.test(listed.words[0] ?? ""),
  );
  if (candidates.length === 0) return { orphans: [] };
  const folders = await table.workingDirectories(candidates.map(({ pid }) => pid));
  const here = candidates.filter(({ pid }) => folders.get(pid) === folder);
  const pids = new Set(here.map(({ pid }) => pid));
  const server = here.find((listed) => isServer(listed, configFile) && !pids.has(listed.parentPid))?.pid;
  const orphans = here.filter(({ pid, parentPid }) => pid !== server && parentPid !== server);
  return { ...(server === undefined ? {} : { server }), orphans: orphans.map(({ pid }) => pid) };
}

function isServer({ words, dying = false }: ListedProcess, configFile: string): boolean {
  const [program = ""] = words;
  if (dying || SAVING_CHILD.test(program)) return false;
  const titled = /:\d+ \[cluster\]$/.test(words.join(" ")) || basename(program).startsWith("redis-server");
  // Between fork and exec the process is still the shell that sets the umask.
  const starting = words.join(" ").includes(`redis-server ${configFile}`);
  return titled || starting;
}

/** Sends a signal; a process that has ended meanwhile is no error. `group`: also to what it forked. */
export function signal(pid: number, name: NodeJS.Signals, group = false): void {
  try {
    process.kill(group ? -pid : pid, name);
  } catch (error) {
    if (errorCode(error) !== "ESRCH") throw error;
  }
}
