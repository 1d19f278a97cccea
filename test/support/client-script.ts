/** A client in a process of its own that tells each act as a line of JSON and waits for a line before the next one. */
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";

/** Longest that one act may take, ms: 16384 slots written and read three times by a Python on a busy machine. */
const ACT_MS = 120_000;

export class ClientScript {
  private readonly lines: string[] = [];
  private readonly child: ChildProcess;
  private stderr = "";
  private ended: string | undefined;
  private wake: () => void = () => undefined;

  constructor(command: string, args: readonly string[], env: NodeJS.ProcessEnv) {
    this.child = spawn(command, args, { env, stdio: ["pipe", "pipe", "pipe"] });
    this.child.stderr?.on("data", (chunk: Buffer) => {
      this.stderr += chunk.toString();
    });
    // Its end before its last line was read is told by `next`.
    this.child.stdin?.on("error", () => undefined);
    this.child.on("error", (error) => this.end(error.message));
    this.child.on("close", (code, signal) => this.end(`ended with ${String(code ?? signal)}`));
    if (this.child.stdout)
      createInterface({ input: this.child.stdout }).on("line", (line) => {
        this.lines.push(line);
        this.wake();
      });
  }

  /** The next act's facts. @throws with what it wrote to stderr when it ended, or after two minutes. */
  async next(): Promise<Record<string, unknown>> {
    const deadline = performance.now() + ACT_MS;
    while (this.lines.length === 0) {
      const leftMs = deadline - performance.now();
      if (this.ended !== undefined || leftMs <= 0)
        throw new Error(`the client ${this.ended ?? "said nothing in time"}: ${this.stderr.slice(-2000)}`);
      await this.news(leftMs);
    }
    return JSON.parse(this.lines.shift() ?? "") as Record<string, unknown>;
  }

  /** Lets it begin the next act, or end the one that waits for a word. */
  go(): void {
    this.child.stdin?.write("go\n");
  }

  kill(): void {
    this.child.kill("SIGKILL");
  }

  private end(how: string): void {
    this.ended ??= how;
    this.wake();
  }

  private news(timeoutMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, timeoutMs);
      this.wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
