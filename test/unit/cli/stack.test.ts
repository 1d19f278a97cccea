import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { UsageError } from "../../../cli/errors";
import { configValues } from "../../../cli/sources/pulumi";
import { findProject, fromStack } from "../../../cli/sources/stack";
import { declare } from "../../../components/declaration";
import { parseConfig } from "../../../config";

const ROOT = resolve(__dirname, "..", "..", "..");
const PASSWORD = "correct-horse-battery";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "redis-cluster-kit-cli-"));
  for (const [name, value] of Object.entries(environment())) vi.stubEnv(name, value);
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

function environment(): Record<string, string> {
  return {
    PATH: [join(folder, "bin"), dirname(process.execPath), "/usr/bin", "/bin"].join(":"),
    REDIS_CLUSTER_KIT_HOME: join(folder, "home"),
    REDIS_CLUSTER_KIT_CACHE: join(folder, "cache"),
    PULUMI_BACKEND_URL: `file://${folder}/state`,
  };
}

/** A stand-in for the engine (the real one is used by test/program): answers one question and notes what it was asked. */
function standIn(answer: { stdout?: string; stderr?: string; code?: number }): void {
  mkdirSync(join(folder, "bin"), { recursive: true });
  writeFileSync(join(folder, "answer"), answer.stdout ?? "");
  const script = [
    "#!/bin/sh",
    `[ "$1" = version ] && echo v3.200.0 && exit 0`,
    `echo "$@" >> ${folder}/asked`,
    `echo '${answer.stderr ?? ""}' >&2`,
    `cat ${folder}/answer`,
    `exit ${answer.code ?? 0}`,
  ];
  for (const name of ["pulumi", "pulumi-language-nodejs"]) {
    writeFileSync(join(folder, "bin", name), `${script.join("\n")}\n`);
    chmodSync(join(folder, "bin", name), 0o755);
  }
}

const options = (directory: string, more: object = {}) => ({ directory, env: environment(), ...more });

const config = parseConfig({ name: "shop", shards: 4 }, { project: "p", stack: "s", dataRoot: "/data" });

describe("the project", () => {
  it("is the nearest one above, and this repository knows itself", () => {
    const inner = join(folder, "app", "src");
    mkdirSync(inner, { recursive: true });
    writeFileSync(join(folder, "app", "Pulumi.yaml"), 'name: "shop" # ours\nruntime: nodejs\n');
    expect(findProject(inner)).toMatchObject({ name: "shop", directory: join(folder, "app"), isOwn: false });
    expect(findProject(join(ROOT, "test", "unit"))).toMatchObject({ name: "redis-cluster-kit", isOwn: true });
    expect(findProject(folder)).toBeUndefined();
  });
});

describe("this repository's stack", () => {
  const said = JSON.stringify({
    "redis-cluster-kit:name": { value: "shop", secret: false },
    "redis-cluster-kit:shards": { value: "4", secret: false },
    "redis-cluster-kit:redis": { value: "{}", objectValue: { maxmemory: "32mb" }, secret: false },
    "redis-cluster-kit:password": { value: PASSWORD, secret: true },
    "other:password": { value: "another", secret: true },
  });

  it("is what its configuration declares now, and is asked for quietly", async () => {
    standIn({ stdout: said });
    const { declaration, origin, isIntent, upCommand } = await fromStack(options(ROOT, { stack: "prod" }));
    expect({ origin, isIntent, upCommand }).toEqual({
      origin: "stack prod",
      isIntent: true,
      upCommand: "npm run up",
    });
    expect(declaration).toMatchObject({ name: "shop", password: PASSWORD });
    expect(declaration.nodes).toHaveLength(8);
    expect(declaration.directives.maxmemory).toBe(String(32 * 1024 * 1024));
    const asked = readFileSync(join(folder, "asked"), "utf8");
    expect(asked).toBe("config --show-secrets --json --stack prod --non-interactive\n");
  });
  it.each([
    [
      "that is not there",
      { code: 255, stderr: "error: no stack named dev found" },
      /no cluster of stack "dev".*npm run up/,
    ],
    ["without a password", { stdout: "{}" }, /no cluster of stack "dev".*npm run up/],
    [
      "that cannot be read",
      { code: 255, stderr: "error: incorrect passphrase" },
      /stack dev: incorrect passphrase/,
    ],
  ])("%s is told with the cure", async (_, answer, text) => {
    standIn(answer);
    const failure = fromStack(options(ROOT));
    await expect(failure).rejects.toThrow(text);
    await expect(failure).rejects.toThrow(UsageError);
  });
  it("without an engine is what the last `up` left on disk, and says so", async () => {
    vi.stubEnv("PATH", join(folder, "bin"));
    const cluster = join(folder, "home", "clusters", "redis-cluster-kit-dev");
    mkdirSync(join(cluster, "shard-1-a"), { recursive: true });
    const node = {
      name: "shard-1-a",
      host: "127.0.0.1",
      port: 1,
      busPort: 2,
      shard: 0,
      member: 0,
      zone: "a",
    };
    writeFileSync(join(cluster, "cluster.json"), JSON.stringify({ name: "redis-cluster-kit-dev" }));
    writeFileSync(
      join(cluster, "shard-1-a", "node.json"),
      JSON.stringify({ ...node, directives: { hz: "10" } }),
    );
    writeFileSync(join(cluster, "shard-1-a", "redis.conf"), `requirepass ${PASSWORD}\n`);
    const sourced = await fromStack(options(ROOT));
    expect(sourced).toMatchObject({ isIntent: false, origin: `files in ${cluster}` });
    expect(sourced.note).toContain("no Pulumi engine here");
    expect(sourced.declaration).toMatchObject({
      password: PASSWORD,
      nodes: [node],
      directives: { hz: "10" },
    });
  });
});

describe("a user's stack", () => {
  beforeEach(() => writeFileSync(join(folder, "Pulumi.yaml"), "name: shop\nruntime: nodejs\n"));

  const outputs = (...names: string[]) =>
    JSON.stringify({
      url: "https://example.com",
      ...Object.fromEntries(
        names.map((name) => [`declaration-${name}`, JSON.stringify({ ...declare(config, PASSWORD), name })]),
      ),
    });

  it("gives the one declaration among its outputs", async () => {
    standIn({ stdout: outputs("shop") });
    const { declaration, upCommand } = await fromStack(options(folder, { stack: "prod" }));
    expect(declaration).toMatchObject({ name: "shop", password: PASSWORD });
    expect(upCommand).toBe("pulumi up");
    expect(readFileSync(join(folder, "asked"), "utf8")).toContain("--stack prod");
  });
  it("of several clusters gives the one that is named", async () => {
    standIn({ stdout: outputs("shop", "sessions") });
    await expect(fromStack(options(folder))).rejects.toThrow(
      /Choose one: --cluster shop, --cluster sessions/,
    );
    const { declaration } = await fromStack(options(folder, { cluster: "sessions" }));
    expect(declaration.name).toBe("sessions");
  });
  it("without one says how to export it", async () => {
    standIn({ stdout: outputs() });
    await expect(fromStack(options(folder))).rejects.toThrow(
      /export const declaration = cluster\.declaration/,
    );
  });
});

it("configuration keys of other namespaces are left out, structured values stay structured", () => {
  const json = JSON.stringify({
    "a:x": { value: "1" },
    "a:y": { value: "{}", objectValue: { z: 1 } },
    "b:x": { value: "2" },
  });
  expect(configValues(json, "a")).toEqual({ x: "1", y: { z: 1 } });
});
