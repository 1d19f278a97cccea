/** One command of the real Pulumi engine, watched while it runs. */
import { type ChildProcess, spawn } from "node:child_process";

export interface RunResult {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** stdout and stderr as they came. */
  readonly output: string;
  readonly elapsedMs: number;
}

export interface RunOptions {
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  /** Text for stdin. Default: none. */
  readonly input?: string;
  /** Called with everything that was printed so far, whenever there is more. */
  readonly onOutput?: (output: string, child: ChildProcess) => void;
  /** Bound, in ms; the command is killed and the promise rejected. Default 120 000. */
  readonly limitMs?: number;
}

/** Resolves however the command ends. Rejects when it cannot be started, or was still running at the bound. */
export function run(
  command: string,
  args: readonly string[],
  options: RunOptions,
): Promise<RunResult> & { child: ChildProcess } {
  const began = performance.now();
  const child = spawn(command, args, { cwd: options.cwd, env: options.env, stdio: ["pipe", "pipe", "pipe"] });
  // A command that ends without reading its input is no failure of the test.
  child.stdin.on("error", () => undefined);
  child.stdin.end(options.input ?? "");
  let output = "";
  const collect = (chunk: Buffer) => {
    output += chunk.toString();
    options.onOutput?.(output, child);
  };
  child.stdout.on("data", collect);
  child.stderr.on("data", collect);
  const limitMs = options.limitMs ?? 120_000;
  const ended = new Promise<RunResult>((resolve, reject) => {
    const timer = setTimeout(() => {
      child.kill("SIGKILL");
      reject(new Error(`${command} ${args.join(" ")} still ran after ${limitMs} ms:\n${output}`));
    }, limitMs);
    child.on("error", reject);
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      resolve({ code, signal, output, elapsedMs: performance.now() - began });
    });
  });
  return Object.assign(ended, { child });
}
