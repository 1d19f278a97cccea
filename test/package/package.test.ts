/** The packed package in another team's stack: packed, installed elsewhere, used as the README says, by the real engine. */
import { cpSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { createLocalHost } from "../../hosts/local";
import { whyNotBindable } from "../../hosts/local/sockets";
import { run } from "../program/support/run";
import { PASSWORD, ROOT, Stack } from "../program/support/stack";
import { freePorts } from "../support/ports";
import { redisBinaries } from "../support/redis-binaries";
import { codeInReadme } from "./support/readme";
import { filesIn } from "./support/tarball";

const SECTION = "Use it in your own stack";
const PROJECT = "shop";
const CLUSTERS = ["cache", "sessions"].map((name) => `${PROJECT}-test-${name}`);

const tarball = inject("tarball");
let stack: Stack;
/** The other team's folder. */
let folder = "";

beforeAll(async () => {
  const keepFolder = (program: string) => {
    folder = program;
  };
  stack = await Stack.open(keepFolder, await freePorts(12), await redisBinaries("5.0"));
  const installed = inject("installed");
  for (const file of ["package.json", "package-lock.json"]) cpSync(join(installed, file), join(folder, file));
  symlinkSync(join(installed, "node_modules"), join(folder, "node_modules"));
});

afterAll(async () => {
  for (const name of stack === undefined ? [] : CLUSTERS) {
    const host = localHost(name);
    for (const node of host.knownNodes()) await host.stop(node, { kill: true });
  }
  await stack?.end();
});

function localHost(clusterName: string) {
  return createLocalHost({
    clusterName,
    dataDirectory: join(stack.folder, "kit", "clusters", clusterName),
    files: () => undefined,
    resolveServer: async () => stack.redis,
  });
}

/** The package's own program, as one calls it. */
const kit = (...args: string[]) =>
  run("npx", ["redis-cluster-kit", ...args], { cwd: folder, env: stack.env });

describe("the package", () => {
  it("holds compiled code with its types, both programs, the template, and nothing else", () => {
    const files = filesIn(tarball);
    const places = "backup|cli|cluster|components|config|hosts|install|provider|templates|topology";
    const code = new RegExp(`^dist/((${places})/[\\w/-]+|config|topology)(\\.js|\\.d\\.ts)$`);
    const templates = readdirSync(join(ROOT, "templates"), { recursive: true, withFileTypes: true });
    const texts = templates
      .filter((entry) => entry.isFile() && !entry.name.endsWith(".ts"))
      .map((entry) => join("dist", relative(ROOT, entry.parentPath), entry.name))
      .sort();
    expect(texts).toContain("dist/templates/redis.conf.tmpl");
    const others = files.filter((file) => !code.test(file));
    expect(others).toEqual([
      "CHANGELOG.md",
      "LICENSE",
      "README.md",
      "bin/pulumi-resource-redis-cluster-kit",
      "bin/redis-cluster-kit",
      "dist/package.json",
      ...texts,
      "package.json",
    ]);
    const compiled = files.filter((file) => file.endsWith(".js"));
    expect(compiled).toEqual(
      expect.arrayContaining(
        ["components/index", "provider/main", "cli/main"].map((name) => `dist/${name}.js`),
      ),
    );
    expect(compiled.filter((file) => !files.includes(file.replace(/\.js$/, ".d.ts")))).toEqual([]);
  });

  it("adds no second copy of Pulumi's SDK, nor what only development needs", () => {
    const lock = JSON.parse(readFileSync(join(folder, "package-lock.json"), "utf8")) as {
      packages: Record<string, unknown>;
    };
    const places = (name: string) =>
      Object.keys(lock.packages).filter((path) => path.endsWith(`node_modules/${name}`));
    for (const name of ["@pulumi/pulumi", "google-protobuf", "@grpc/grpc-js"])
      expect(places(name)).toEqual([`node_modules/${name}`]);
    for (const name of ["tsx", "esbuild", "vitest", "@pulumi/aws"]) expect(places(name), name).toEqual([]);
  });
});

describe("a stack elsewhere", () => {
  const program = codeInReadme(SECTION, "ts");
  const plugins = codeInReadme(SECTION, "yaml");

  beforeAll(async () => {
    const [port = 0] = stack.ports;
    const { version, server } = stack.redis;
    // The test's own ports and Redis; all else is the README's.
    const own = (basePort: number) =>
      `shards: 3,\n  ${Object.entries({ basePort, redisVersion: version, redisSource: server })
        .map(([key, value]) => `${key}: ${JSON.stringify(value)},`)
        .join("\n  ")}`;
    expect(program.split("shards: 3,")).toHaveLength(2);
    const second = `export const sessions = new RedisCluster("sessions", {\n  ${own(port + 6)}\n  password,\n}).declaration;\n`;
    writeFileSync(join(folder, "index.ts"), program.replace("shards: 3,", own(port)) + second);
    writeFileSync(join(folder, "Pulumi.yaml"), `name: ${PROJECT}\nruntime: nodejs\n`);
    await stack.must("stack", "init", "test");
    await stack.pulumi(["config", "set", "--secret", "password"], { input: PASSWORD });
  });

  it("is type-checked in full, declarations of packages included, without the packages that only the plugin needs", async () => {
    const options = [
      "--noEmit",
      "--listFiles",
      "--strict",
      "--skipLibCheck",
      "false",
      "--module",
      "nodenext",
    ];
    const checked = await run("npx", ["tsc", ...options, "--types", "node", "index.ts"], {
      cwd: folder,
      env: stack.env,
    });
    expect(checked.output).not.toContain("error TS");
    expect(checked.code).toBe(0);
    expect(checked.output).toContain("redis-cluster-kit/dist/components/redis-cluster-args.d.ts");
    for (const name of ["zod", "ioredis"]) expect(checked.output).not.toContain(`/node_modules/${name}/`);
  });

  it("is told the README's lines when its Pulumi.yaml does not name the plugin", async () => {
    const preview = await stack.pulumi(["preview"]);
    expect(preview.code).not.toBe(0);
    expect(preview.output).toContain("does not say where the provider plugin of redis-cluster-kit is. Add:");
    expect(preview.output.replace(/^ +/gm, "")).toContain(plugins.replace(/^ +/gm, ""));
    expect(preview.output).not.toMatch(/^ +at /m);
  });

  it("brings up two clusters, looks at them with the package's program, and takes them down", async () => {
    writeFileSync(join(folder, "Pulumi.yaml"), `name: ${PROJECT}\nruntime: nodejs\n${plugins}`);
    const up = await stack.up();
    expect(up.output).toContain("5 created");
    expect(up.code).toBe(0);
    for (const port of [0, 6]) await stack.expectHealthy(stack.ports[port] ?? 0);

    const either = await kit("status");
    expect(either.output).toContain(CLUSTERS.map((name) => `--cluster ${name}`).join(", "));
    expect(either.code).toBe(2);
    for (const name of CLUSTERS) {
      const status = await kit("status", "--cluster", name);
      expect(status.output).toContain(`${name} is healthy\n3 shards, 6 nodes, all slots covered`);
      expect(status.code).toBe(0);
    }

    const load = await kit("bench", "load", "--seconds", "1", "--cluster", CLUSTERS[0] ?? "");
    expect(load.code, load.output).toBe(0);
    expect(load.output).toMatch(/^ioredis GET\+SET +shop-test-cache +[\d,]+ +[\d.]+ +[\d.]+$/m);
    expect(load.output).toContain("redis-benchmark was left out: it takes a password only as an argument");
    expect(load.output).not.toContain(PASSWORD);

    const again = await stack.up();
    expect(again.output).toMatch(/\d+ unchanged/);
    expect(again.output).not.toMatch(/created|updated|replaced/);

    const down = await stack.pulumi(["destroy", "--yes", "--skip-preview"]);
    expect(down.code).toBe(0);
    const taken = await Promise.all(stack.ports.map((port) => whyNotBindable("127.0.0.1", port)));
    expect(taken.filter((reason) => reason !== undefined)).toEqual([]);
  });
});
