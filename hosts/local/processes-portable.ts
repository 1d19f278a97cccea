/** Systems without Linux's /proc (macOS, BSD): `ps` and `lsof`. Slower, as each look starts a program. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { errorCode } from "./files";
import { mayBeRedis, type ProcessTable } from "./processes";
import { probeTcp } from "./sockets";

const run = promisify(execFile);

export const portableProcesses: ProcessTable = {
  async status(pid) {
    const text = await output("ps", ["-o", "ppid=,pgid=,stat=,lstart=", "-p", String(pid)]);
    const match = /^\s*(\d+)\s+(\d+)\s+(\S+)\s+(\S.*?)\s*$/m.exec(text ?? "");
    if (!match) return undefined;
    const [, parent, group, state = "", mark = ""] = match;
    if (state.startsWith("Z")) return undefined;
    return { mark, parentPid: Number(parent), groupPid: Number(group), suspended: state.startsWith("T") };
  },

  async list() {
    const text = await output("ps", ["-axo", "pid=,ppid=,stat=,command="]);
    if (text === undefined) throw new Error("`ps` failed, so processes cannot be told");
    return [...text.matchAll(/^\s*(\d+)\s+(\d+)\s+([^Z\s]\S*)\s+(.*)$/gm)]
      .map(([, pid, parent, , command = ""]) => ({
        pid: Number(pid),
        parentPid: Number(parent),
        words: wordsOf(command),
      }))
      .filter(({ words }) => mayBeRedis(words));
  },

  async command(pid) {
    return wordsOf((await output("ps", ["-o", "command=", "-p", String(pid)])) ?? "");
  },

  async workingDirectories(pids) {
    const text = await output("lsof", ["-a", "-d", "cwd", "-p", pids.join(","), "-Fpn"]);
    const folders = new Map<number, string>();
    let pid = 0;
    for (const line of (text ?? "").split("\n")) {
      if (line.startsWith("p")) pid = Number(line.slice(1));
      if (line.startsWith("n/")) folders.set(pid, line.slice(1));
    }
    return folders;
  },

  async listener(address, port) {
    const text = await output("lsof", ["-nP", `-iTCP:${port}`, "-sTCP:LISTEN", "-Fp"]).catch(() => undefined);
    const pid = /^p(\d+)$/m.exec(text ?? "")?.[1];
    if (pid !== undefined) return Number(pid);
    return (await probeTcp(address, port, 500)) === "open" ? "hidden" : undefined;
  },
};

function wordsOf(command: string): string[] {
  return command.split(/\s+/).filter((word) => word !== "");
}

/**
 * Standard output of a program, bounded to 10 s. It counts after a failure, too: `ps` and `lsof` fail when one of
 * the pids is gone, and tell the others.
 * Throws when there is no such program: then nothing may be concluded. TZ is fixed because `lstart` is local time.
 */
async function output(program: string, args: readonly string[]): Promise<string | undefined> {
  const path = `${process.env.PATH ?? ""}:/usr/sbin:/sbin:/usr/bin:/bin`;
  try {
    const { stdout } = await run(program, [...args], {
      timeout: 10_000,
      maxBuffer: 64 * 1024 * 1024,
      env: { PATH: path, LC_ALL: "C", TZ: "UTC" },
    });
    return stdout;
  } catch (error) {
    if (errorCode(error) === "ENOENT") throw new Error(`\`${program}\` is not installed`, { cause: error });
    const { stdout } = error as { stdout?: unknown };
    return typeof stdout === "string" ? stdout : undefined;
  }
}
