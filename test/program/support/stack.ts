/** A stack of this repository's program on a real engine, with state, home, ports and data of its own. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { expect } from "vitest";
import { createLocalHost, type LocalHost, type ResolvedServer } from "../../../hosts/local";
import { ensureEngine } from "../../../install/engine";
import { pulumiEnvironment } from "../../../install/pulumi-env";
import { freePorts } from "../../support/ports";
import { redisBinaries } from "../../support/redis-binaries";
import { type RunOptions, type RunResult, run } from "./run";

export const ROOT = resolve(__dirname, "..", "..", "..");
export const PASSWORD = "program-test-password-7f3a";
/** Shared by all tests, so that only the first pays for compiling. */
const COMPILED = join(tmpdir(), "redis-cluster-kit-test-compiled");

type Watched = Partial<Pick<RunOptions, "input" | "onOutput" | "env" | "limitMs">>;

export interface StackOptions {
  /** Further keys of the stack's configuration, as text. */
  readonly config?: Readonly<Record<string, string>>;
  /** Consecutive ports to keep free. Default 6: three shards of two. */
  readonly ports?: number;
  /** Default `PASSWORD`. */
  readonly password?: string;
}

export class Stack {
  private constructor(
    readonly folder: string,
    readonly ports: readonly number[],
    readonly redis: ResolvedServer,
    private readonly pulumiPath: string,
    readonly env: NodeJS.ProcessEnv,
    /** Folder of the Pulumi program. */
    private readonly program: string,
  ) {}

  /** Runs `body` with a stack that is configured and not up. Its nodes are ended whatever happens. */
  static async with<T>(options: StackOptions, body: (stack: Stack) => Promise<T>): Promise<T> {
    const stack = await Stack.create(options);
    try {
      return await body(stack);
    } finally {
      await stack.end();
    }
  }

  /** The caller must call `end`. */
  static async create(options: StackOptions = {}): Promise<Stack> {
    const ports = await freePorts(options.ports ?? 6);
    const redis = await redisBinaries("5.0");
    const stack = await Stack.open(linkProgram, ports, redis);
    try {
      const config = {
        basePort: String(ports[0]),
        redisVersion: redis.version,
        redisSource: redis.server,
        ...options.config,
      };
      const plain = Object.entries(config).flatMap(([key, value]) => ["--plaintext", `${key}=${value}`]);
      await stack.must("stack", "init", "test");
      await stack.must("config", "set-all", ...plain);
      await stack.pulumi(["config", "set", "--secret", "password"], {
        input: options.password ?? PASSWORD,
      });
    } catch (error) {
      await stack.end();
      throw error;
    }
    return stack;
  }

  /** A stack of another program, e.g. an empty one to compare with. */
  static async open(
    writeProgram: (folder: string) => void,
    ports: readonly number[],
    redis: ResolvedServer,
  ): Promise<Stack> {
    const folder = mkdtempSync(join(tmpdir(), "redis-cluster-kit-program-"));
    for (const name of ["home", "kit", "cache", "program"]) mkdirSync(join(folder, name));
    const program = join(folder, "program");
    writeProgram(program);
    const engine = await ensureEngine((line) => console.log(line));
    const env = pulumiEnvironment(engine, {
      PATH: process.env.PATH ?? "",
      HOME: join(folder, "home"),
      TMPDIR: tmpdir(),
      REDIS_CLUSTER_KIT_HOME: join(folder, "kit"),
      REDIS_CLUSTER_KIT_CACHE: join(folder, "cache"),
      NODE_COMPILE_CACHE: COMPILED,
    });
    return new Stack(folder, ports, redis, engine.pulumi, env, program);
  }

  /** Folders that a run writes into: data, state, caches, home. */
  get written(): string[] {
    return ["home", "kit", "cache"].map((name) => join(this.folder, name));
  }

  get dataDirectory(): string {
    return join(this.folder, "kit", "clusters", "redis-cluster-kit-test");
  }

  /** Any Pulumi command. Never rejects for a failing one. */
  pulumi(args: readonly string[], options: Watched = {}) {
    return run(this.pulumiPath, [...args, "--non-interactive", "--color", "never"], {
      cwd: this.program,
      ...options,
      env: { ...this.env, ...options.env },
    });
  }

  /** Output of a command that must succeed. */
  async must(...args: string[]): Promise<string> {
    const result = await this.pulumi(args);
    if (result.code !== 0)
      throw new Error(`pulumi ${args.join(" ")} ended with ${result.code}:\n${result.output}`);
    return result.output;
  }

  up(options: Watched = {}) {
    return this.pulumi(["up", "--yes", "--skip-preview"], options);
  }

  set(key: string, value: string): Promise<string> {
    return this.must("config", "set", key, value);
  }

  /** redis-cli against the cluster, one command a line; the replies, one a line. */
  async cli(port: number, commands: readonly string[], password = PASSWORD): Promise<string[]> {
    const result = await run(this.redis.cli, ["-c", "-p", String(port)], {
      cwd: this.folder,
      env: { ...process.env, ...(password === "" ? {} : { REDISCLI_AUTH: password }) },
      input: `${commands.join("\n")}\n`,
    });
    return result.output
      .trimEnd()
      .split("\n")
      .filter((line) => !line.startsWith("->"));
  }

  /** The independent judge: `redis-cli --cluster check`. */
  check(port = this.ports[0] ?? 0): Promise<RunResult> {
    const env = { ...process.env, REDISCLI_AUTH: PASSWORD };
    return run(this.redis.cli, ["--cluster", "check", `127.0.0.1:${port}`], { cwd: this.folder, env });
  }

  async expectHealthy(port: number): Promise<void> {
    const verdict = await this.check(port);
    expect(verdict.output).toContain("All 16384 slots covered");
    expect(verdict.output).toContain("All nodes agree about slots configuration");
    expect(verdict.output).not.toMatch(/\[(ERR|WARNING)\]/);
    expect(verdict.code).toBe(0);
  }

  /** What runs of the nodes that have a folder: name and process id. */
  async running(): Promise<Map<string, number>> {
    const host = this.host();
    const facts = await Promise.all(
      host.knownNodes().map(async (node) => [node.name, (await host.inspect(node)).pid] as const),
    );
    return new Map(facts.flatMap(([name, pid]) => (pid === undefined ? [] : [[name, pid]])));
  }

  /** The state file as it is on disk. */
  state(): string {
    const file = join(this.folder, "kit", "state", ".pulumi", "stacks", "redis-cluster-kit", "test.json");
    return readFileSync(file, "utf8");
  }

  /** Outputs of the Topology resource. */
  outputs(): { drift: string[] } {
    const resources: { type: string; outputs: { drift: string[] } }[] = JSON.parse(this.state()).checkpoint
      .latest.resources;
    const topology = resources.find((resource) => resource.type === "redis-cluster-kit:index:Topology");
    if (topology === undefined) throw new Error("no Topology in the state");
    return topology.outputs;
  }

  private host(): LocalHost {
    return createLocalHost({
      clusterName: "redis-cluster-kit-test",
      dataDirectory: this.dataDirectory,
      files: () => undefined,
      resolveServer: async () => this.redis,
    });
  }

  /** Kills the nodes and deletes everything. */
  async end(): Promise<void> {
    const host = this.host();
    for (const node of host.knownNodes()) await host.stop(node, { kill: true });
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** This repository's own program and plugin, with stack files of its own. */
export function linkProgram(folder: string): void {
  for (const name of readdirSync(ROOT)) {
    if (/^(\.|Pulumi\..+\.yaml$)/.test(name)) continue;
    symlinkSync(join(ROOT, name), join(folder, name));
  }
}
