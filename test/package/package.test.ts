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

const README = codeInReadme();
const CLUSTERS = ["cache", "sessions"].map((name) => `shop-dev-${name}`);

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
  it("holds compiled code with its types, both programs, the templates, the runbook, and nothing else", () => {
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
      "bin/PulumiPlugin.yaml",
      "bin/package.json",
      "bin/pulumi-resource-redis-cluster-kit",
      "bin/redis-cluster-kit",
      "dist/docs/runbook.md",
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

/** What the README says to type, in the other team's folder. Nobody sits there to say yes. */
const type = (line: string) =>
  run("bash", ["-e", "-c", line.replace("openssl rand -hex 24", `printf %s ${PASSWORD}`)], {
    cwd: folder,
    env: { ...stack.env, PULUMI_SKIP_CONFIRMATIONS: "true" },
    limitMs: 240_000,
  });

/** The test's own ports and Redis; all else is the README's. */
function ownLines(at: number): string {
  const { version, server } = stack.redis;
  const own = { basePort: stack.ports[at], redisVersion: version, redisSource: server };
  return Object.entries(own)
    .map(([key, value]) => `${key}: ${JSON.stringify(value)},`)
    .join("\n  ");
}

/** The README's program with two clusters. `first`: replaces the beginning of the README's own. */
function writeProgram(first = 'new RedisCluster("cache", {', options = ""): void {
  const [before = "", after = "", ...more] = README.program.split(
    'new RedisCluster("cache", {\n  shards: 3,',
  );
  expect(more).toEqual([]);
  const cache = `${before}${first}\n  shards: 3,\n  ${ownLines(0)}${after.replace("});", `}${options});`)}`;
  const sessions = `new RedisCluster("sessions", {\n  shards: 3,\n  ${ownLines(6)}\n  password,\n}${options})`;
  writeFileSync(
    join(folder, "index.ts"),
    `${cache}${README.declaration}export const sessions = ${sessions}.declaration;\n`,
  );
}

describe("a stack elsewhere", () => {
  const [beforePlugins = "", plugins = ""] = README.project.split(/^(?=plugins:)/m);

  beforeAll(async () => {
    writeProgram();
    writeFileSync(join(folder, "Pulumi.yaml"), beforePlugins);
    for (const line of README.up.slice(0, -1)) {
      const done = await type(line);
      expect(done.code, done.output).toBe(0);
    }
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

  it("brings up two clusters as the README says, and looks at them with the package's program", async () => {
    writeFileSync(join(folder, "Pulumi.yaml"), README.project);
    const up = await type(README.up.at(-1) ?? "");
    expect(up.code, up.output).toBe(0);
    expect(up.output).toContain("5 created");
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
    expect(load.output).toMatch(/^ioredis GET\+SET +shop-dev-cache +[\d,]+ +[\d.]+ +[\d.]+$/m);
    expect(load.output).toContain("redis-benchmark was left out: it takes a password only as an argument");
    expect(load.output).not.toContain(PASSWORD);

    const again = await stack.up();
    expect(again.output).toMatch(/\d+ unchanged/);
    expect(again.output).not.toMatch(/created|updated|replaced/);
  });

  it("stays the same cluster when its resource is renamed, with its name pinned and an alias", async () => {
    writeProgram('new RedisCluster("store", {', ', { aliases: [{ name: "cache" }] }');
    const unpinned = await stack.pulumi(["preview"]);
    expect(unpinned.code).not.toBe(0);
    expect(unpinned.output).toContain(
      'name of a cluster cannot change from "shop-dev-cache" to "shop-dev-store"',
    );
    writeProgram(
      'new RedisCluster("store", {\n  name: "shop-dev-cache",',
      ', { aliases: [{ name: "cache" }] }',
    );
    const pinned = await stack.up();
    expect(pinned.code, pinned.output).toBe(0);
    expect(pinned.output).toMatch(/\d+ unchanged/);
    expect(pinned.output).not.toMatch(/created|deleted|replaced/);
    await stack.expectHealthy(stack.ports[0] ?? 0);
  });

  it("goes on serving when its resource is renamed without an alias: adopted by the one, it is not stopped for the other", async () => {
    writeProgram('new RedisCluster("third", {\n  name: "shop-dev-cache",');
    const up = await stack.up();
    expect(up.code, up.output).toBe(0);
    expect(up.output).toContain("Its nodes are those of third now, so nothing is stopped.");
    await stack.expectHealthy(stack.ports[0] ?? 0);
  });

  it("is protected and transformed as a whole by the options of the component", async () => {
    const third = 'new RedisCluster("third", {\n  name: "shop-dev-cache",';
    const slower = "({ props, opts }) => ({ props, opts: { ...opts, customTimeouts: { create: '7m' } } })";
    writeProgram(third, `, { protect: true, transforms: [${slower}] }`);
    const up = await stack.up();
    expect(up.code, up.output).toBe(0);
    const { deployment } = JSON.parse(await stack.must("stack", "export")) as {
      deployment: { resources: { type: string; protect?: boolean; customTimeouts?: { create?: number } }[] };
    };
    const ours = deployment.resources.filter(({ type }) => type.startsWith("redis-cluster-kit:"));
    expect(ours).toHaveLength(4);
    for (const { type, protect, customTimeouts } of ours)
      expect([type, protect, customTimeouts?.create]).toEqual([type, true, 420]);
    const refused = await stack.pulumi(["destroy", "--yes", "--skip-preview"]);
    expect(refused.code).not.toBe(0);
    expect(refused.output).toContain("protect");
    for (const port of [0, 6]) await stack.expectHealthy(stack.ports[port] ?? 0);
    writeProgram(third);
    expect((await stack.up()).code).toBe(0);
  });

  it("is taken down", async () => {
    const down = await stack.pulumi(["destroy", "--yes", "--skip-preview"]);
    expect(down.code).toBe(0);
    const taken = await Promise.all(stack.ports.map((port) => whyNotBindable("127.0.0.1", port)));
    expect(taken.filter((reason) => reason !== undefined)).toEqual([]);
  });
});
