/** A stack of target ssh on the lab's servers, with the real engine; provisioning by the real command plugin where it is. */
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import * as tar from "tar";
import { expect } from "vitest";
import { run } from "../../program/support/run";
import { linkProgram, PASSWORD, ROOT, Stack } from "../../program/support/stack";
import { redisBinaries } from "../../support/redis-binaries";
import type { Lab, LabHost, LabUser } from "./lab";

export { PASSWORD };

/** Provisioning six servers takes its time on a busy machine. In ms. */
export const UP_LIMIT_MS = 240_000;

export interface ServerStackOptions {
  readonly lab: Lab;
  /** Default: all of the lab. */
  readonly hosts?: readonly LabHost[];
  /** Default "admin". */
  readonly user?: LabUser;
  /** Further keys of the stack, as text. */
  readonly config?: Readonly<Record<string, string>>;
  /** Parts of the `ssh` key beside the servers. */
  readonly ssh?: Readonly<Record<string, unknown>>;
}

/** One server as the stack declares it. */
export function declared(lab: Lab, host: LabHost, user: LabUser = "admin"): Record<string, unknown> {
  const { host: address, port, hostKey } = lab.ssh(host, user);
  return { name: host.name, host: address, zone: host.zone, user, port, hostKey };
}

/** Configured and not up. The caller must call `end`. */
export async function serverStack(options: ServerStackOptions): Promise<Stack> {
  const { lab, hosts = lab.hosts, user, config, ssh } = options;
  const redis = await redisBinaries("5.0");
  const stack = await Stack.open(writeProgram, [6379], redis);
  try {
    const source = join(stack.folder, "redis.tar.gz");
    await packRedis(redis, source);
    await stack.must("stack", "init", "test");
    const keys = {
      target: "ssh",
      redisVersion: redis.version,
      redisSource: source,
      redis: JSON.stringify({ maxmemory: "64mb" }),
      ...config,
    };
    const plain = Object.entries(keys).flatMap(([key, value]) => ["--plaintext", `${key}=${value}`]);
    await stack.must("config", "set-all", ...plain);
    await declareServers(
      stack,
      hosts.map((host) => declared(lab, host, user)),
      ssh,
    );
    await setSecret(stack, "password", PASSWORD);
    await setSecret(stack, "sshPrivateKey", lab.privateKey);
    if (user === "operator") await setSecret(stack, "sudoPassword", lab.sudoPassword);
  } catch (error) {
    await endStack(stack);
    throw error;
  }
  return stack;
}

/** The way through the lab's bastion. */
export function throughBastion(lab: Lab): Record<string, unknown> {
  if (lab.bastion === undefined) throw new Error("the lab has no bastion");
  return { bastion: { ...lab.ssh(lab.bastion, "admin") } };
}

/** Redis of another version in an archive of its own, declared and not yet up. */
export async function declareVersion(stack: Stack, line: "6.2"): Promise<string> {
  const redis = await redisBinaries(line);
  const source = join(stack.folder, `redis-${redis.version}.tar.gz`);
  await packRedis(redis, source);
  await stack.must(
    "config",
    "set-all",
    "--plaintext",
    `redisVersion=${redis.version}`,
    "--plaintext",
    `redisSource=${source}`,
  );
  return redis.version;
}

export async function declareServers(
  stack: Stack,
  servers: readonly object[],
  ssh: Readonly<Record<string, unknown>> = {},
): Promise<void> {
  await stack.set("ssh", JSON.stringify({ install: "archive", ...ssh, servers }));
}

export async function setSecret(stack: Stack, key: string, value: string): Promise<void> {
  const set = await stack.pulumi(["config", "set", "--secret", key], { input: value });
  if (set.code !== 0) throw new Error(set.output);
}

/** The stack's files go; servers and what runs on them are the lab's. */
export async function endStack(stack: Stack): Promise<void> {
  await stack.end();
}

/** A prebuilt archive: what `ssh.install: archive` takes. */
export async function packRedis(redis: { server: string; cli: string }, file: string): Promise<void> {
  const folder = dirname(redis.server);
  if (dirname(redis.cli) !== folder) throw new Error(`${redis.cli} is not beside ${redis.server}`);
  await tar.create({ file, cwd: folder, gzip: true, follow: true }, ["redis-server", "redis-cli"]);
}

/** This repository's program, with the command plugin beside its own. */
function writeProgram(folder: string): void {
  linkProgram(folder);
  rmSync(join(folder, "Pulumi.yaml"));
  writeFileSync(
    join(folder, "Pulumi.yaml"),
    `name: redis-cluster-kit
main: index.ts
runtime:
  name: nodejs
  options:
    typescript: false
    nodeargs: "--require ./scripts/ts.cjs"
plugins:
  providers:
    - name: redis-cluster-kit
      path: bin
    - name: command
      path: ${commandPlugin()}
`,
  );
}

/** The real plugin where Pulumi has installed it, else the stand-in. */
export function commandPlugin(): string {
  const real = join(
    process.env.PULUMI_HOME ?? join(homedir(), ".pulumi"),
    "plugins",
    "resource-command-v1.2.1",
  );
  return existsSync(join(real, "pulumi-resource-command"))
    ? real
    : join(ROOT, "test/support/command-provider");
}

/** redis-cli against the cluster from outside, one command a line; the replies, one a line. */
export async function cli(stack: Stack, host: LabHost, commands: readonly string[]): Promise<string[]> {
  const result = await run(stack.redis.cli, ["-c", "-h", host.address], {
    cwd: stack.folder,
    env: { ...process.env, REDISCLI_AUTH: PASSWORD },
    input: `${commands.join("\n")}\n`,
  });
  return result.output
    .trimEnd()
    .split("\n")
    .filter((line) => !line.startsWith("->"));
}

/** The independent judge: `redis-cli --cluster check`. */
export async function expectHealthy(stack: Stack, host: LabHost): Promise<void> {
  const verdict = await run(stack.redis.cli, ["--cluster", "check", `${host.address}:6379`], {
    cwd: stack.folder,
    env: { ...process.env, REDISCLI_AUTH: PASSWORD },
  });
  expect(verdict.output).toContain("All 16384 slots covered");
  expect(verdict.output).toContain("All nodes agree about slots configuration");
  expect(verdict.output).not.toMatch(/\[(ERR|WARNING)\]/);
}
