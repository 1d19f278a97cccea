import { spawn } from "node:child_process";
import { accessSync, closeSync, constants, openSync, readFileSync, statSync } from "node:fs";
import { delimiter, join } from "node:path";
import { describe } from "./errors";
import { type Report, startProgress } from "./progress";

const LIMIT_MS = 30 * 60_000;

/** How a command ended. */
export interface Outcome {
  /** Exit code; null when it was ended by a signal or never started. */
  code: number | null;
  /** Why, when the code does not tell: "SIGKILL", "ENOENT". */
  reason?: string;
}

export interface LoggedCommand {
  command: string;
  args: string[];
  cwd: string;
  env?: NodeJS.ProcessEnv;
  /** Gets all output, appended. */
  logFile: string;
  /** What the progress line says: "Building Redis 5.0.14". */
  label: string;
  /** Longest it may take, ms; it is ended after that. Default 30 minutes. */
  limitMs?: number;
  /** What to say about how far it is, asked once a second. */
  detail?: () => string;
}

/** Path of a program: on PATH, else in one of `places` (folders that installers use without touching PATH). */
export function findProgram(name: string, places: string[] = [], env = process.env): string | undefined {
  const folders = [...(env.PATH ?? "").split(delimiter).filter((folder) => folder !== ""), ...places];
  return folders.map((folder) => join(folder, name)).find(isExecutable);
}

/** True for a regular file (or a link to one) that this user may execute. */
export function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}

/** Runs a long command with its output in a log file and a progress line meanwhile. Does not throw for a failure. */
export async function runLogged(job: LoggedCommand, report: Report): Promise<Outcome> {
  const { command, args, cwd, env, limitMs = LIMIT_MS } = job;
  const log = openSync(job.logFile, "a");
  const progress = startProgress(job.label, report);
  const asking = setInterval(() => progress.update(job.detail?.() ?? ""), 1000);
  try {
    return await new Promise<Outcome>((resolve) => {
      const child = spawn(command, args, { cwd, env, stdio: ["ignore", log, log], timeout: limitMs });
      child.on("error", (error) => resolve({ code: null, reason: describe(error) }));
      child.on("exit", (code, signal) => resolve(signal === null ? { code } : { code, reason: signal }));
    });
  } finally {
    clearInterval(asking);
    progress.end();
    closeSync(log);
  }
}

/** The last lines of a log, indented, for an error text. */
export function tailOf(logFile: string, lines = 8): string {
  const text = readFileSync(logFile, "utf8").trimEnd().split("\n");
  return text
    .slice(-lines)
    .map((line) => `    ${line}`)
    .join("\n");
}
