/** Starts a redis-server that outlives this process, and waits until it serves. */
import { spawn } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { UserError } from "../errors";
import type { HostNode } from "../host";
import { type Answer, askNode } from "./answer";
import { describeDeath } from "./death";
import { readDirective, redact } from "./directives";
import { openLog, readIfThere, readTail, replaceTail } from "./files";
import { type NodePaths, type RunningProcess, stillRuns } from "./folder";
import { type ProcessTable, signal } from "./processes";
import type { ResolvedServer } from "./types";

const POLL_MS = 20;
const EXIT_TOLD_MS = 1_000;
const LOG_TAIL_BYTES = 64 * 1024;

/** A process that is not known to serve yet. */
export interface Launched {
  readonly server: RunningProcess;
  /** Where this run's part of the log begins, in bytes. */
  readonly logOffset: number;
  /** Started by this call, so this call ends it when it never answers. */
  readonly ours: boolean;
  /** How it ended, e.g. "exit code 1", to be asked once it is gone; `undefined` when it is not our child. */
  readonly ended: () => Promise<string | undefined>;
}

/**
 * Runs redis-server in the foreground mode, in a session of its own, so that neither a closed terminal nor the end
 * of this process ends it. The shell only sets the umask (from 6.2 on CONFIG REWRITE creates redis.conf anew, with
 * the umask's mode) and becomes the server by exec. Nothing of our environment is passed on: it holds secrets.
 */
export async function launch(
  table: ProcessTable,
  paths: NodePaths,
  binaries: ResolvedServer,
  maxLogBytes: number,
): Promise<Launched | { readonly died: string; readonly logOffset: number }> {
  const log = openLog(paths.log, maxLogBytes);
  try {
    const child = spawn(
      "/bin/sh",
      ["-c", 'umask 077; exec "$@"', "sh", binaries.server, paths.redisConf, "--daemonize", "no"],
      {
        cwd: paths.folder,
        detached: true,
        stdio: ["ignore", log.fd, log.fd],
        env: minimalEnvironment(),
      },
    );
    const ending = new Promise<string>((resolve) => {
      child.once("error", (error) => resolve(error.message));
      child.once("exit", (code, name) => resolve(name === null ? `exit code ${code}` : `signal ${name}`));
    });
    // A process is seen gone before its exit is told to us.
    const ended = () => Promise.race([ending, sleep(EXIT_TOLD_MS, undefined)]);
    child.unref();
    const status = child.pid === undefined ? undefined : await table.status(child.pid);
    if (child.pid === undefined || !status) {
      return { died: (await ended()) ?? "ended at once", logOffset: log.offset };
    }
    const server = { pid: child.pid, mark: status.mark, suspended: false, leadsGroup: true };
    return { server, logOffset: log.offset, ours: true, ended };
  } finally {
    log.close();
  }
}

/** The locale is fixed because SORT ... ALPHA follows it and replicas must agree; TZ only for the log's times. */
function minimalEnvironment(): NodeJS.ProcessEnv {
  const timezone = process.env.TZ;
  return { PATH: "/usr/bin:/bin", LC_ALL: "C", ...(timezone === undefined ? {} : { TZ: timezone }) };
}

export interface WaitContext {
  readonly table: ProcessTable;
  readonly paths: NodePaths;
  /** Path of redis-server, for the cure's text. */
  readonly program: string;
  /** From the start until the first answer, in ms. */
  readonly startTimeoutMs: number;
  /** From the first LOADING on, in ms. */
  readonly loadTimeoutMs: number;
}

/**
 * Waits until the node serves. Throws UserError when its process ends, with the log's last lines and a cure, and
 * when a bound passes. A node that still loads is left running (the next run goes on waiting); one that this run
 * started and that never answered is ended.
 */
export async function waitUntilServing(
  node: HostNode,
  launched: Launched,
  context: WaitContext,
): Promise<void> {
  const { table, paths } = context;
  const redisConf = await readIfThere(paths.redisConf);
  const password = redisConf === undefined ? undefined : readDirective(redisConf, "requirepass");
  const begin = performance.now();
  let loadingSince: number | undefined;
  for (;;) {
    const last = await askNode(node.host, node.port, password || undefined, 1_000);
    if (!(await stillRuns(table, launched.server))) {
      const how = (await launched.ended()) ?? "its process is gone";
      throw await deathError(node, context, launched.logOffset, how);
    }
    if (last === "up") return;
    const now = performance.now();
    if (last === "loading") loadingSince ??= now;
    const [since, limitMs] =
      loadingSince === undefined ? [begin, context.startTimeoutMs] : [loadingSince, context.loadTimeoutMs];
    if (now - since > limitMs) {
      const abandoned = loadingSince === undefined && launched.ours;
      if (abandoned) signal(launched.server.pid, "SIGKILL", launched.server.leadsGroup);
      throw await tooSlowError(node, context, last, loadingSince !== undefined, abandoned);
    }
    await sleep(POLL_MS);
  }
}

/** The error for a process that ended at its start: Redis's own words since `logOffset`, and a cure. */
export async function deathError(
  node: HostNode,
  { paths, program }: Pick<WaitContext, "paths" | "program">,
  logOffset: number,
  how: string,
): Promise<UserError> {
  const redisConf = await readIfThere(paths.redisConf);
  const written = await readTail(paths.log, LOG_TAIL_BYTES, logOffset);
  const log = redact(written, redisConf);
  // Redis prints a bad line whole, password included; its log does not keep that. Nobody writes to it any more.
  if (log !== written) {
    const whole = await readTail(paths.log, Number.POSITIVE_INFINITY, logOffset);
    await replaceTail(paths.log, logOffset, redact(whole, redisConf));
  }
  return new UserError(describeDeath({ node, paths, server: program, log, how }));
}

async function tooSlowError(
  node: HostNode,
  context: WaitContext,
  last: Answer,
  loading: boolean,
  abandoned: boolean,
): Promise<UserError> {
  const { paths, startTimeoutMs, loadTimeoutMs } = context;
  const redisConf = await readIfThere(paths.redisConf);
  const tail = lastLines(redact(await readTail(paths.log, LOG_TAIL_BYTES), redisConf), 3);
  const found = loading
    ? `still loading its data after ${loadTimeoutMs / 1000} s. It keeps running: run again to go on waiting`
    : `redis-server runs but gave no answer within ${startTimeoutMs / 1000} s (last seen: ${last}); ${
        abandoned ? "it was ended" : "stop it (with SIGKILL if need be) and run again"
      }`;
  const log = tail === "" ? "" : `\nIts log (${paths.log}) ends with:\n${tail}`;
  return new UserError(`node "${node.name}" (${node.host}:${node.port}): ${found}.${log}`);
}

/** The last non-empty lines, in their order. */
export function lastLines(text: string, count: number): string {
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  return lines.slice(-count).join("\n");
}
