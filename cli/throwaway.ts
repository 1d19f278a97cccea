/** A local cluster for one purpose, in a temporary folder, without a trace afterwards. */
import { randomBytes } from "node:crypto";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { apply } from "../cluster/engine";
import { declare } from "../components/declaration";
import { parseConfig } from "../config";
import { whyNotBindable } from "../hosts/local/sockets";
import type { Declaration } from "../provider/declaration";
import { openTarget, type Target } from "./declaration";
import { UsageError } from "./errors";
import type { RedisTools } from "./redis-tools";
import { parseDeclaration } from "./sources/file";

const PREFIX = "redis-cluster-kit-throwaway-";
const SHARDS = 3;
/** Below where Linux gives ports to outgoing connections, bus ports included. */
const FIRST_PORT = 18_000;
const LAST_PORT = 20_900;
const BUS_OFFSET = 10_000;
const HOST = "127.0.0.1";

/** Three primaries without replicas, without a limit of memory and without files of their own, with DEBUG for comparing values. */
export async function withThrowaway<T>(
  tools: RedisTools,
  say: (line: string) => void,
  use: (target: Target) => Promise<T>,
): Promise<T> {
  await sweep(say);
  const folder = await mkdtemp(join(tmpdir(), `${PREFIX}${process.pid}-`));
  const declaration = await declarationFor(folder, tools);
  // For whoever comes after this process was killed.
  await writeFile(join(folder, "declaration.json"), JSON.stringify(declaration), { mode: 0o600 });
  const target = await open(declaration, say);
  try {
    await apply(target.spec, { hosts: target.hosts });
    return await use(target);
  } finally {
    await end(target, folder);
  }
}

function open(declaration: Declaration, say: (line: string) => void): Promise<Target> {
  return openTarget({ declaration, origin: "a throwaway cluster", isIntent: true, upCommand: "apply" }, say);
}

async function end(target: Target, folder: string): Promise<void> {
  for (const node of target.spec.nodes) await target.hosts(node).stop(node, { kill: true });
  await target.close();
  await rm(folder, { recursive: true, force: true });
}

async function declarationFor(folder: string, { server, version }: RedisTools): Promise<Declaration> {
  const raw = {
    name: "throwaway",
    basePort: await freePort(),
    shards: SHARDS,
    replicasPerShard: 0,
    dataDirectory: join(folder, "data"),
    redisSource: server,
    redisVersion: version,
    redis: { maxmemory: "0", "maxmemory-policy": "noeviction", appendonly: "no", save: "" },
  };
  const config = parseConfig(raw, { project: "throwaway", stack: "throwaway", dataRoot: folder });
  const declaration = declare(config, randomBytes(32).toString("hex"));
  if (Number(version.split(".")[0]) < 7) return declaration;
  const files = Object.entries(declaration.files).map(([name, text]) => [
    name,
    `${text}\nenable-debug-command local\n`,
  ]);
  return { ...declaration, files: Object.fromEntries(files) as Record<string, string> };
}

/** The first of as many free ports as there are nodes. */
async function freePort(): Promise<number> {
  // Two at the same time begin at different places.
  const start = FIRST_PORT + (process.pid % 900) * SHARDS;
  for (let port = start; port + SHARDS < LAST_PORT; port += SHARDS) {
    const wanted = Array.from({ length: SHARDS }, (_, at) => [port + at, port + at + BUS_OFFSET]).flat();
    const taken = await Promise.all(wanted.map((one) => whyNotBindable(HOST, one)));
    if (taken.every((reason) => reason === undefined)) return port;
  }
  throw new UsageError(`no ${SHARDS} free ports between ${start} and ${LAST_PORT} on this machine`);
}

/** Clusters whose process was killed. */
async function sweep(say: (line: string) => void): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    const pid = Number(new RegExp(`^${PREFIX}(\\d+)-`).exec(name)?.[1] ?? Number.NaN);
    if (!Number.isInteger(pid) || isAlive(pid)) continue;
    const folder = join(tmpdir(), name);
    const declaration = parseDeclaration(
      await readFile(join(folder, "declaration.json"), "utf8").catch(() => ""),
    );
    if (typeof declaration === "string") await rm(folder, { recursive: true, force: true });
    else await end(await open(declaration, say), folder);
    say(`ended a throwaway cluster whose command was killed: ${folder}`);
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return !(error instanceof Error && "code" in error && error.code === "ESRCH");
  }
}
