/**
 * Backups under a prefix of an S3 bucket: s3://bucket/prefix, with ?region=, ?sse=aws:kms&kms-key=ID where wanted. There is
 * no renaming in S3: a backup is visible once its manifest is there, which is written last and deleted first.
 */
import { createReadStream, createWriteStream } from "node:fs";
import { mkdir, mkdtemp, readdir, rm, stat, statfs } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import * as s3 from "@aws-sdk/client-s3";
import { Upload } from "@aws-sdk/lib-storage";
import { BackupFailedError, BackupRefusedError, DamagedBackupError, explainSystem } from "./errors";
import { isBackupId, isIdOf, MANIFEST_FILE } from "./manifest";
import type { Draft, Fetched, Place, PlaceOptions } from "./place";
import { explainS3, isMissing } from "./s3-errors";
import { abortUploads } from "./s3-uploads";

/** Objects have at most 10 000 parts; small ones have parts of 8 MiB. */
const PART_BYTES = 8 * 1024 * 1024;
const MOST_PARTS = 9_000;
const PARTS_UNDER_WAY = 4;
const DELETE_AT_ONCE = 1_000;
const SPOOL = "redis-cluster-kit-spool-";

export interface Bucket {
  readonly client: s3.S3Client;
  readonly url: string;
  readonly bucket: string;
  /** "" or with a slash at its end. */
  readonly prefix: string;
  readonly encryption: Pick<s3.PutObjectCommandInput, "ServerSideEncryption" | "SSEKMSKeyId">;
  readonly spool: string;
}

/** Credentials, region and endpoint come from where AWS's own tools take them: environment, profile, instance role. */
export function openS3(place: string, options: PlaceOptions): Place {
  const bucket = bucketOf(place, options);
  return {
    url: bucket.url,
    ids: async () => wholeIds(await list(bucket, "")),
    manifest: (id) => manifest(bucket, id),
    fetch: (id, file) => fetchFile(bucket, id, file),
    draft: (id) => draft(bucket, id),
    remove: (id) => remove(bucket, id),
    sweep: (cluster, olderThanMs) => sweep(bucket, cluster, olderThanMs),
    free: async () => {
      const { bavail, bsize } = await statfs(bucket.spool);
      return bavail * bsize;
    },
  };
}

function bucketOf(place: string, { spool = tmpdir(), env = process.env }: PlaceOptions): Bucket {
  const url = new URL(place);
  const path = url.pathname.replace(/^\/+|\/+$/g, "");
  if (!/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(url.hostname))
    throw new BackupRefusedError(
      `${place}: the bucket's name is missing or none. Expected s3://bucket/prefix.`,
    );
  const region = url.searchParams.get("region");
  const sse = url.searchParams.get("sse") ?? "AES256";
  const key = url.searchParams.get("kms-key");
  const hasEndpoint = Boolean(env.AWS_ENDPOINT_URL_S3 ?? env.AWS_ENDPOINT_URL);
  const client = new s3.S3Client({
    ...(region === null ? {} : { region }),
    // Stand-ins of S3 have no host name per bucket.
    forcePathStyle: hasEndpoint,
    followRegionRedirects: true,
    maxAttempts: 5,
  });
  if (sse !== "AES256" && sse !== "aws:kms" && sse !== "aws:kms:dsse")
    throw new BackupRefusedError(`${place}: sse is AES256, aws:kms or aws:kms:dsse, not ${sse}.`);
  return {
    client,
    url: `s3://${url.hostname}${path === "" ? "" : `/${path}`}`,
    bucket: url.hostname,
    prefix: path === "" ? "" : `${path}/`,
    encryption: { ServerSideEncryption: sse, ...(key === null ? {} : { SSEKMSKeyId: key }) },
    spool,
  };
}

interface Listed {
  /** Without the prefix: `<id>/<file>`. */
  readonly name: string;
  readonly changedMs: number;
}

async function list({ client, bucket, prefix, url }: Bucket, under: string): Promise<Listed[]> {
  const found: Listed[] = [];
  const query = { Bucket: bucket, Prefix: `${prefix}${under}` };
  try {
    for await (const page of s3.paginateListObjectsV2({ client }, query))
      for (const { Key = "", LastModified } of page.Contents ?? [])
        found.push({ name: Key.slice(prefix.length), changedMs: LastModified?.getTime() ?? 0 });
  } catch (error) {
    throw explainS3(error, url);
  }
  return found;
}

function wholeIds(listed: readonly Listed[]): string[] {
  const ids = listed.flatMap(({ name }) => {
    const [id = "", file, ...deeper] = name.split("/");
    return file === MANIFEST_FILE && deeper.length === 0 && isBackupId(id) ? [id] : [];
  });
  return ids.sort();
}

async function manifest({ client, bucket, prefix, url }: Bucket, id: string): Promise<string> {
  try {
    const { Body } = await client.send(
      new s3.GetObjectCommand({ Bucket: bucket, Key: `${prefix}${id}/${MANIFEST_FILE}` }),
    );
    return (await Body?.transformToString("utf8")) ?? "";
  } catch (error) {
    if (isMissing(error))
      throw new BackupRefusedError(`${url}/${id}: there is no whole backup of that name.`);
    throw explainS3(error, url);
  }
}

async function fetchFile(
  { client, bucket, prefix, url, spool }: Bucket,
  id: string,
  file: string,
): Promise<Fetched> {
  await mkdir(spool, { recursive: true }).catch((error: unknown) => {
    throw explainSystem(error, spool);
  });
  const folder = await mkdtemp(join(spool, `${SPOOL}${id}.`));
  const path = join(folder, file);
  const release = () => rm(folder, { recursive: true, force: true });
  try {
    const { Body } = await client.send(
      new s3.GetObjectCommand({ Bucket: bucket, Key: `${prefix}${id}/${file}` }),
    );
    await pipeline(Body as Readable, createWriteStream(path, { flags: "wx", mode: 0o600 }));
    return { path, release };
  } catch (error) {
    await release();
    if (isMissing(error))
      throw new DamagedBackupError(`${url}/${id}/${file} is missing. Use another backup.`);
    throw explainS3(explainSystem(error, path), `${url}/${id}/${file}`);
  }
}

async function draft(own: Bucket, id: string): Promise<Draft> {
  const { client, bucket, prefix, encryption, url, spool } = own;
  try {
    await client.send(new s3.HeadBucketCommand({ Bucket: bucket }));
  } catch (error) {
    throw new BackupRefusedError(explainS3(error, url).message, { cause: error });
  }
  await mkdir(spool, { recursive: true });
  const folder = await mkdtemp(join(spool, `${SPOOL}${id}.`));
  const key = (file: string) => `${prefix}${id}/${file}`;
  let isBegun = false;
  return {
    folder,
    commit: async (files, text, progress, signal) => {
      // Another cluster of this name: the lock keeps backups of one cluster from the same second.
      if ((await list(own, `${id}/`)).length > 0)
        throw new BackupFailedError(
          `${url}/${id} is there already: another backup was taken in this very second.`,
        );
      isBegun = true;
      try {
        for (const file of files) await upload(own, join(folder, file), key(file), progress, signal);
        await client.send(
          new s3.PutObjectCommand({
            Bucket: bucket,
            Key: key(MANIFEST_FILE),
            Body: text,
            ContentType: "application/json",
            ...encryption,
          }),
        );
      } catch (error) {
        signal?.throwIfAborted();
        throw explainS3(error, url);
      }
      await rm(folder, { recursive: true, force: true });
    },
    discard: async () => {
      await rm(folder, { recursive: true, force: true });
      const names = isBegun ? (await list(own, `${id}/`)).map(({ name }) => name) : [];
      await removeAll(own, names);
    },
  };
}

async function upload(
  { client, bucket, encryption }: Bucket,
  path: string,
  key: string,
  progress: (bytes: number) => void,
  signal: AbortSignal | undefined,
): Promise<void> {
  signal?.throwIfAborted();
  const { size } = await stat(path);
  const partSize = Math.max(PART_BYTES, Math.ceil(size / MOST_PARTS));
  const run = new Upload({
    client,
    params: {
      Bucket: bucket,
      Key: key,
      Body: createReadStream(path, { highWaterMark: 1024 * 1024 }),
      ...encryption,
    },
    partSize,
    queueSize: PARTS_UNDER_WAY,
  });
  let told = 0;
  run.on("httpUploadProgress", ({ loaded = 0 }) => {
    progress(loaded - told);
    told = loaded;
  });
  // Parts that are there already are deleted by it.
  const abort = () => void run.abort();
  signal?.addEventListener("abort", abort, { once: true });
  try {
    await run.done();
  } finally {
    signal?.removeEventListener("abort", abort);
  }
}

/** The manifest first: from then on it is no backup any more. */
async function remove(own: Bucket, id: string): Promise<void> {
  const names = (await list(own, `${id}/`)).map(({ name }) => name);
  await removeAll(
    own,
    names.filter((name) => name === `${id}/${MANIFEST_FILE}`),
  );
  await removeAll(
    own,
    names.filter((name) => name !== `${id}/${MANIFEST_FILE}`),
  );
}

async function removeAll({ client, bucket, prefix, url }: Bucket, names: readonly string[]): Promise<void> {
  try {
    for (let from = 0; from < names.length; from += DELETE_AT_ONCE) {
      const Objects = names.slice(from, from + DELETE_AT_ONCE).map((name) => ({ Key: `${prefix}${name}` }));
      const { Errors = [] } = await client.send(
        new s3.DeleteObjectsCommand({ Bucket: bucket, Delete: { Objects, Quiet: true } }),
      );
      if (Errors[0]) throw Object.assign(new Error(Errors[0].Message), { name: Errors[0].Code ?? "Error" });
    }
  } catch (error) {
    throw explainS3(error, url);
  }
}

/** Files of backups without a manifest, parts of uploads that never ended, and copies on this machine. */
async function sweep(own: Bucket, cluster: string, olderThanMs: number): Promise<string[]> {
  const before = Date.now() - olderThanMs;
  const listed = await list(own, cluster);
  const whole = new Set(wholeIds(listed));
  const idOf = (name: string) => name.split("/")[0] ?? "";
  const broken = listed.filter(({ name }) => isIdOf(cluster, idOf(name)) && !whole.has(idOf(name)));
  const recent = new Set(broken.filter(({ changedMs }) => changedMs > before).map(({ name }) => idOf(name)));
  const stale = broken.map(({ name }) => name).filter((name) => !recent.has(idOf(name)));
  await removeAll(own, stale);
  const aborted = await abortUploads(own, cluster, before);
  return [
    ...stale.map((name) => `${own.url}/${name}`),
    ...aborted,
    ...(await sweepSpool(own, cluster, before)),
  ];
}

async function sweepSpool({ spool }: Bucket, cluster: string, before: number): Promise<string[]> {
  const swept: string[] = [];
  for (const name of await readdir(spool).catch(() => [])) {
    if (!name.startsWith(SPOOL) || !isIdOf(cluster, name.slice(SPOOL.length, name.lastIndexOf("."))))
      continue;
    const path = join(spool, name);
    if (((await stat(path).catch(() => undefined))?.mtimeMs ?? before) >= before) continue;
    await rm(path, { recursive: true, force: true });
    swept.push(path);
  }
  return swept;
}
