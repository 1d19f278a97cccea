/** `restore:` in a stack, on the real Pulumi engine: a new cluster that begins with a backup, once, whatever kills it. */
import { mkdirSync, readdirSync, readFileSync, watch, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import * as s3 from "@aws-sdk/client-s3";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { openFolder } from "../../backup/folder-place";
import { processesOf } from "../program/support/secrets";
import { PASSWORD, Stack } from "../program/support/stack";
import { startDeclaredCluster } from "../support/declared-cluster";
import { type Moto, startMoto } from "../support/moto";
import { endAfter, kit, spawnKit } from "./support/command";
import { type Digests, differences, digestAll, writeDataset } from "./support/dataset";
import { keysOr, limitFor } from "./support/size";

const KEYS = keysOr(6_000);
vi.setConfig({ testTimeout: limitFor(KEYS), hookTimeout: limitFor(KEYS) });

let folder: string;
let place: string;
let id: string;
let digests: Digests;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "redis-cluster-kit-backup-"));
  place = join(folder, "place");
  const source = await startDeclaredCluster({ redis: { maxmemory: "512mb" } });
  try {
    const target = { nodes: source.target.spec.nodes, password: source.target.spec.password };
    await writeDataset(target, 0, KEYS);
    digests = await digestAll(target);
    const taken = await kit(folder, "backup", "--to", place, "--declaration", source.file);
    expect(taken.exitCode, taken.err).toBe(0);
    id = (await openFolder(place).ids()).at(-1) ?? "";
  } finally {
    await source.end();
  }
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const configOf = () => ({
  restore: join(place, id),
  redis: JSON.stringify({ maxmemory: "512mb" }),
  backup: JSON.stringify({ to: place }),
});

async function expectRestored(stack: Stack): Promise<void> {
  const nodes = stack.ports.map((port) => ({ name: String(port), host: "127.0.0.1", port }));
  expect(differences(digests, await digestAll({ nodes, password: PASSWORD }))).toEqual([]);
  const again = await stack.up();
  expect(again.output).toMatch(/Resources:\s+\d unchanged/);
}

/** With the name of the step and its time, as docs/backups.md tells them. */
async function step<T>(name: string, work: Promise<T>): Promise<T> {
  const began = performance.now();
  const done = await work;
  console.log(`${name}: ${((performance.now() - began) / 1000).toFixed(1)} s`);
  return done;
}

const command = (...argv: string[]) => endAfter(spawnKit(...argv), limitFor(KEYS));

test("after a disaster, step by step: a stack that names a backup comes up with its keys, and leaves them alone", async () => {
  console.log(`${digests.size} keys, load ${loadavg()[0]?.toFixed(1)}`);
  const good = await step("backup verify", command("backup", "verify", "--in", place));
  expect(good.exitCode, good.err).toBe(0);
  await Stack.with({ config: configOf() }, async (stack) => {
    const preview = await step("pulumi preview", stack.pulumi(["preview"]));
    expect(preview.output).toContain(`Then ${join(place, id)} is restored into it.`);
    const up = await step("pulumi up", stack.up());
    expect(up.output).toContain(
      `restored ${id}: ${digests.size} of ${digests.size} keys, every slot counted`,
    );
    expect(up.code).toBe(0);
    console.log(/restored .*/.exec(up.output)?.[0]);
    const file = join(stack.folder, "declaration.json");
    writeFileSync(file, await stack.must("stack", "output", "declaration", "--show-secrets"));
    const status = await step("status", command("status", "--declaration", file));
    expect(status.exitCode, status.err).toBe(0);
    const taken = await step("backup", command("backup", "--declaration", file));
    expect(taken.exitCode, taken.err).toBe(0);
    await expectRestored(stack);
  });
});

test("from S3 the files come through the folder that TMPDIR names", async () => {
  const temporary = join(folder, "temporary");
  mkdirSync(temporary);
  const seen = new Set<string>();
  const watcher = watch(temporary, (_, name) => seen.add(String(name)));
  const moto = await startMoto();
  try {
    const restore = await inS3(moto);
    await Stack.with({ config: { ...configOf(), restore } }, async (stack) => {
      const up = await stack.up({ env: { ...moto.env, TMPDIR: temporary } });
      expect(up.code, up.output).toBe(0);
      await expectRestored(stack);
    });
  } finally {
    watcher.close();
    await moto.end();
  }
  const spools = [...seen].filter((name) => name.startsWith(`redis-cluster-kit-spool-${id}`));
  expect(spools).toHaveLength(3);
  expect(readdirSync(temporary).filter((name) => spools.includes(name))).toEqual([]);
});

/** A copy of the backup there; its address. */
async function inS3(moto: Moto): Promise<string> {
  const credentials = { accessKeyId: "test", secretAccessKey: "test" };
  const region = "eu-central-1";
  const client = new s3.S3Client({ endpoint: moto.url, forcePathStyle: true, region, credentials });
  const [Bucket, CreateBucketConfiguration] = ["backups-of-stacks", { LocationConstraint: region }] as const;
  await client.send(new s3.CreateBucketCommand({ Bucket, CreateBucketConfiguration }));
  for (const file of readdirSync(join(place, id))) {
    const Body = readFileSync(join(place, id, file));
    await client.send(new s3.PutObjectCommand({ Bucket, Key: `redis/${id}/${file}`, Body }));
  }
  client.destroy();
  return `s3://${Bucket}/redis/${id}`;
}

test("SIGKILL of the provider while it restores: the up fails, the next one continues and finishes", async () => {
  await Stack.with({ config: configOf() }, async (stack) => {
    let killedAt = 0;
    let isOver = false;
    const up = stack.up().finally(() => {
      isOver = true;
    });
    while (!isOver && killedAt === 0) {
      await sleep(10);
      const [size = ""] = await stack.cli(stack.ports[0] ?? 0, ["dbsize"]);
      const keys = Number(/\d+$/.exec(size)?.[0] ?? 0);
      if (keys < 50) continue;
      for (const { pid, command } of processesOf(stack.folder))
        if (command.includes("pulumi-resource-redis-cluster-kit")) process.kill(pid, "SIGKILL");
      killedAt = keys;
    }
    const killed = await up;
    expect(killedAt).toBeGreaterThan(0);
    expect(killed.code, killed.output).not.toBe(0);
    console.log(`killed when the first shard had ${killedAt} keys`);

    const next = await stack.up();
    expect(next.code, next.output).toBe(0);
    expect(next.output).toContain(`restored ${id}: ${digests.size} of ${digests.size} keys`);
    await expectRestored(stack);
  });
});
