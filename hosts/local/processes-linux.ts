/**
 * Linux: processes and listeners from /proc, no program needed. Read synchronously: the kernel answers from memory
 * in microseconds, where a promise through the thread pool takes ten times as long, and a cluster looks often.
 */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { readdir, readlink } from "node:fs/promises";
import { join } from "node:path";
import { errorCode } from "./files";
import { type ListedProcess, mayBeRedis, type ProcessStatus, type ProcessTable } from "./processes";

export const linuxProcesses: ProcessTable = {
  status: async (pid) => status(pid),

  async list() {
    const found: ListedProcess[] = [];
    for (const pid of allPids()) {
      const stat = readProc(`/proc/${pid}/stat`);
      const known = stat === undefined ? undefined : parseStat(stat);
      if (!known || stat === undefined) continue;
      const words = commandWords(pid);
      // Without memory there are no arguments; the program's name outlasts them (kernel threads have one, too).
      const dying = words.length === 0 && stat.includes("(redis");
      if (!dying && !mayBeRedis(words)) continue;
      found.push({ pid, parentPid: known.parentPid, words, dying });
    }
    return found;
  },

  command: async (pid) => commandWords(pid),

  async workingDirectories(pids) {
    const folders = new Map<number, string>();
    for (const pid of pids) {
      try {
        folders.set(pid, readlinkSync(`/proc/${pid}/cwd`));
      } catch {
        // Ended meanwhile, or another user's: then it is not this user's node.
      }
    }
    return folders;
  },

  async listener(address, port) {
    const inodes = listeningInodes(address, port);
    if (inodes.size === 0) return undefined;
    return (await ownerOf(inodes)) ?? "hidden";
  },
};

function status(pid: number): ProcessStatus | undefined {
  const stat = readProc(`/proc/${pid}/stat`);
  const known = stat === undefined ? undefined : parseStat(stat);
  if (!known) return undefined;
  // The boot id tells equal start times of two boots apart.
  const boot = readProc("/proc/sys/kernel/random/boot_id")?.trim() ?? "";
  return { ...known, mark: `${boot}:${known.mark}` };
}

/** proc(5). `mark` is field 22, the start time in ticks since boot. `undefined` for one that only waits to be reaped. */
function parseStat(stat: string): ProcessStatus | undefined {
  // The second field is the program's name in parentheses and may hold spaces and parentheses itself.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [state = "", parent = "", group = ""] = fields;
  if (state === "Z" || state === "X") return undefined;
  return {
    mark: fields[19] ?? "",
    parentPid: Number(parent),
    groupPid: Number(group),
    suspended: state === "T",
  };
}

function commandWords(pid: number): string[] {
  const text = readProc(`/proc/${pid}/cmdline`) ?? "";
  return text.split(/[\0 ]+/).filter((word) => word !== "");
}

function allPids(): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

/** `undefined` when the process has ended (ESRCH: between open and read) or hides this from us. */
function readProc(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (["ENOENT", "ESRCH", "EACCES", "EPERM"].includes(errorCode(error))) return undefined;
    throw error;
  }
}

/** Inodes of the sockets in state LISTEN (0A) that would keep `address:port` from being bound. */
function listeningInodes(address: string, port: number): Set<string> {
  const inodes = new Set<string>();
  const wanted = port.toString(16).toUpperCase().padStart(4, "0");
  for (const file of ["/proc/net/tcp", "/proc/net/tcp6"]) {
    const table = readProc(file) ?? "";
    for (const line of table.split("\n").slice(1)) {
      const [, local = "", , state, , , , , , inode = ""] = line.trim().split(/\s+/);
      const [localAddress = "", localPort] = local.split(":");
      if (state === "0A" && localPort === wanted && overlaps(localAddress, address)) inodes.add(inode);
    }
  }
  return inodes;
}

/** IPv4 in /proc/net/tcp is hexadecimal in host order: 127.0.0.1 is 0100007F. Other forms count as overlapping. */
function overlaps(localHex: string, address: string): boolean {
  const bytes = address.split(".").map(Number);
  if (bytes.length !== 4 || address === "0.0.0.0" || /^0*$/.test(localHex)) return true;
  const hex = bytes
    .toReversed()
    .map((byte) => byte.toString(16).padStart(2, "0"))
    .join("")
    .toUpperCase();
  return localHex === hex || localHex.endsWith(`FFFF0000${hex}`);
}

async function ownerOf(inodes: ReadonlySet<string>): Promise<number | undefined> {
  for (const pid of allPids()) {
    const folder = `/proc/${pid}/fd`;
    for (const name of await readdir(folder).catch(() => [])) {
      const target = await readlink(join(folder, name)).catch(() => "");
      const inode = /^socket:\[(\d+)\]$/.exec(target)?.[1];
      if (inode !== undefined && inodes.has(inode)) return pid;
    }
  }
  return undefined;
}
