/** This repository's program with target aws on the real Pulumi engine, against moto, with stand-ins for the plugins. */
import { existsSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { ROOT, Stack } from "../../program/support/stack";
import { type Moto, startMoto } from "../../support/moto";
import { redisBinaries } from "../../support/redis-binaries";
import { type Entry, LOG_VARIABLE } from "./plugins/call-log";

export const OLD_IMAGE = "ami-0aaaaaaaaaaaaaaa1";
export const NEWEST_IMAGE = "ami-0aaaaaaaaaaaaaaa2";
export const X86_IMAGE = "ami-0bbbbbbbbbbbbbbb1";

/** Six servers one after another are some sixty operations in a row, on a machine that may be busy. */
const COMMAND_MS = 300_000;

const PLUGINS = join(__dirname, "plugins");

const CONFIG: Readonly<Record<string, string>> = {
  target: "aws",
  "redis.maxmemory": "8gb",
  "aws.region": "eu-central-1",
  "aws.sshPublicKey": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAITest ops",
  "aws.sshCidrs[0]": "203.0.113.7/32",
  "aws.clientCidrs[0]": "10.1.0.0/16",
};

/** The caller must call `end`. */
export class AwsStack {
  private constructor(
    private readonly stack: Stack,
    readonly moto: Moto,
    private readonly log: string,
  ) {}

  static async create(config: Readonly<Record<string, string>> = {}): Promise<AwsStack> {
    process.env.MOTO_AMIS_PATH = resolve(__dirname, "images.json");
    const moto = await startMoto();
    const stack = await Stack.open(linkProgram, [], await redisBinaries("5.0"));
    const made = new AwsStack(stack, moto, join(stack.folder, "calls"));
    try {
      await made.must("stack", "init", "prod");
      for (const [key, value] of Object.entries({ ...CONFIG, ...config })) await made.set(key, value);
      await stack.pulumi(["config", "set", "--secret", "password"], { input: "password-of-the-aws-test" });
    } catch (error) {
      await made.end();
      throw error;
    }
    return made;
  }

  /** Any Pulumi command. Never rejects for a failing one. */
  pulumi(...args: string[]) {
    return this.stack.pulumi(args, {
      env: { ...this.moto.env, [LOG_VARIABLE]: this.log },
      limitMs: COMMAND_MS,
    });
  }

  async must(...args: string[]): Promise<string> {
    const result = await this.pulumi(...args);
    if (result.code !== 0)
      throw new Error(`pulumi ${args.join(" ")} ended with ${result.code}:\n${result.output}`);
    return result.output;
  }

  set(key: string, value: string): Promise<string> {
    return this.must("config", "set", "--path", key, value);
  }

  /** `up`, and what the stand-ins did in it. */
  async up(...args: string[]): Promise<{ output: string; calls: readonly Entry[] }> {
    return this.watched("up", "--yes", "--skip-preview", ...args);
  }

  async watched(...args: string[]): Promise<{ output: string; calls: readonly Entry[] }> {
    const { code, output, calls } = await this.attempt(...args);
    if (code !== 0) throw new Error(`pulumi ${args.join(" ")} ended with ${code}:\n${output}`);
    return { output, calls };
  }

  /** As `watched`, for what may fail. */
  async attempt(
    ...args: string[]
  ): Promise<{ code: number | null; output: string; calls: readonly Entry[] }> {
    rmSync(this.log, { force: true });
    const { code, output } = await this.pulumi(...args);
    return { code, output, calls: this.calls() };
  }

  private calls(): Entry[] {
    if (!existsSync(this.log)) return [];
    const lines = readFileSync(this.log, "utf8").trim().split("\n");
    return lines.map((line) => JSON.parse(line) as Entry);
  }

  async end(): Promise<void> {
    await this.moto.end();
    await this.stack.end();
  }
}

/** The repository's own program; only the plugins are others. */
function linkProgram(folder: string): void {
  for (const name of readdirSync(ROOT)) {
    if (/^(\.|Pulumi\..*yaml$)/.test(name) || name === "Pulumi.yaml") continue;
    symlinkSync(join(ROOT, name), join(folder, name));
  }
  const project = readFileSync(join(ROOT, "Pulumi.yaml"), "utf8");
  const plugins = ["redis-cluster-kit", "command", "aws"].map(
    (name) => `    - name: ${name}\n      path: ${join(PLUGINS, name === "aws" ? "aws" : "recorder")}\n`,
  );
  const [head = ""] = project.split("plugins:");
  writeFileSync(join(folder, "Pulumi.yaml"), `${head}plugins:\n  providers:\n${plugins.join("")}`);
}
