/** The command line, in this process or in one of its own. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { run } from "../../../cli/main";

const ROOT = join(__dirname, "..", "..", "..");

export interface Ended {
  readonly exitCode: number | null;
  readonly out: string;
  readonly err: string;
}

/** In this process, as launched in `directory`. */
export function kit(directory: string, ...argv: string[]): Promise<Ended> {
  return kitAt(() => new Date(), directory, ...argv);
}

/** The same on a machine whose clock says something else. */
export async function kitAt(now: () => Date, directory: string, ...argv: string[]): Promise<Ended> {
  let out = "";
  let err = "";
  const exitCode = await run(argv, {
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
    },
    terminal: {},
    env: process.env,
    directory,
    version: "0.0.0-test",
    now,
    interruption: () => new AbortController().signal,
  });
  return { exitCode, out, err };
}

/** In a process of its own, which may be killed. */
export function spawnKit(...argv: string[]): ChildProcess {
  return spawn(process.execPath, [join(ROOT, "bin", "redis-cluster-kit"), ...argv], {
    stdio: ["ignore", "pipe", "pipe"],
  });
}

/** Lets it end, or ends it with SIGKILL so long after its first word, by when it is at work. */
export async function endAfter(
  child: ChildProcess,
  delayMs: number,
): Promise<Ended & { readonly killed: boolean }> {
  let out = "";
  let err = "";
  let timer: NodeJS.Timeout | undefined;
  child.stdout?.on("data", (chunk) => {
    out += String(chunk);
  });
  child.stderr?.on("data", (chunk) => {
    err += String(chunk);
    timer ??= setTimeout(() => child.kill("SIGKILL"), delayMs);
  });
  const [exitCode, signal] = (await once(child, "close")) as [number | null, NodeJS.Signals | null];
  clearTimeout(timer);
  return { exitCode, out, err, killed: signal === "SIGKILL" };
}
