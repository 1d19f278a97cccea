/** The same in S3 (moto): whole or not there, encrypted, in parts, and clear about what is wrong. */
import { spawnSync } from "node:child_process";
import { mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as s3 from "@aws-sdk/client-s3";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { openPlace } from "../../backup/open-place";
import { type DeclaredCluster, startDeclaredCluster } from "../support/declared-cluster";
import { type Moto, startMoto } from "../support/moto";
import { putForTest } from "./support/big-draft";
import { endAfter, kit, spawnKit } from "./support/command";
import { type Digests, digestAll, targetOf, writeDataset } from "./support/dataset";
import { keysOr, limitFor } from "./support/size";
import { runTimer, stateOf } from "./support/timer";
import { lost, whileWritten } from "./support/writer";

const KEYS = 6_000;
const KEYS_OF_THE_WHOLE_WAY = keysOr(20_000);
vi.setConfig({ testTimeout: limitFor(KEYS_OF_THE_WHOLE_WAY), hookTimeout: limitFor(KEYS_OF_THE_WHOLE_WAY) });
const BUCKET = "backups-of-tests";
const PLACE = `s3://${BUCKET}/redis/prod`;
const ROOM = { maxmemory: "512mb" };
const WIDE = { maxmemory: "1gb" };

const noAwsCli =
  spawnSync("aws", ["--version"]).status === 0 ? undefined : " (skipped: the AWS CLI is not installed)";

let folder: string;
let spool: string;
let moto: Moto;
let client: s3.S3Client;
let source: DeclaredCluster;
const environment: Record<string, string | undefined> = {};

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "redis-cluster-kit-backup-"));
  spool = join(folder, "spool");
  await mkdir(spool);
  moto = await startMoto();
  for (const [name, value] of Object.entries(moto.env)) {
    environment[name] = process.env[name];
    process.env[name] = value;
  }
  client = new s3.S3Client({ endpoint: moto.url, forcePathStyle: true });
  const LocationConstraint = "eu-central-1";
  await client.send(
    new s3.CreateBucketCommand({ Bucket: BUCKET, CreateBucketConfiguration: { LocationConstraint } }),
  );
  source = await startDeclaredCluster({ redis: ROOM });
  await writeDataset(targetOf(source), 0, KEYS);
}, 240_000);

afterAll(async () => {
  await source?.end();
  client?.destroy();
  await moto?.end();
  for (const [name, value] of Object.entries(environment))
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  await rm(folder, { recursive: true, force: true });
});

const backup = (to = PLACE) =>
  kit(folder, "backup", "--to", to, "--spool", spool, "--declaration", source.file);
const place = () => openPlace(PLACE, folder, { spool });

async function objects(): Promise<string[]> {
  const below = { Bucket: BUCKET, Prefix: "redis/prod/" };
  const { Contents = [] } = await client.send(new s3.ListObjectsV2Command(below));
  return Contents.map(({ Key = "" }) => Key);
}

describe(`${KEYS_OF_THE_WHOLE_WAY} keys of all types under a writing client, through S3`, () => {
  const at = `s3://${BUCKET}/whole`;
  let before: Digests;
  let acknowledged = 0;

  beforeAll(async () => {
    const cluster = await startDeclaredCluster({ redis: WIDE });
    try {
      await writeDataset(targetOf(cluster), 0, KEYS_OF_THE_WHOLE_WAY);
      before = await digestAll(targetOf(cluster));
      acknowledged = await whileWritten(targetOf(cluster), async () => {
        const to = ["--to", at, "--spool", spool];
        const taken = await kit(folder, "backup", ...to, "--declaration", cluster.file);
        expect(taken.exitCode, taken.err).toBe(0);
        console.log(taken.out);
      });
    } finally {
      await cluster.end();
    }
  });

  it.each([3, 4])("come back in %i shards, every one with its value and time to live", async (shards) => {
    const [id = ""] = await openPlace(at, folder, { spool }).ids();
    const into = await startDeclaredCluster({ redis: WIDE, shards, replicasPerShard: 0 });
    try {
      const from = ["--from", `${at}/${id}`, "--spool", spool];
      const restored = await kit(folder, "restore", ...from, "--declaration", into.file);
      expect(restored.exitCode, restored.err).toBe(0);
      console.log(restored.out);
      expect(await lost(targetOf(into), before, acknowledged)).toEqual([]);
    } finally {
      await into.end();
    }
    expect(await readdir(spool)).toEqual([]);
  });
});

describe("a backup in S3", () => {
  it("is listed, verified, encrypted", async () => {
    const taken = await backup();
    expect(taken.exitCode, taken.err).toBe(0);
    expect(await readdir(spool)).toEqual([]);
    const [id = ""] = await place().ids();
    expect(await objects()).toEqual(
      ["manifest.json", "shard-1.rdb", "shard-2.rdb", "shard-3.rdb"].map(
        (file) => `redis/prod/${id}/${file}`,
      ),
    );
    const head = await client.send(
      new s3.HeadObjectCommand({ Bucket: BUCKET, Key: `redis/prod/${id}/shard-1.rdb` }),
    );
    expect(head.ServerSideEncryption).toBe("AES256");
    const listed = await kit(folder, "backup", "list", "--in", PLACE);
    expect(listed.out).toContain(id);
    expect((await kit(folder, "backup", "verify", "--in", PLACE, "--spool", spool)).exitCode).toBe(0);
    expect(await readdir(spool)).toEqual([]);
  });

  it("that was changed there is refused, with the object's name", async () => {
    const [id = ""] = await place().ids();
    const Key = `redis/prod/${id}/shard-2.rdb`;
    const { Body } = await client.send(new s3.GetObjectCommand({ Bucket: BUCKET, Key }));
    const bytes = Buffer.from((await Body?.transformToByteArray()) ?? []);
    const at = Math.floor(bytes.length / 2);
    const changed = Buffer.from(bytes);
    changed[at] = (changed[at] ?? 0) ^ 1;
    await client.send(new s3.PutObjectCommand({ Bucket: BUCKET, Key, Body: changed }));
    const verified = await kit(folder, "backup", "verify", "--in", PLACE, "--spool", spool);
    expect(verified.err).toContain(`${PLACE}/${id}/shard-2.rdb is damaged`);
    expect(verified.exitCode).toBe(1);
    await client.send(new s3.PutObjectCommand({ Bucket: BUCKET, Key, Body: bytes }));
    expect((await kit(folder, "backup", "verify", "--in", PLACE, "--spool", spool)).exitCode).toBe(0);
  });

  it("that was killed is not seen, and its pieces go with the next one", async () => {
    const whole = await place().ids();
    let kills = 0;
    for (const delayMs of [100, 300, 700, 1_000]) {
      const child = spawnKit("backup", "--to", PLACE, "--spool", spool, "--declaration", source.file);
      const { killed, exitCode } = await endAfter(child, delayMs);
      expect(killed || exitCode === 0).toBe(true);
      if (killed) kills++;
      for (const id of await place().ids())
        expect((await kit(folder, "backup", "verify", id, "--in", PLACE, "--spool", spool)).exitCode).toBe(0);
    }
    // One that was too quick to be killed proves nothing.
    expect(kills).toBeGreaterThan(0);
    // As a run would leave it that was killed before its manifest.
    const broken = "redis/prod/drilled-20200101T000000Z/shard-1.rdb";
    await client.send(new s3.PutObjectCommand({ Bucket: BUCKET, Key: broken, Body: "part" }));
    expect(await place().ids()).not.toContain("drilled-20200101T000000Z");
    expect(await place().sweep("drilled", -60_000)).toContain(`s3://${BUCKET}/${broken}`);
    const ids = await place().ids();
    expect(ids.length).toBeGreaterThanOrEqual(whole.length);
    expect(new Set((await objects()).map((key) => key.split("/")[2]))).toEqual(new Set(ids));
    expect(await readdir(spool)).toEqual([]);
  });

  it("is pruned by the policy, the last good one never", async () => {
    expect((await backup()).exitCode).toBe(0);
    const ids = await place().ids();
    expect(ids.length).toBeGreaterThan(1);
    const pruned = await kit(folder, "backup", "prune", "--in", PLACE, "--keep", "daily=0", "--spool", spool);
    expect(pruned.exitCode, pruned.err).toBe(0);
    expect(await place().ids()).toEqual(ids.slice(-1));
    expect(await objects()).toHaveLength(4);
  });

  it("without a bucket or without S3 is refused, with the cure", async () => {
    const missing = await backup("s3://no-such-bucket-of-tests/redis");
    expect(missing.err).toContain("there is no such bucket. Create it, or correct the name");
    expect(missing.exitCode).toBe(1);
    process.env.AWS_ENDPOINT_URL = "http://127.0.0.1:9";
    try {
      const unreachable = await backup();
      expect(unreachable.err).toContain("S3 cannot be reached from here");
      expect(unreachable.exitCode).toBe(1);
    } finally {
      process.env.AWS_ENDPOINT_URL = moto.url;
    }
  });

  it.skipIf(noAwsCli !== undefined)(`by a server's timer, with the AWS CLI${noAwsCli ?? ""}`, async () => {
    const own = join(folder, "timer");
    await mkdir(own);
    const options = { cluster: source, folder: own, env: moto.env };
    // Older ones of the CLI do not know AWS_ENDPOINT_URL.
    const more = { S3_OPTIONS: `--endpoint-url ${moto.url} --sse AES256` };
    const at = `s3://${BUCKET}/by-timer`;
    const taken = await runTimer({ ...options, place: at, more });
    expect(taken.exitCode, taken.err).toBe(0);
    const [id = ""] = await openPlace(at, folder, { spool }).ids();
    expect((await kit(folder, "backup", "verify", "--in", at, "--spool", spool)).exitCode).toBe(0);
    const Key = `by-timer/${id}/shard-1.rdb`;
    const head = await client.send(new s3.HeadObjectCommand({ Bucket: BUCKET, Key }));
    expect(head.ServerSideEncryption).toBe("AES256");
    const missing = await runTimer({ ...options, place: "s3://no-such-bucket-of-tests/redis", more });
    expect(missing.err).toMatch(/NoSuchBucket[\s\S]*cure: see that the bucket exists/);
    expect(missing.exitCode).toBe(1);
    expect((await readdir(stateOf(own))).filter((name) => name.startsWith("."))).toEqual([]);
  });

  it("of the very second of another one is none, and leaves that one alone", async () => {
    const id = "drilled-20200101T000000Z";
    const [first, second] = [await place().draft(id), await place().draft(id)];
    await first.commit([], "{}", () => undefined);
    await expect(second.commit([], "[]", () => undefined)).rejects.toThrow(
      /another backup was taken in this/,
    );
    await second.discard();
    expect(await place().manifest(id)).toBe("{}");
    await place().remove(id);
  });

  it("of more than one part is the same file", async () => {
    const { bytes, sha256, parts } = await putForTest(place());
    expect(parts).toBeGreaterThan(1);
    expect(bytes).toBe(20 * 1024 * 1024);
    expect(sha256.read).toBe(sha256.written);
  });
});
