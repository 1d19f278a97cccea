/** Ports of this machine: taken or free, and by whom. */
import { readdir, readFile, readlink } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { basename, dirname, join } from "node:path";
import { clusterOf } from "./directory";
import { errorCode, errorText, readIfThere } from "./files";
import { output, type ProcessTable } from "./processes";

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
  if (process.platform !== "linux") {
    const text = await output("lsof", ["-nP", `-iTCP:${port}`, "-sTCP:LISTEN", "-Fp"]).catch(() => undefined);
    const pid = /^p(\d+)$/m.exec(text ?? "")?.[1];
    if (pid !== undefined) return describeProcess(table, Number(pid));
    return (await probeTcp(address, port, 500)) === "open" ? "a program that cannot be told" : undefined;
  }
  const inodes = await listeningInodes(address, port);
  if (inodes.size === 0) return undefined;
  const pid = await ownerOf(inodes);
  return pid === undefined ? "a program of another user" : describeProcess(table, pid);
}

/** Inodes of the sockets in state LISTEN (0A) that would keep `address:port` from being bound. */
async function listeningInodes(address: string, port: number): Promise<Set<string>> {
  const inodes = new Set<string>();
  const wanted = port.toString(16).toUpperCase().padStart(4, "0");
  for (const file of ["/proc/net/tcp", "/proc/net/tcp6"]) {
    const table = (await readIfThere(file)) ?? "";
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
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  for (const pid of pids) {
    const folder = `/proc/${pid}/fd`;
    const names = await readdir(folder).catch(() => []);
    for (const name of names) {
      const target = await readlink(join(folder, name)).catch(() => "");
      const inode = /^socket:\[(\d+)\]$/.exec(target)?.[1];
      if (inode !== undefined && inodes.has(inode)) return Number(pid);
    }
  }
  return undefined;
}

/** A foreign program in a few words. Its later arguments may hold secrets and are left out. */
async function describeProcess(table: ProcessTable, pid: number): Promise<string> {
  const command = await commandOf(pid);
  const folder = await table.workingDirectory(pid).catch(() => undefined);
  const marker = folder === undefined ? undefined : await clusterOf(dirname(folder));
  if (folder !== undefined && marker !== undefined) {
    const node = basename(folder);
    return `${command} (pid ${pid}): node "${node}" of the cluster "${marker}" in ${dirname(folder)}`;
  }
  return `${command} (pid ${pid})`;
}

async function commandOf(pid: number): Promise<string> {
  const text =
    process.platform === "linux"
      ? (await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")).replaceAll("\0", " ")
      : ((await output("ps", ["-o", "command=", "-p", String(pid)]).catch(() => undefined)) ?? "");
  const [program = "", first = "", second = ""] = text.trim().split(/\s+/);
  const name = basename(program) || "a program";
  if (/^redis-/.test(name)) return [name, first, second].filter((word) => word !== "").join(" ");
  // The script of an interpreter (node server.js) says more than its name.
  return first !== "" && !first.startsWith("-") && first.length < 200 ? `${name} ${first}` : name;
}
