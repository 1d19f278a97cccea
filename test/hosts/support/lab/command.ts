/** Runs the system's programs for the lab. */
import { spawn } from "node:child_process";

export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandOptions {
  readonly stdin?: string;
  /** Default 60 000. */
  readonly timeoutMs?: number;
  readonly env?: NodeJS.ProcessEnv;
}

/** Never throws for an exit code; -1 where the program was ended by a signal or its time was up. */
export function tryCommand(argv: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
  const [program = "", ...args] = argv;
  return new Promise((resolve, reject) => {
    const { env = { PATH: process.env.PATH, LC_ALL: "C" }, timeoutMs = 60_000 } = options;
    const child = spawn(program, args, { env, timeout: timeoutMs, killSignal: "SIGKILL" });
    const parts = { stdout: "", stderr: "" };
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      parts.stdout += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      parts.stderr += text;
    });
    child.once("error", reject);
    child.once("close", (code) => resolve({ code: code ?? -1, ...parts }));
    // A program that does not read its input ends before it is written.
    child.stdin.on("error", () => undefined);
    child.stdin.end(options.stdin ?? "");
  });
}

/** Standard output. @throws Error with what the program said. */
export async function command(argv: readonly string[], options: CommandOptions = {}): Promise<string> {
  const { code, stdout, stderr } = await tryCommand(argv, options);
  if (code === 0) return stdout;
  const said = `${stderr}\n${stdout}`.trim().split("\n").slice(-15).join("\n");
  throw new Error(`${argv.join(" ").slice(0, 300)}: exit code ${code}\n${said}`);
}
