/** Processes beside the nodes on this machine that hold no data: exporters, and Prometheus where it is wanted. */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { UserError } from "../errors";
import {
  ensurePrivateFolder,
  errorText,
  openLog,
  readIfThere,
  readTail,
  sha256Hex,
  writeAtomic,
} from "./files";
import { lastLines } from "./launch";
import { type ProcessTable, signal } from "./processes";
import { findListener, probeTcp } from "./sockets";
import { systemProcesses } from "./system";

/** What is to run. */
export interface Companion {
  /** Unique; its folder's name. */
  readonly name: string;
  /** Absolute path of the program. */
  readonly program: string;
  /** No secrets: others can read them. `{folder}` stands for its folder. */
  readonly args: readonly string[];
  /** Where it listens. */
  readonly host: string;
  readonly port: number;
  /** Files in its folder by name, mode 0600. A change restarts it. */
  readonly files: Readonly<Record<string, string>>;
}

export type CompanionState = "as declared" | "another" | "stopped";

export interface Companions {
  /** Starts what does not run, restarts what is not as declared, stops what is not declared. Names what it changed. */
  ensure(declared: readonly Companion[]): Promise<string[]>;
  /** By name; also those that run and are not declared ("another"). Changes nothing. */
  inspect(declared: readonly Companion[]): Promise<ReadonlyMap<string, CompanionState>>;
  /** By name; its files stay. Whether it ran. */
  stop(name: string): Promise<boolean>;
  /** Stops all. `purge` deletes their files and what they collected; otherwise secrets alone are deleted. */
  end(options: { readonly purge: boolean }): Promise<void>;
}

const FOLDER = ".monitoring";
const STATE = "process.json";
const LOG = "output.log";
const MAX_LOG_BYTES = 1024 * 1024;
const START_TIMEOUT_MS = 20_000;
const STOP_TIMEOUT_MS = 10_000;
const POLL_MS = 25;

interface Running {
  readonly pid: number;
  readonly mark: string;
  /** Of program, arguments and files that it was started with. */
  readonly fingerprint: string;
}

/** `dataDirectory` is the cluster's; its owner has claimed it. */
export function createCompanions(dataDirectory: string, table: ProcessTable = systemProcesses()): Companions {
  const root = join(dataDirectory, FOLDER);
  const stop = (name: string) => stopOne(table, join(root, name));
  const undeclared = async (declared: readonly Companion[]) => {
    const names = existsSync(root) ? await readdir(root) : [];
    return names.filter((name) => !declared.some((each) => each.name === name)).sort();
  };
  return {
    stop,
    ensure: async (declared) => {
      const changed: string[] = [];
      for (const name of await undeclared(declared)) {
        if (await stop(name)) changed.push(name);
        await rm(join(root, name), { recursive: true, force: true });
      }
      await ensurePrivateFolder(root);
      const started = declared.map((each) => ensureOne(table, join(root, each.name), each));
      const results = await Promise.allSettled(started);
      const failures = results.flatMap((each) =>
        each.status === "rejected" ? [errorText(each.reason)] : [],
      );
      if (failures.length > 0) throw new UserError(failures.join("\n"));
      return [...changed, ...declared.filter((_, at) => isTrue(results[at])).map(({ name }) => name)];
    },
    inspect: async (declared) => {
      const states = new Map<string, CompanionState>();
      for (const name of await undeclared(declared))
        if (await find(table, join(root, name))) states.set(name, "another");
      for (const each of declared) states.set(each.name, await stateOf(table, join(root, each.name), each));
      return states;
    },
    end: async ({ purge }) => {
      for (const name of await undeclared([])) {
        const folder = join(root, name);
        await stop(name);
        if (purge) await rm(folder, { recursive: true, force: true });
        else await rm(join(folder, "passwords.json"), { force: true });
      }
      if (purge) await rm(root, { recursive: true, force: true });
    },
  };
}

function isTrue(result: PromiseSettledResult<boolean> | undefined): boolean {
  return result?.status === "fulfilled" && result.value;
}

async function stateOf(table: ProcessTable, folder: string, companion: Companion): Promise<CompanionState> {
  const running = await find(table, folder);
  if (!running) return "stopped";
  return running.fingerprint === fingerprintOf(companion) ? "as declared" : "another";
}

/** Whether it was started anew. */
async function ensureOne(table: ProcessTable, folder: string, companion: Companion): Promise<boolean> {
  await ensurePrivateFolder(folder);
  for (const [name, text] of Object.entries(companion.files)) {
    if ((await readIfThere(join(folder, name))) !== text) await writeAtomic(join(folder, name), text);
  }
  const running = await find(table, folder);
  if (running?.fingerprint === fingerprintOf(companion)) return false;
  await stopOne(table, folder);
  await endUnrecorded(table, folder, companion);
  const holder = await findListener(table, companion.host, companion.port);
  if (holder !== undefined) {
    throw new UserError(
      `${companion.name}: port ${companion.port} on ${companion.host} is taken by ${holder}. ` +
        "Stop it, or choose other ports under monitoring: in the stack's configuration.",
    );
  }
  await start(table, folder, companion);
  return true;
}

/** A run that was killed between start and record leaves a process that listens, with our folder in its arguments. */
async function endUnrecorded(table: ProcessTable, folder: string, { host, port }: Companion): Promise<void> {
  const pid = await table.listener(host, port);
  if (typeof pid !== "number") return;
  const words = await table.command(pid);
  const status = await table.status(pid);
  if (!status || !words.some((word) => word.includes(`${folder}/`))) return;
  await endProcess(table, { pid, mark: status.mark, fingerprint: "" });
}

async function start(table: ProcessTable, folder: string, companion: Companion): Promise<void> {
  const { name, program, args, host, port } = companion;
  const log = openLog(join(folder, LOG), MAX_LOG_BYTES);
  let ended: string | undefined;
  const words = args.map((arg) => arg.replaceAll("{folder}", folder));
  // The shell only sets the umask. Nothing of our environment is passed on: it holds secrets.
  const child = spawn("/bin/sh", ["-c", 'umask 077; exec "$@"', "sh", program, ...words], {
    cwd: folder,
    detached: true,
    stdio: ["ignore", log.fd, log.fd],
    env: { PATH: "/usr/bin:/bin", LC_ALL: "C" },
  });
  child.once("error", (error) => {
    ended = error.message;
  });
  child.once("exit", (code, by) => {
    ended = by === null ? `exit code ${code}` : `signal ${by}`;
  });
  child.unref();
  log.close();
  const status = child.pid === undefined ? undefined : await table.status(child.pid);
  if (child.pid !== undefined && status) {
    const record = { pid: child.pid, started: status.mark, fingerprint: fingerprintOf(companion) };
    await writeAtomic(join(folder, STATE), `${JSON.stringify(record)}\n`, { durable: false });
  }
  const deadline = performance.now() + START_TIMEOUT_MS;
  while ((await probeTcp(host, port, 500)) !== "open") {
    if (ended === undefined && performance.now() < deadline) {
      await sleep(POLL_MS);
      continue;
    }
    const tail = lastLines(await readTail(join(folder, LOG), 16 * 1024), 4);
    const how = ended ?? `nothing listens on port ${port} after ${START_TIMEOUT_MS / 1000} s`;
    await stopOne(table, folder);
    throw new UserError(`${name} (${program}) did not start: ${how}. Its last words:\n${tail}`);
  }
}

async function find(table: ProcessTable, folder: string): Promise<Running | undefined> {
  const text = await readIfThere(join(folder, STATE));
  const record = parseRecord(text ?? "null");
  if (!record) return undefined;
  return (await table.status(record.pid))?.mark === record.mark ? record : undefined;
}

function parseRecord(text: string): Running | undefined {
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed !== "object" || parsed === null) return undefined;
    const { pid, started, fingerprint } = parsed as Record<string, unknown>;
    if (typeof pid !== "number" || pid < 2 || typeof started !== "string") return undefined;
    return { pid, mark: started, fingerprint: String(fingerprint) };
  } catch {
    return undefined; // A damaged record is like none: the port tells.
  }
}

/** Whether it ran. */
async function stopOne(table: ProcessTable, folder: string): Promise<boolean> {
  const running = await find(table, folder);
  if (running) await endProcess(table, running);
  await rm(join(folder, STATE), { force: true });
  return running !== undefined;
}

async function endProcess(table: ProcessTable, { pid, mark }: Running): Promise<void> {
  const runs = async () => (await table.status(pid))?.mark === mark;
  signal(pid, "SIGTERM");
  signal(pid, "SIGCONT");
  const began = performance.now();
  while (await runs()) {
    const waitedMs = performance.now() - began;
    if (waitedMs > 2 * STOP_TIMEOUT_MS)
      throw new UserError(`process ${pid} does not end, not even by SIGKILL`);
    if (waitedMs > STOP_TIMEOUT_MS) signal(pid, "SIGKILL");
    await sleep(POLL_MS);
  }
}

function fingerprintOf({ program, args, files }: Companion): string {
  return sha256Hex(JSON.stringify([program, args, Object.entries(files)]));
}
