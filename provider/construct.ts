/**
 * Components for stacks in other languages: a process of its own makes them (components/construct.ts), started when the first
 * is asked for. The plugin itself stays without Pulumi's SDK, whose loading every `up` would pay for.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { credentials } from "@grpc/grpc-js";
import { ResourceProviderClient } from "@pulumi/pulumi/proto/provider_grpc_pb";
import type { ConstructRequest, ConstructResponse } from "@pulumi/pulumi/proto/provider_pb";

/** Loading the SDK takes a second, on a busy machine many. */
const START_LIMIT_MS = 60_000;

export interface ConstructorOptions {
  /** The engine's address, once it is known. */
  readonly engine: () => string | undefined;
  /** What the process is started with, before the engine's address. Default: ours. */
  readonly command?: readonly string[];
  readonly maxMessageBytes: number;
}

/** Forwards construct requests, any number at a time, to one process that ends with this one. */
export class ComponentConstructor {
  private started: Promise<ResourceProviderClient> | undefined;
  private process: ChildProcess | undefined;

  constructor(private readonly options: ConstructorOptions) {}

  /** Rejects with the gRPC error of the other side, its details included. */
  async construct(request: ConstructRequest): Promise<ConstructResponse> {
    this.started ??= this.start();
    const client = await this.started;
    return new Promise((resolve, reject) => {
      client.construct(request, (error, answer) => (error === null ? resolve(answer) : reject(error)));
    });
  }

  stop(): void {
    this.process?.kill();
  }

  private async start(): Promise<ResourceProviderClient> {
    const engine = this.options.engine();
    if (engine === undefined) throw new Error("the engine has not told its address");
    const [command = process.execPath, ...args] = this.options.command ?? ownCommand();
    const child = spawn(command, [...args, engine], { stdio: ["pipe", "pipe", "inherit"] });
    this.process = child;
    // A later request starts another one.
    child.once("exit", () => {
      this.started = undefined;
    });
    const port = await portOf(child);
    return new ResourceProviderClient(`127.0.0.1:${port}`, credentials.createInsecure(), {
      "grpc.max_receive_message_length": this.options.maxMessageBytes,
      "grpc.max_send_message_length": this.options.maxMessageBytes,
    });
  }
}

/** Compiled in the package, from source in a checkout. */
function ownCommand(): readonly string[] {
  const entry = join(__dirname, "..", "components", "construct");
  if (existsSync(`${entry}.js`)) return [process.execPath, `${entry}.js`];
  return [process.execPath, "--require", join(__dirname, "..", "scripts", "ts.cjs"), `${entry}.ts`];
}

/** The first line that a provider prints is its port. */
function portOf(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    const fail = (what: string) => {
      child.kill();
      reject(new Error(`the process that makes components ${what}`));
    };
    const timer = setTimeout(() => fail(`told no port within ${START_LIMIT_MS} ms`), START_LIMIT_MS);
    child.once("error", (error) => fail(`cannot be started: ${error.message}`));
    child.once("exit", (code) => {
      clearTimeout(timer);
      fail(`ended with ${code} before it told its port`);
    });
    if (child.stdout === null) return fail("has no output");
    createInterface(child.stdout).once("line", (line) => {
      clearTimeout(timer);
      const port = Number(line);
      if (Number.isInteger(port) && port > 0) resolve(port);
      else fail(`told "${line}" instead of its port`);
    });
  });
}
