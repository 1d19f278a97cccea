/** What a stand-in of S3 cannot be made to do: many pages of uploads, and one that never answers. */
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { openS3 } from "../../../backup/s3-place";

const ID = "cache-20260101T000000Z";
let folder: string;
let server: Server;
let asked: string[];

const upload = (key: string) =>
  `<Upload><Key>${key}</Key><UploadId>u</UploadId><Initiated>2026-01-01T00:00:00.000Z</Initiated></Upload>`;

/** Two pages of unfinished uploads; objects are there; what is written waits for ever. */
function answer(method: string, url: string): string | undefined {
  if (url.includes("list-type=2")) return "<ListBucketResult></ListBucketResult>";
  if (url.includes("uploads") && url.includes("key-marker=first"))
    return `<ListMultipartUploadsResult>${upload(`${ID}/second`)}</ListMultipartUploadsResult>`;
  if (url.includes("uploads"))
    return `<ListMultipartUploadsResult><IsTruncated>true</IsTruncated><NextKeyMarker>first</NextKeyMarker><NextUploadIdMarker>u</NextUploadIdMarker>${upload(`${ID}/first`)}</ListMultipartUploadsResult>`;
  return method === "PUT" ? undefined : "bytes";
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "redis-cluster-kit-s3-"));
  asked = [];
  server = createServer((request, response) => {
    request.resume();
    const { method = "", url = "" } = request;
    asked.push(`${method} ${url}`);
    const text = answer(method, url);
    if (text === undefined) return;
    response.writeHead(method === "DELETE" ? 204 : 200, { "content-type": "application/xml" });
    response.end(method === "GET" ? text : "");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  vi.stubEnv("AWS_ENDPOINT_URL", `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  vi.stubEnv("AWS_ACCESS_KEY_ID", "test");
  vi.stubEnv("AWS_SECRET_ACCESS_KEY", "test");
  vi.stubEnv("AWS_REGION", "eu-central-1");
});

afterEach(async () => {
  vi.unstubAllEnvs();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await rm(folder, { recursive: true, force: true });
});

describe("backups in S3", () => {
  const place = (spool = folder) => openS3("s3://bucket-of-tests", { spool });

  it("are swept of unfinished uploads on every page", async () => {
    const swept = await place().sweep("cache", 0);
    expect(swept).toEqual(
      ["first", "second"].map((name) => `s3://bucket-of-tests/${ID}/${name} (unfinished upload)`),
    );
    expect(asked.filter((line) => line.startsWith("DELETE"))).toHaveLength(2);
  });

  it("come into a spool folder that is not there yet", async () => {
    const { path, release } = await place(join(folder, "new", "spool")).fetch(ID, "shard-1.rdb");
    expect(await readFile(path, "utf8")).toBe("bytes");
    await release();
    expect(await readdir(join(folder, "new", "spool"))).toEqual([]);
  });

  it("end their upload when they are interrupted", async () => {
    const draft = await place().draft(ID);
    await writeFile(join(draft.folder, "shard-1.rdb"), "bytes");
    const interruption = new AbortController();
    const committing = draft.commit(["shard-1.rdb"], "{}", () => undefined, interruption.signal);
    await vi.waitFor(() => expect(asked.some((line) => line.startsWith("PUT"))).toBe(true));
    interruption.abort(new Error("interrupted"));
    await expect(committing).rejects.toThrow("interrupted");
    expect(asked.some((line) => line.includes("manifest.json"))).toBe(false);
    await draft.discard();
  });
});
