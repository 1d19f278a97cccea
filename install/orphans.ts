import { spawnSync } from "node:child_process";
import { connect } from "node:net";
import type { Report } from "./progress";

const CONNECT_MS = 500;
const PLUGINS = /pulumi-(language-nodejs|resource-redis-cluster-kit)\b/;

/** A plugin process, with the engine that it was started by. */
export interface Plugin {
  pid: number;
  /** host:port of its engine, which every plugin gets as its last argument. */
  engine: string;
}

/** The plugins of ours in what `ps -eo pid=,args=` prints: those that name `root`, the project's folder. */
export function pluginsIn(ps: string, root: string): Plugin[] {
  return ps.split("\n").flatMap((line) => {
    const match = /^\s*(\d+)\s+(.*?)\s+(127\.0\.0\.1:\d+)\s*$/.exec(line);
    const [, pid, command, engine] = match ?? [];
    if (pid === undefined || command === undefined || engine === undefined) return [];
    const isOurs =
      PLUGINS.test(command) && (command.includes(`-root=${root} `) || command.includes(`${root}/`));
    return isOurs || command.endsWith(`-root=${root}`) ? [{ pid: Number(pid), engine }] : [];
  });
}

/** True when nothing listens at host:port: that engine is gone. */
function isGone(address: string): Promise<boolean> {
  const [host = "", port = ""] = address.split(":");
  return new Promise((resolve) => {
    const socket = connect({ host, port: Number(port), timeout: CONNECT_MS });
    const answer = (gone: boolean) => {
      socket.destroy();
      resolve(gone);
    };
    socket.on("connect", () => answer(false));
    socket.on("timeout", () => answer(false));
    socket.on("error", () => answer(true));
  });
}

/**
 * Ends plugins whose engine was killed: Pulumi's language host waits for ever, and a provider goes on with what it was
 * told. Only those that run this project and whose engine's port is closed, each by its process id.
 */
export async function endOrphans(root: string, report: Report): Promise<void> {
  const ps = spawnSync("ps", ["-eo", "pid=,args="], { encoding: "utf8", maxBuffer: 1 << 26 });
  if (ps.status !== 0) return;
  for (const plugin of pluginsIn(ps.stdout, root)) {
    if (!(await isGone(plugin.engine))) continue;
    try {
      process.kill(plugin.pid, "SIGTERM");
      report(`Ended process ${plugin.pid}, left over from the killed run`);
    } catch {
      // It ended by itself meanwhile.
    }
  }
}
