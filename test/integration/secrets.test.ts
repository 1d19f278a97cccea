/** The password is in redis.conf and in nobody else's reach: not in processes, outputs, errors, logs or other files. */

// provider/access.ts requires what only some targets need when it needs it; under vitest that wants the hook of the launcher.
import "../../scripts/ts.cjs";
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openTarget } from "../../cli/declaration";
import { ioredisConnector } from "../../cluster/connection";
import { declare } from "../../components/declaration";
import { parseConfig } from "../../config";
import type { Declaration } from "../../provider/declaration";
import { freePorts } from "../support/ports";
import { redisBinaries } from "../support/redis-binaries";
import { holds, type ProcessWatch, searchFiles, watchProcesses } from "../support/secret-search";

const PROGRAM = join(__dirname, "../../bin/redis-cluster-kit");
/** Long and random: whoever has a piece of it has it from us. */
const PASSWORD = `kit-${randomBytes(12).toString("hex")}`;
/** One that somebody sets by hand and tells nobody. */
const STRANGE = `strange-${randomBytes(12).toString("hex")}`;
const SECRETS = [PASSWORD, STRANGE];

interface Ran {
  readonly code: number | null;
  /** stdout and stderr. */
  readonly output: string;
}

/** Everything that the commands write anywhere is below it: data, home, cache, temporary files. */
const root = mkdtempSync(join(tmpdir(), "redis-cluster-kit-secrets-"));
const outputs = new Map<string, string>();
let declaration: Declaration;
let watch: ProcessWatch;

beforeAll(async () => {
  for (const folder of ["home", "tmp", "secrets"]) mkdirSync(join(root, folder), { mode: 0o700 });
  declaration = await declareAt("data");
});

afterAll(async () => {
  await stopAll(declaration);
  rmSync(root, { recursive: true, force: true });
});

async function declareAt(folder: string): Promise<Declaration> {
  const { server, version } = await redisBinaries("5.0");
  const [basePort = 0] = await freePorts(6);
  const raw = {
    basePort,
    name: "secrets",
    dataDirectory: join(root, folder),
    redisSource: server,
    redisVersion: version,
  };
  return declare(parseConfig(raw, { project: "test", stack: "test", dataRoot: root }), PASSWORD);
}

/** Ends what is left of the nodes, and proves it. */
async function stopAll(declared: Declaration): Promise<void> {
  const sourced = { declaration: declared, origin: "test", isIntent: true, upCommand: "up" };
  const target = await openTarget(sourced, () => undefined);
  const left: string[] = [];
  for (const node of target.spec.nodes) {
    await target.hosts(node).stop(node, { kill: true });
    const { process } = await target.hosts(node).inspect(node);
    if (process !== "stopped") left.push(node.name);
  }
  await target.close();
  if (left.length > 0) throw new Error(`left running after the test: ${left.join(", ")}`);
}

/** The command line as people run it, with a declaration of its own. */
async function run(name: string, declared: Declaration, ...args: string[]): Promise<Ran> {
  const file = join(root, "secrets", `${name}.json`);
  writeFileSync(file, JSON.stringify(declared), { mode: 0o600 });
  const ran = await execute([...args, "--declaration", file]);
  outputs.set(`${name}: ${args.join(" ")}`, ran.output);
  return ran;
}

function execute(args: readonly string[]): Promise<Ran> {
  const env = {
    PATH: process.env.PATH,
    HOME: join(root, "home"),
    TMPDIR: join(root, "tmp"),
    REDIS_CLUSTER_KIT_HOME: join(root, "home", "data"),
    REDIS_CLUSTER_KIT_CACHE: join(root, "home", "cache"),
  };
  const child = spawn(process.execPath, [PROGRAM, ...args], { env, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (chunk: Buffer) => {
      output += chunk.toString();
    });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, output }));
  });
}

/** The same cluster in another folder and on other ports, whose first node cannot start. */
async function brokenBy(line: string): Promise<Declaration> {
  const declared = await declareAt(`broken-${outputs.size}`);
  const [first] = declared.nodes;
  if (first === undefined) throw new Error("no node");
  const text = declared.files[first.name] ?? "";
  return { ...declared, files: { ...declared.files, [first.name]: `${text}${line}\n` } };
}

describe.runIf(process.platform === "linux")(
  "the password, looked for while everything is run (/proc: Linux)",
  () => {
    it("is seen by this search where it is", async () => {
      const control = watchProcesses([STRANGE]);
      const waits = ["-e", "setTimeout(() => {}, 300)"];
      const children = [
        spawn(process.execPath, [...waits, STRANGE], { stdio: "ignore" }),
        spawn(process.execPath, waits, { stdio: "ignore", env: { HIDDEN: STRANGE } }),
      ];
      await Promise.all(children.map((child) => new Promise((resolve) => child.once("exit", resolve))));
      const seen = control.stop();
      expect(seen.map(({ where, variables }) => [where, ...variables]).sort()).toEqual([
        ["arguments"],
        ["environment", "HIDDEN"],
      ]);
      for (const text of [
        STRANGE,
        `x${STRANGE.slice(0, 20)}`,
        Buffer.from(`a:${STRANGE}`).toString("base64"),
      ])
        expect(holds(text, SECRETS), text).toBe(true);
    });

    it("is used by every command, and none of them tells it", async () => {
      watch = watchProcesses(SECRETS);
      expect(await run("made", declaration, "apply", "--yes")).toMatchObject({ code: 0 });
      for (const command of ["status", "plan", "doctor"])
        for (const options of [[], ["--json"], ["--debug"]])
          expect(await run("made", declaration, command, ...options)).toMatchObject({ code: 0 });
      const byFolder = await execute(["status", "--data", declaration.dataDirectory]);
      outputs.set("status --data", byFolder.output);
      expect(byFolder.code).toBe(0);
    });

    it("is not told when a node cannot start, not even where Redis quotes the bad line itself", async () => {
      for (const line of ["maxmemory-polizy noeviction", `requirepass ${PASSWORD} surplus`]) {
        const broken = await brokenBy(line);
        const { code, output } = await run(
          `broken by ${line.split(" ")[0] ?? ""}`,
          broken,
          "apply",
          "--yes",
          "--debug",
        );
        await stopAll(broken);
        expect(code).toBeGreaterThan(0);
        expect(output).toContain("redis-server ended at its start");
      }
    });

    it("is not told when the servers refuse it", async () => {
      for (const node of declaration.nodes) {
        const client = await ioredisConnector().connect(node, [PASSWORD]);
        await client.call("CONFIG", "SET", "requirepass", STRANGE);
        client.close();
      }
      for (const command of ["status", "plan", "doctor", "apply"]) {
        const { code, output } = await run("refused", declaration, command, "--debug");
        expect(code, output).toBeGreaterThan(0);
        expect(output).toMatch(/password/);
      }
    });

    it("was in no argument and no environment", () => {
      const sightings = watch.stop();
      expect([...watch.programs]).toEqual(expect.arrayContaining(["redis-server"]));
      // What redis-cli is given is its own; of it nobody else may read.
      const isAllowed = ({ program, variables }: (typeof sightings)[number]) =>
        program === "redis-cli" && variables.join() === "REDISCLI_AUTH";
      expect(sightings.filter((sighting) => !isAllowed(sighting))).toEqual([]);
    });

    it("was in no output and no error", () => {
      expect(outputs.size).toBeGreaterThan(14);
      const tellers = [...outputs].filter(([, output]) => holds(output, SECRETS)).map(([name]) => name);
      expect(tellers).toEqual([]);
    });
  },
);

it("the password is in redis.conf alone, and nothing of the data is readable by others", () => {
  const found = searchFiles(root, SECRETS);
  const nameOf = (path: string) => relative(root, path);
  expect(found.filter(({ isFolder }) => !isFolder).length).toBeGreaterThan(20);
  const given = (path: string) => nameOf(path).startsWith("secrets/");
  const holders = found.filter(({ path, hasSecret }) => hasSecret && !given(path));
  expect(holders.filter(({ path }) => !path.endsWith("/redis.conf")).map(({ path }) => nameOf(path))).toEqual(
    [],
  );
  expect(holders.filter(({ path }) => nameOf(path).startsWith("data/"))).toHaveLength(6);
  expect(holders.filter(({ mode }) => mode !== 0o600)).toEqual([]);
  const data = found.filter(({ path }) => /^(data|broken)/.test(nameOf(path)));
  const open = data.filter(({ mode }) => (mode & 0o077) !== 0);
  expect(open.map(({ path, mode }) => `${nameOf(path)} ${mode.toString(8)}`)).toEqual([]);
});
