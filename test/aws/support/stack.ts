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
const RECORDER = join(PLUGINS, "recorder");

const CONFIG: Readonly<Record<string, string>> = {
  target: "aws",
  "redis.maxmemory": "8gb",
  "aws.region": "eu-central-1",
  "aws.sshPublicKey": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAITest ops",
  "aws.sshCidrs[0]": "203.0.113.7/32",
  "aws.clientCidrs[0]": "10.1.0.0/16",
};

export const PASSWORD = "password-of-the-aws-test";

export interface AwsStackOptions {
  /** Folders of the plugins of provisioning and of the kit. Default: stand-ins that keep a log. */
  readonly plugins?: { readonly command: string; readonly "redis-cluster-kit": string };
  /** AWS, where a test has put something into it before. It ends with the stack. */
  readonly moto?: Moto;
  /** For the stand-in of AWS. */
  readonly env?: Readonly<Record<string, string>>;
  readonly secrets?: Readonly<Record<string, string>>;
}

/** moto with the images of these tests. The caller must call `end`. */
export function startAws(): Promise<Moto> {
  process.env.MOTO_AMIS_PATH = resolve(__dirname, "images.json");
  return startMoto();
}

/** The caller must call `end`. */
export class AwsStack {
  private constructor(
    readonly stack: Stack,
    readonly moto: Moto,
    private readonly log: string,
    /** Beside moto's, and before them. */
    readonly env: Record<string, string>,
  ) {}

  static async create(
    config: Readonly<Record<string, string>> = {},
    options: AwsStackOptions = {},
  ): Promise<AwsStack> {
    const {
      plugins = { command: RECORDER, "redis-cluster-kit": RECORDER },
      env = {},
      secrets = {},
    } = options;
    const moto = options.moto ?? (await startAws());
    const link = (folder: string) => linkProgram(folder, { ...plugins, aws: join(PLUGINS, "aws") });
    const stack = await Stack.open(link, [], await redisBinaries("5.0"));
    const made = new AwsStack(stack, moto, join(stack.folder, "calls"), { ...env });
    try {
      await made.must("stack", "init", "prod");
      for (const [key, value] of Object.entries({ ...CONFIG, ...config })) await made.set(key, value);
      for (const [key, input] of Object.entries({ password: PASSWORD, ...secrets }))
        await stack.pulumi(["config", "set", "--secret", key], { input });
    } catch (error) {
      await made.end();
      throw error;
    }
    return made;
  }

  /** Any Pulumi command. Never rejects for a failing one. */
  pulumi(...args: string[]) {
    return this.stack.pulumi(args, {
      env: { ...this.moto.env, ...this.env, [LOG_VARIABLE]: this.log },
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
function linkProgram(folder: string, plugins: Readonly<Record<string, string>>): void {
  for (const name of readdirSync(ROOT)) {
    if (/^(\.|Pulumi\..*yaml$)/.test(name) || name === "Pulumi.yaml") continue;
    symlinkSync(join(ROOT, name), join(folder, name));
  }
  const project = readFileSync(join(ROOT, "Pulumi.yaml"), "utf8");
  const entries = Object.entries(plugins).map(([name, path]) => `    - name: ${name}\n      path: ${path}\n`);
  const [head = ""] = project.split("plugins:");
  writeFileSync(join(folder, "Pulumi.yaml"), `${head}plugins:\n  providers:\n${entries.join("")}`);
}
