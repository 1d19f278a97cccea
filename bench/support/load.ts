/** Clients of a cluster at a steady rate, in a process of their own: see load.c, which is compiled here. */
import { type ChildProcessByStdio, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";
import type { Values } from "./fill";

export interface LoadOptions {
  /** host:port of some nodes. */
  readonly seeds: readonly string[];
  readonly password: string | undefined;
  /** `key:0` to `key:KEYS-1` are read and written. */
  readonly keys: number;
  readonly valueBytes: number;
  /** Operations a second. */
  readonly rate: number;
  /** Default: noise. */
  readonly values?: Values;
}

/** What clients met between `begin` and `end`; times in ms. */
export interface LoadReport {
  readonly operations: number;
  readonly failed: number;
  readonly moved: number;
  readonly ask: number;
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

export class Load {
  private text = "";

  private constructor(private readonly child: ChildProcessByStdio<Writable, Readable, null>) {
    child.stdout.on("data", (chunk: Buffer) => {
      this.text += chunk.toString();
    });
  }

  /** Resolves once the clients are warm. @throws Error where they cannot be compiled or end at once. */
  static async start({ seeds, password, keys, valueBytes, rate, values }: LoadOptions): Promise<Load> {
    const args = [seeds.join(","), keys, valueBytes, rate, values ?? "noise"].map(String);
    const child = spawn(program(), args, {
      stdio: ["pipe", "pipe", "inherit"],
      env: { ...process.env, LOAD_PASSWORD: password ?? "" },
    });
    const load = new Load(child);
    const ended = once(child, "exit").then(([code]) => {
      throw new Error(`the clients ended with exit code ${code}`);
    });
    await Promise.race([once(child.stdout, "data"), ended]);
    ended.catch(() => undefined);
    load.text = "";
    return load;
  }

  begin(): void {
    this.child.stdin.write("begin\n");
  }

  async end(): Promise<LoadReport> {
    this.child.stdin.write("end\n");
    await once(this.child, "close");
    return JSON.parse(this.text) as LoadReport;
  }

  stop(): void {
    this.child.kill();
  }
}

let compiled: string | undefined;

function program(): string {
  if (compiled) return compiled;
  const folder = mkdtempSync(join(tmpdir(), "rck-load-"));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, "load");
  execFileSync(process.env.CC ?? "cc", ["-O2", "-o", path, join(__dirname, "load.c")], { stdio: "inherit" });
  compiled = path;
  return path;
}
