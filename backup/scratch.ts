/** A redis-server of our own on this machine, on a socket nobody else sees: the judge of values, thrown away after use. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm, symlink } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { NodeClient } from "../cluster/client";
import { systemClock } from "../cluster/clock";
import { ioredisConnector } from "../cluster/connection";
import { waitUntil } from "../cluster/wait";
import type { RedisTools } from "./check-rdb";
import { BackupFailedError } from "./errors";

export interface Scratch {
  readonly client: NodeClient;
  end(): Promise<void>;
}

/**
 * Runs the server and ends it when standard input ends: so does a SIGKILL of this process, which could end nothing itself.
 * Where the server ends first, the watcher goes with it.
 */
const WATCHED = `folder=$1; shift; exec 3<&0
"$@" & server=$!
(cat <&3 >/dev/null; kill -9 $server; rm -rf "$folder") & watcher=$!
wait $server; status=$?; kill $watcher 2>/dev/null; exit $status`;

const START_MS = 15_000;
const LOAD_MS = 3_600_000;

/** `snapshot`: a file that it loads by itself, as any Redis does at its start. The caller must call `end`. */
export async function startScratch(tools: RedisTools, snapshot?: string): Promise<Scratch> {
  const folder = await mkdtemp(join(tmpdir(), "redis-cluster-kit-scratch-"));
  const socket = join(folder, "s");
  if (snapshot !== undefined) await symlink(snapshot, join(folder, "dump.rdb"));
  const child = spawnBound(folder, tools.server, settings(folder, socket, tools.version));
  const end = async () => {
    await ended(child);
    await rm(folder, { recursive: true, force: true });
  };
  try {
    const client = await opened(child, socket, snapshot === undefined ? START_MS : LOAD_MS);
    return {
      client,
      end: async () => {
        client.close();
        await end();
      },
    };
  } catch (error) {
    await end();
    throw error;
  }
}

/** A server in `folder` that ends, and its folder with it, when this process ends or `ended` is called. */
export function spawnBound(folder: string, server: string, args: readonly string[]): ChildProcess {
  const options = { stdio: ["pipe", "ignore", "ignore"] as ["pipe", "ignore", "ignore"], cwd: folder };
  return spawn("/bin/sh", ["-c", WATCHED, "sh", folder, server, ...args], options);
}

function settings(folder: string, socket: string, version: string): string[] {
  const isGuarded = Number(version.split(".")[0]) >= 7;
  const given: Record<string, string> = {
    port: "0",
    unixsocket: socket,
    unixsocketperm: "600",
    dir: folder,
    save: "",
    appendonly: "no",
    // It is given whole values, which may be larger than the usual limits.
    "proto-max-bulk-len": "4gb",
    "client-query-buffer-limit": "8gb",
    ...(isGuarded ? { "enable-debug-command": "local" } : {}),
  };
  return Object.entries(given).flatMap(([directive, value]) => [`--${directive}`, value]);
}

async function opened(child: ChildProcess, socket: string, timeoutMs: number): Promise<NodeClient> {
  let client: NodeClient | undefined;
  let failed: string | undefined;
  child.once("error", (error) => {
    failed = error.message;
  });
  const dial = async () => connect({ path: socket });
  const look = async (): Promise<true | string> => {
    if (failed !== undefined || child.exitCode !== null || child.signalCode !== null)
      throw new BackupFailedError(
        `a redis-server for comparing ended at its start (${failed ?? child.exitCode ?? child.signalCode})`,
      );
    try {
      client ??= await ioredisConnector(dial).connect({ name: "scratch", host: "localhost", port: 1 }, [], {
        replyTimeoutMs: 120_000,
      });
      await client.call("DBSIZE");
      return true;
    } catch (error) {
      return String(error);
    }
  };
  await waitUntil(look, { clock: systemClock, timeoutMs, what: "a redis-server for comparing to start" });
  if (!client) throw new Error("no connection to the server for comparing");
  return client;
}

/** Ends what `spawnBound` has started. */
export async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const exit = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  child.stdin?.end();
  await exit;
}
