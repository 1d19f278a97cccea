/** The examples: stacks in three languages with the packed package, and programs that use the cluster through a failover. */
import { cpSync, existsSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { parse, stringify } from "yaml";
import { createLocalHost } from "../../hosts/local";
import { type RunResult, run } from "../program/support/run";
import { PASSWORD, Stack } from "../program/support/stack";
import { ensureLanguages, type Languages } from "../support/languages";
import { freePorts } from "../support/ports";
import { type Python, type PythonLibrary, pythonWith } from "../support/python";
import { redisBinaries } from "../support/redis-binaries";

/** Copied and installed by setup.ts. */
const EXAMPLES = inject("examples");
const PLUGIN = join("node_modules", "redis-cluster-kit", "bin", "pulumi-resource-redis-cluster-kit");
/** The first time language hosts are built and Python packages fetched. */
const PREPARE_MS = 600_000;

const stacks: { stack: Stack; cluster: string }[] = [];
let languages: Languages;

beforeAll(async () => {
  languages = await ensureLanguages(process.env);
}, PREPARE_MS);

afterAll(async () => {
  for (const { stack, cluster } of stacks) {
    const host = hostOf(stack, cluster);
    for (const node of host.knownNodes()) await host.stop(node, { kill: true });
  }
  for (const stack of new Set(stacks.map((each) => each.stack))) await stack.end();
});

function hostOf(stack: Stack, cluster: string) {
  return createLocalHost({
    clusterName: cluster,
    dataDirectory: join(stack.folder, "kit", "clusters", cluster),
    files: () => undefined,
    resolveServer: async () => stack.redis,
  });
}

type Language = "typescript" | "yaml" | "python";

const MAIN = { typescript: "index.ts", yaml: "Pulumi.yaml", python: "__main__.py" } as const;

/** The test's own Redis, in lines beside the one that begins with "shards". */
function ownRedis(language: Language, { version, server }: Stack["redis"]): readonly string[] {
  const [v, s] = [JSON.stringify(version), JSON.stringify(server)];
  switch (language) {
    case "typescript":
      return [`redisVersion: ${v},`, `redisSource: ${s},`];
    case "yaml":
      return [`redisVersion: ${v}`, `redisSource: ${s}`];
    case "python":
      return [`redis_version=${v},`, `redis_source=${s},`];
  }
}

/** An example as it is, apart from the test's own ports and Redis. */
async function open(language: Language, ports = 6): Promise<Stack> {
  const stack = await openFolder(language, `shop-${language}-test-cache`, ports);
  const file = join(programOf(stack), MAIN[language]);
  const parts = readFileSync(file, "utf8").split(/^( +)(shards.*)$/m);
  expect(parts).toHaveLength(4);
  const [before = "", indent = "", shards = "", after = ""] = parts;
  const lines = [shards, ...ownRedis(language, stack.redis)].map((line) => `${indent}${line}`);
  writeFileSync(file, `${before}${lines.join("\n")}${after}`);
  await stack.must("stack", "init", "test");
  await stack.must("config", "set", "basePort", String(stack.ports[0]));
  await stack.pulumi(["config", "set", "--secret", "password"], { input: PASSWORD });
  return stack;
}

const programOf = (stack: Stack) => join(stack.folder, "program");

/** A second cluster beside the example's, which the engine makes at the same time. Returns its first port. */
function addSecond(stack: Stack): number {
  const file = join(programOf(stack), MAIN.yaml);
  const text = readFileSync(file, "utf8");
  const port = stack.ports[6] ?? 0;
  const [from, to] = [text.indexOf("  cache:\n"), text.indexOf("outputs:\n")];
  const cache = text.slice(from, to);
  const sessions = cache.replace("cache:", "sessions:").replace(/basePort: .*/, `basePort: ${port}`);
  expect(sessions).toContain(`basePort: ${port}`);
  writeFileSync(file, text.slice(0, to) + sessions + text.slice(to));
  stacks.unshift({ stack, cluster: "shop-yaml-test-sessions" });
  return port;
}

async function openFolder(name: string, cluster: string, ports = 6): Promise<Stack> {
  const write = (folder: string) => {
    const modules = join(EXAMPLES, name === "python" ? "yaml" : name, "node_modules");
    cpSync(join(EXAMPLES, name), folder, {
      recursive: true,
      filter: (path) => !path.includes("node_modules"),
    });
    if (existsSync(modules)) symlinkSync(modules, join(folder, "node_modules"));
  };
  const stack = await Stack.open(write, await freePorts(ports), await redisBinaries("5.0"));
  stacks.push({ stack, cluster });
  stack.env.PATH = `${languages.folder}:${stack.env.PATH ?? ""}`;
  return stack;
}

/** Up, healthy, up again without a change. */
async function expectUp(stack: Stack, project: string, clusters = 1): Promise<void> {
  const up = await stack.up();
  expect(up.output).toContain(`${1 + 2 * clusters} created`);
  expect(up.code, up.output).toBe(0);
  await stack.expectHealthy(stack.ports[0] ?? 0);
  const again = await stack.up();
  expect(again.output).toContain(`${1 + 2 * clusters} unchanged`);
  const outputs = JSON.parse(await stack.must("stack", "output", "--json")) as Record<string, unknown>;
  expect(outputs.endpoints).toHaveLength(6);
  expect(outputs.password).toBe("[secret]");
  expect(outputs.ioredis).toContain(`port: ${stack.ports[0]}`);
  const state = join(stack.folder, "kit", "state", ".pulumi", "stacks", project, "test.json");
  expect(readFileSync(state, "utf8")).not.toContain(PASSWORD);
}

describe("a stack", () => {
  it("in TypeScript", async () => expectUp(await open("typescript"), "shop-typescript"));

  it("in YAML with two clusters, which another stack refers to, through a failover under four clients", async () => {
    const stack = await open("yaml", 12);
    const second = addSecond(stack);
    await expectUp(stack, "shop-yaml", 2);
    await stack.expectHealthy(second);
    const environment = await environmentFor(stack);
    await throughFailover(stack, environment);
    const healed = await stack.up();
    expect(healed.code).toBe(0);
    await stack.expectHealthy(stack.ports[0] ?? 0);
  });

  it("in YAML says what is wrong with an input, and that it must not be promised", async () => {
    const [{ stack } = { stack: undefined }] = stacks.filter(({ cluster }) => cluster.includes("yaml"));
    if (stack === undefined) throw new Error("no stack in YAML");
    const file = join(programOf(stack), "Pulumi.yaml");
    const text = readFileSync(file, "utf8");
    const preview = async (shards: string) => {
      writeFileSync(file, text.replace("shards: 3", `shards: ${shards}`));
      return stack.pulumi(["preview"]);
    };
    const bad = await preview("2");
    expect(bad.code).not.toBe(0);
    expect(bad.output).toContain("expected: a whole number from 3 to 50");
    const promised = await preview("3\n      zones: [a, b, {fn::secret: c}]");
    expect(promised.code).not.toBe(0);
    expect(promised.output).toContain("it must be a plain value");
    writeFileSync(file, text);
  });

  it("in Python, with the SDK that `pulumi package add` makes, the plugin known by its entry alone", async () => {
    const stack = await open("python");
    const { command, env } = await pythonWith("pulumi");
    const site = join(stack.folder, "site");
    Object.assign(stack.env, env, {
      PATH: `${dirname(command)}:${stack.env.PATH ?? ""}`,
      PYTHONPATH: [site, env.PYTHONPATH ?? ""].join(":"),
    });
    // The command installs into the Python that it finds, which is other tests' too.
    const pip = { ...stack.env, PIP_TARGET: site };
    await languages.addPackage(`./${dirname(PLUGIN)}`, programOf(stack), pip);
    const file = join(programOf(stack), "Pulumi.yaml");
    const project = parse(readFileSync(file, "utf8")) as Record<string, unknown>;
    expect(project.packages).toEqual({ "redis-cluster-kit": `./${dirname(PLUGIN)}@0.1.0` });
    const { plugins, ...others } = project;
    expect(plugins).toBeDefined();
    writeFileSync(file, stringify(others));
    await expectUp(stack, "shop-python");
  });

  it("in TypeScript can have a generated SDK too, which compiles", async () => {
    const stack = stacks.at(0)?.stack;
    if (stack === undefined) throw new Error("no stack");
    const sdk = join(stack.folder, "sdk");
    await languages.generateSdk("nodejs", join(programOf(stack), PLUGIN), sdk);
    const folder = join(sdk, "nodejs");
    const generated = readFileSync(join(folder, "redisCluster.ts"), "utf8");
    expect(generated).toContain("password: pulumi.Input<string>;");
    expect(generated).toContain("shards?: number;");
    expect(generated).toContain("target?: enums.Target;");
    expect(generated).toContain("aws?: inputs.AwsArgs;");
    symlinkSync(join(EXAMPLES, "typescript", "node_modules"), join(folder, "node_modules"));
    writeFileSync(
      join(folder, "use.ts"),
      `import { RedisCluster } from "./index";
export const { endpoints } = new RedisCluster("cache", {
  shards: 3,
  password: "x",
  target: "aws",
  aws: { region: "eu-central-1", sshPublicKey: "ssh-ed25519 AAAA", sshCidrs: [], nat: "per-zone" },
  maxMigrationImpact: 40,
  backup: { to: "/b" },
});
`,
    );
    const options = ["--noEmit", "--strict", "--skipLibCheck", "--module", "nodenext", "--types", "node"];
    const compiled = await run("npx", ["tsc", "--ignoreConfig", ...options, "use.ts"], {
      cwd: folder,
      env: stack.env,
    });
    expect(compiled.output).not.toContain("error TS");
    expect(compiled.code, compiled.output).toBe(0);
  });
});

/** What the application needs, read by another team's stack through a StackReference: in both languages the same. */
async function environmentFor(cluster: Stack): Promise<NodeJS.ProcessEnv> {
  const [yaml, typescript] = [
    await environmentOf("consumer", cluster),
    await environmentOf("consumer-typescript", cluster),
  ];
  expect(typescript).toEqual(yaml);
  expect(yaml.REDIS_NODES?.split(",")).toHaveLength(6);
  expect(yaml.REDISCLI_AUTH).toBe(PASSWORD);
  return yaml;
}

async function environmentOf(example: string, cluster: Stack): Promise<Record<string, string>> {
  const consumer = await openFolder(example, "none");
  const shared = { PULUMI_BACKEND_URL: cluster.env.PULUMI_BACKEND_URL };
  const passphrase = { PULUMI_CONFIG_PASSPHRASE_FILE: cluster.env.PULUMI_CONFIG_PASSPHRASE_FILE };
  Object.assign(consumer.env, shared, passphrase);
  await consumer.must("stack", "init", "test");
  await consumer.must("config", "set", "stack", "organization/shop-yaml/test");
  const up = await consumer.up();
  expect(up.output).not.toContain(PASSWORD);
  expect(up.code, up.output).toBe(0);
  const shown = await consumer.must("stack", "output", "environment", "--json", "--show-secrets");
  return JSON.parse(shown) as Record<string, string>;
}

/** Seconds that the programs write: a killed primary's replica takes over after up to 7 of them. */
const WRITING_SECONDS = 12;

/** Kills a primary under the examples' programs. All of their writes must be there. */
async function throughFailover(stack: Stack, environment: NodeJS.ProcessEnv): Promise<void> {
  const apps = join(EXAMPLES, "apps");
  const env = { ...process.env, ...environment, SECONDS: String(WRITING_SECONDS) };
  const start = async (command: string, file: string, more: NodeJS.ProcessEnv = {}) =>
    run(command, [file], { cwd: apps, env: { ...env, ...more } });
  const [today, then] = await Promise.all([
    pythonFor("requirements-redis.txt", "redis"),
    pythonFor("requirements-redis-py-cluster.txt", "rediscluster"),
  ]);
  const programs: Promise<RunResult>[] = [
    start(process.execPath, "with-ioredis.mjs"),
    start(process.execPath, "with-node-redis.mjs"),
    start(today.command, "with_redis_py.py", today.env),
    start(then.command, "with_redis_py_cluster.py", then.env),
  ];
  const [results] = await Promise.all([Promise.all(programs), killPrimary(stack)]);
  for (const { output, code } of results) {
    const { orders, wrong } = JSON.parse(output.trim().split("\n").at(-1) ?? "") as Record<string, number>;
    expect(wrong, output).toBe(0);
    expect(orders, output).toBeGreaterThan(50);
    expect(code, output).toBe(0);
  }
  const retries = results.map(({ output }) => (JSON.parse(output) as { retries: number }).retries);
  expect(Math.max(...retries), "nobody noticed the failover").toBeGreaterThan(0);
}

/** A Python with the pinned packages of the tests, which must be what the example's own requirements ask for. */
async function pythonFor(requirements: string, library: PythonLibrary): Promise<Python> {
  const python = await pythonWith(library);
  const install = ["-m", "pip", "install", "--dry-run", "--no-index", "--no-deps", "-r", requirements];
  const env = { ...process.env, ...python.env };
  const asked = await run(python.command, install, { cwd: join(EXAMPLES, "apps"), env });
  expect(asked.code, asked.output).toBe(0);
  return python;
}

/**
 * Redis replicates asynchronously: what a killed primary has acknowledged last may be lost. So its clients are paused until
 * its replica has everything, and then it is killed: what is tested is the programs' retrying, not luck.
 */
async function killPrimary(stack: Stack): Promise<void> {
  const [port = 0] = stack.ports;
  await sleep(2000);
  const host = hostOf(stack, "shop-yaml-test-cache");
  const [primary] = host.knownNodes().filter((node) => node.port === port);
  if (primary === undefined) throw new Error(`no node on port ${port}`);
  expect(await stack.cli(port, ["client pause 5000"])).toEqual(["OK"]);
  await sleep(500);
  await host.stop(primary, { kill: true });
}
