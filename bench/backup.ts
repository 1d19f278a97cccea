/**
 * Taking and restoring a backup, against `cp` of the same files and redis-cli's `--rdb` and `--pipe`, on one cluster, in one run.
 * Usage: npm run bench backup -- [--keys 300000] [--bytes 100] [--rounds 3] [--line 5.0]
 */
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createReadStream, createWriteStream } from "node:fs";
import { copyFile, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import calculateSlot from "cluster-key-slot";
import { openFolder } from "../backup/folder-place";
import type { Manifest } from "../backup/manifest";
import { restoreBackup } from "../backup/restore";
import { takeBackup } from "../backup/take";
import { verifyBackup } from "../backup/verify";
import { ioredisConnector } from "../cluster/connection";
import type { NodeSpec } from "../cluster/spec";
import { keyOf, loadKeys } from "../test/support/content";
import { type DeclaredCluster, startDeclaredCluster } from "../test/support/declared-cluster";
import { type RedisLine, redisBinaries } from "../test/support/redis-binaries";
import { machine } from "./support/servers";

type Times = Map<string, number[]>;

interface Bench {
  readonly cluster: DeclaredCluster;
  readonly folder: string;
  readonly server: string;
  readonly cli: string;
  readonly version: string;
  readonly keys: number;
  readonly bytes: number;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      keys: { type: "string", default: "300000" },
      bytes: { type: "string", default: "100" },
      rounds: { type: "string", default: "3" },
      line: { type: "string", default: "5.0" },
    },
  });
  const line = values.line as RedisLine;
  const [keys, bytes] = [Number(values.keys), Number(values.bytes)];
  const binaries = await redisBinaries(line);
  const folder = await mkdtemp(join(tmpdir(), "redis-cluster-kit-bench-"));
  const cluster = await startDeclaredCluster({
    line,
    redis: { maxmemory: "0", "maxmemory-policy": "noeviction" },
  });
  const times: Times = new Map();
  try {
    await loadKeys(cluster.target.spec.nodes, cluster.target.spec.password, keys);
    const bench: Bench = { ...binaries, cluster, folder, keys, bytes };
    let manifest: Manifest | undefined;
    for (let round = 1; round <= Number(values.rounds); round++)
      manifest = await oneRound(bench, round, times);
    report(bench, manifest, times);
  } finally {
    await cluster.end();
    await rm(folder, { recursive: true, force: true });
  }
}

/** Taking and its rivals, then emptying and filling again, once with each tool. */
async function oneRound(bench: Bench, round: number, times: Times): Promise<Manifest> {
  const { cluster, folder, server, version } = bench;
  const { spec, hosts } = cluster.target;
  const place = openFolder(join(folder, `place-${round}`));
  const common = { hosts, place, tools: { server, version }, now: () => new Date() };
  const manifest = await timed(times, "take", () => takeBackup(spec, { ...common, kitVersion: "bench" }));
  const files = manifest.shards.map(({ file }) => join(place.url, manifest.id, file));
  const copies = join(folder, `copies-${round}`);
  await mkdir(copies);
  await timed(times, "cp of the files", () =>
    Promise.all(files.map((file, index) => copyFile(file, join(copies, String(index))))),
  );
  const sources = manifest.shards.map(({ node }) => nodeNamed(bench, node));
  await timed(times, "redis-cli --rdb from the same nodes", () =>
    Promise.all(sources.map((node, index) => redisCli(bench, node, ["--rdb", join(copies, `${index}.rdb`)]))),
  );
  await timed(times, "verify", () => verifyBackup(place, manifest.id, common));
  await empty(bench);
  await timed(times, "restore", () => restoreBackup(spec, { ...common, id: manifest.id }));
  await empty(bench);
  const commands = await writeCommands(bench, copies);
  await timed(times, "redis-cli --pipe of the same keys as SET", () =>
    Promise.all(commands.map(([node, file]) => redisCli(bench, node, ["--pipe"], file))),
  );
  return manifest;
}

async function timed<T>(times: Times, what: string, work: () => Promise<T>): Promise<T> {
  const began = performance.now();
  const result = await work();
  times.set(what, [...(times.get(what) ?? []), performance.now() - began]);
  return result;
}

function nodeNamed({ cluster }: Bench, name: string): NodeSpec {
  const node = cluster.target.spec.nodes.find((candidate) => candidate.name === name);
  if (!node) throw new Error(`no node ${name}`);
  return node;
}

function primaries({ cluster }: Bench): NodeSpec[] {
  return cluster.target.spec.nodes.filter(({ member }) => member === 0);
}

async function empty(bench: Bench): Promise<void> {
  for (const node of primaries(bench)) {
    const client = await ioredisConnector().connect(node, [bench.cluster.target.spec.password], {
      replyTimeoutMs: 60_000,
    });
    await client.call("FLUSHALL");
    client.close();
  }
}

/** One file of SETs in Redis's protocol for each primary: what a dump for `--pipe` looks like. */
async function writeCommands(bench: Bench, folder: string): Promise<[NodeSpec, string][]> {
  const nodes = primaries(bench);
  const outs = nodes.map(({ name }) => createWriteStream(join(folder, `${name}.resp`)));
  const noise = randomBytes(4096 + bench.bytes);
  for (let index = 0; index < bench.keys; index++) {
    const key = keyOf(index);
    const slot = calculateSlot(key);
    const shard = Math.min(nodes.length - 1, Math.floor((slot * nodes.length) / 16_384));
    const at = (index * 7) % 4096;
    const value = noise.subarray(at, at + bench.bytes);
    const head = `*3\r\n$3\r\nSET\r\n$${key.length}\r\n`;
    outs[shard]?.write(
      Buffer.concat([
        Buffer.from(head),
        key,
        Buffer.from(`\r\n$${value.length}\r\n`),
        value,
        Buffer.from("\r\n"),
      ]),
    );
  }
  await Promise.all(outs.map((out) => once(out.end(), "finish")));
  return nodes.map((node) => [node, join(folder, `${node.name}.resp`)]);
}

async function redisCli(
  bench: Bench,
  node: NodeSpec,
  args: readonly string[],
  input?: string,
): Promise<void> {
  const child = spawn(bench.cli, ["-h", node.host, "-p", String(node.port), ...args], {
    env: { ...process.env, REDISCLI_AUTH: bench.cluster.target.spec.password },
    stdio: [input === undefined ? "ignore" : "pipe", "ignore", "ignore"],
  });
  if (input !== undefined && child.stdin) createReadStream(input).pipe(child.stdin);
  const [code] = (await once(child, "exit")) as [number | null];
  // --pipe ends with 1 where single keys at a border of slots belonged to the neighbour: a handful, and no matter here.
  if (code !== 0 && input === undefined) throw new Error(`redis-cli ${args[0]} ended with ${code}`);
}

function report({ keys, version }: Bench, manifest: Manifest | undefined, times: Times): void {
  const median = (values: readonly number[]) =>
    [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
  const mebibytes = (manifest?.bytes ?? 0) / 1024 ** 2;
  console.log(
    `\n${keys} keys, 3 shards, ${mebibytes.toFixed(1)} MiB of snapshots, Redis ${version}, ${machine()}`,
  );
  for (const [what, values] of times) {
    const seconds = median(values) / 1000;
    const each = values.map((ms) => (ms / 1000).toFixed(2)).join(" ");
    console.log(
      `${what.padEnd(42)} ${seconds.toFixed(2).padStart(6)} s  ${Math.round(keys / seconds)
        .toLocaleString("en-US")
        .padStart(10)} keys/s  ${(mebibytes / seconds).toFixed(1).padStart(7)} MiB/s  (${each})`,
    );
  }
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
