/** Runs of the engine in processes of their own (run-apply.ts), ended by SIGKILL at a chosen moment or let through. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { ClusterSpec } from "../../cluster/spec";
import type { LocalNodes } from "./local-nodes";
import type { ApplyEvent, ApplyRequest } from "./run-apply";

/** When a run is killed: so many ms after it began its work, or after it began its first step of this kind. */
export interface Moment {
  readonly after: "the start" | { readonly step: string };
  readonly delayMs: number;
}

/** How a run ended. */
export interface RunEnd {
  readonly killed: boolean;
  /** From its start of work to its end, in ms. */
  readonly elapsedMs: number;
  /** Steps that were begun, with how long after the start; the last one is where it was killed, if it was. */
  readonly steps: readonly StepTime[];
  /** What a killed run was doing, for people. */
  readonly during: string;
}

export interface StepTime {
  readonly kind: string;
  readonly text: string;
  readonly startedMs: number;
  doneMs?: number;
}

const ROOT = join(__dirname, "..", "..");

/** @throws Error with the words of a run that failed by itself. */
export async function runApply(local: LocalNodes, spec: ClusterSpec, killAt?: Moment): Promise<RunEnd> {
  const child = spawnRun();
  const ended = once(child, "close") as Promise<[number | null, NodeJS.Signals | null]>;
  const record = new Recorder(child, killAt);
  child.stdin?.end(JSON.stringify(requestFor(local, spec)));
  const [code, signal] = await ended;
  return record.end(code, signal);
}

function spawnRun(): ChildProcess {
  const script = join(__dirname, "run-apply.ts");
  const args = ["--require", join(ROOT, "scripts", "ts.cjs"), script];
  return spawn(process.execPath, args, { cwd: ROOT, stdio: ["pipe", "pipe", "pipe"] });
}

function requestFor(local: LocalNodes, spec: ClusterSpec): ApplyRequest {
  const nodes = [...spec.nodes, ...spec.leaving];
  return {
    spec,
    dataDirectory: local.dataDirectory,
    files: Object.fromEntries(nodes.map(({ name }) => [name, local.redisConfOf(name)])),
    binaries: local.binaries,
  };
}

class Recorder {
  private readonly steps: StepTime[] = [];
  private beganAt = 0;
  private errors = "";
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly child: ChildProcess,
    private readonly killAt: Moment | undefined,
  ) {
    child.stderr?.on("data", (chunk) => (this.errors += String(chunk)));
    if (child.stdout)
      createInterface(child.stdout).on("line", (line) => this.take(JSON.parse(line) as ApplyEvent));
  }

  end(code: number | null, signal: NodeJS.Signals | null): RunEnd {
    clearTimeout(this.timer);
    const elapsedMs = performance.now() - this.beganAt;
    if (signal === null && code !== 0) throw new Error(`the run failed by itself: ${this.errors}`);
    const last = this.steps.at(-1);
    const during = last === undefined ? "the first look" : last.doneMs ? `after: ${last.text}` : last.text;
    return { killed: signal === "SIGKILL", elapsedMs, steps: this.steps, during };
  }

  private take(event: ApplyEvent): void {
    const nowMs = performance.now() - this.beganAt;
    switch (event.event) {
      case "began":
        this.beganAt = performance.now();
        if (this.killAt?.after === "the start") this.arm();
        return;
      case "step":
        if (event.state === "done") {
          const last = this.steps.at(-1);
          if (last) last.doneMs = nowMs;
          return;
        }
        this.steps.push({ kind: event.kind, text: event.text, startedMs: nowMs });
        if (this.killAt && this.killAt.after !== "the start" && this.killAt.after.step === event.kind)
          this.arm();
        return;
      case "done":
        return;
    }
  }

  private arm(): void {
    this.timer ??= setTimeout(() => this.child.kill("SIGKILL"), this.killAt?.delayMs);
  }
}
