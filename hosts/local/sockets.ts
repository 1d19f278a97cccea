/** Ports of this machine: taken or free, and by whom. */
import { connect, createServer } from "node:net";
import { basename, dirname } from "node:path";
import { clusterOf } from "./directory";
import { errorCode, errorText } from "./files";
import type { ProcessTable } from "./processes";

/** A TCP connection attempt. Anything but an answer or a refusal in time (no route, filtered) is "timeout". */
export function probeTcp(
  address: string,
  port: number,
  timeoutMs: number,
): Promise<"open" | "refused" | "timeout"> {
  return new Promise((resolve) => {
    const socket = connect({ host: address, port });
    const end = (result: "open" | "refused" | "timeout") => {
      clearTimeout(timer);
      socket.destroy();
      resolve(result);
    };
    const timer = setTimeout(() => end("timeout"), timeoutMs);
    socket.once("connect", () => end("open"));
    socket.once("error", (error) => {
      if (["ECONNREFUSED", "ECONNRESET"].includes(errorCode(error))) end("refused");
    });
  });
}

/**
 * Whether a server could listen there now, told by trying: the only way that also notices a client connection
 * that happens to use the port. `undefined`: free; else the reason, e.g. "EADDRINUSE".
 */
export function whyNotBindable(address: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", (error) => resolve(errorCode(error) || errorText(error)));
    server.listen({ host: address, port, exclusive: true }, () => server.close(() => resolve(undefined)));
  });
}

/** Who listens on a port that a node wants, in words: `node server.js (pid 4711)`. `undefined`: nobody. */
export async function findListener(
  table: ProcessTable,
  address: string,
  port: number,
): Promise<string | undefined> {
  const pid = await table.listener(address, port);
  return typeof pid === "number" ? describeProcess(table, pid) : pid && "a program of another user";
}

/** A foreign program in a few words. Its later arguments may hold secrets and are left out. */
async function describeProcess(table: ProcessTable, pid: number): Promise<string> {
  const command = await commandOf(table, pid);
  const folder = (await table.workingDirectories([pid]).catch(() => undefined))?.get(pid);
  const marker = folder === undefined ? undefined : await clusterOf(dirname(folder));
  if (folder !== undefined && marker !== undefined) {
    const node = basename(folder);
    return `${command} (pid ${pid}): node "${node}" of the cluster "${marker}" in ${dirname(folder)}`;
  }
  return `${command} (pid ${pid})`;
}

async function commandOf(table: ProcessTable, pid: number): Promise<string> {
  const [program = "", first = "", second = ""] = await table.command(pid).catch(() => []);
  const name = basename(program) || "a program";
  if (/^redis-/.test(name)) return [name, first, second].filter((word) => word !== "").join(" ");
  // The script of an interpreter (node server.js) says more than its name.
  return first !== "" && !first.startsWith("-") && first.length < 200 ? `${name} ${first}` : name;
}
