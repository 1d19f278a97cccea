/** Processes of this machine: which one is meant, whether it still is that one, and how to end it. */
import { execFile } from "node:child_process";
import { readdir, readFile, readlink } from "node:fs/promises";
import { basename } from "node:path";
import { promisify } from "node:util";
import { errorCode } from "./files";

const run = promisify(execFile);

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
}

export interface ProcessTable {
  /** `undefined`: there is no such process, or it has ended and only waits to be reaped. */
  status(pid: number): Promise<ProcessStatus | undefined>;
  list(): Promise<ListedProcess[]>;
  /** `undefined`: it has ended, or its working directory may not be read. */
  workingDirectory(pid: number): Promise<string | undefined>;
}

/** Linux: from /proc, no program needed. */
export const linuxProcesses: ProcessTable = {
  async status(pid) {
    const stat = await readProc(`/proc/${pid}/stat`);
    if (stat === undefined) return undefined;
    // The second field is the program's name in parentheses and may hold spaces and parentheses itself.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const [state = "", parent = "", group = ""] = fields;
    if (state === "Z" || state === "X") return undefined;
    // Field 22, start time in ticks since boot (proc(5)); the boot id tells equal ticks of two boots apart.
    const boot = (await readProc("/proc/sys/kernel/random/boot_id"))?.trim() ?? "";
    return {
      mark: `${boot}:${fields[19] ?? ""}`,
      parentPid: Number(parent),
      groupPid: Number(group),
      suspended: state === "T",
    };
  },

  async list() {
    const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name)).map(Number);
    const found: ListedProcess[] = [];
    for (const pid of pids) {
      const words = (await readProc(`/proc/${pid}/cmdline`))?.split(/[\0 ]+/).filter((word) => word !== "");
      if (words === undefined || words.length === 0) continue;
      const status = words.some((word) => word.includes("redis")) ? await this.status(pid) : undefined;
      if (status) found.push({ pid, parentPid: status.parentPid, words });
    }
    return found;
  },

  async workingDirectory(pid) {
    try {
      return await readlink(`/proc/${pid}/cwd`);
    } catch {
      return undefined;
    }
  },
};

async function readProc(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    // ESRCH: the process ended between open and read.
    if (["ENOENT", "ESRCH", "EACCES", "EPERM"].includes(errorCode(error))) return undefined;
    throw error;
  }
}

/** Other systems (macOS, BSD): `ps` and `lsof`. Slower: each look starts a program. */
export const portableProcesses: ProcessTable = {
  async status(pid) {
    const text = await output("ps", ["-o", "ppid=,pgid=,stat=,lstart=", "-p", String(pid)]);
    const match = /^\s*(\d+)\s+(\d+)\s+(\S+)\s+(\S.*?)\s*$/m.exec(text ?? "");
    if (!match) return undefined;
    const [, parent, group, state = "", mark = ""] = match;
    if (state.startsWith("Z")) return undefined;
    return {
      mark,
      parentPid: Number(parent),
      groupPid: Number(group),
      suspended: state.startsWith("T"),
    };
  },

  async list() {
    const text = await output("ps", ["-axo", "pid=,ppid=,stat=,command="]);
    if (text === undefined) throw new Error("`ps` could not be run, so processes cannot be told");
    return [...text.matchAll(/^\s*(\d+)\s+(\d+)\s+([^Z\s]\S*)\s+(.*)$/gm)]
      .map(([, pid, parent, , command = ""]) => ({
        pid: Number(pid),
        parentPid: Number(parent),
        words: command.split(" ").filter((word) => word !== ""),
      }))
      .filter(({ words }) => words.some((word) => word.includes("redis")));
  },

  async workingDirectory(pid) {
    const text = await output("lsof", ["-a", "-d", "cwd", "-p", String(pid), "-Fn"]);
    return /^n(\/.*)$/m.exec(text ?? "")?.[1];
  },
};

/** Standard output of a program, bounded to 10 s; `undefined` when it failed. Throws when there is no such program. */
export async function output(program: string, args: readonly string[]): Promise<string | undefined> {
  try {
    const { stdout } = await run(program, [...args], {
      timeout: 10_000,
      maxBuffer: 64 * 1024 * 1024,
      env: { PATH: `${process.env.PATH ?? ""}:/usr/sbin:/sbin:/usr/bin:/bin`, LC_ALL: "C" },
    });
    return stdout;
  } catch (error) {
    if (errorCode(error) === "ENOENT") throw new Error(`\`${program}\` is not installed`, { cause: error });
    return undefined;
  }
}

export function systemProcesses(): ProcessTable {
  return process.platform === "linux" ? linuxProcesses : portableProcesses;
}

/** Titles of the children that Redis forks to save, rewrite or send its data (rdb.c, aof.c, module.c). */
const SAVING_CHILD = /^redis-(rdb|aof|module)-/;

export interface NodeProcesses {
  /** The node's own server. */
  readonly server?: number;
  /** Children that save for a server that is gone. */
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
  const here: ListedProcess[] = [];
  for (const listed of await table.list()) {
    const mayBe = isServer(listed, configFile) || SAVING_CHILD.test(listed.words[0] ?? "");
    if (mayBe && (await table.workingDirectory(listed.pid)) === folder) here.push(listed);
  }
  const pids = new Set(here.map(({ pid }) => pid));
  const servers = here.filter((listed) => isServer(listed, configFile) && !pids.has(listed.parentPid));
  const server = servers[0]?.pid;
  const orphans = here.filter(({ pid, parentPid }) => pid !== server && parentPid !== server);
  return { ...(server === undefined ? {} : { server }), orphans: orphans.map(({ pid }) => pid) };
}

function isServer({ words }: ListedProcess, configFile: string): boolean {
  const [program = ""] = words;
  if (SAVING_CHILD.test(program)) return false;
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
