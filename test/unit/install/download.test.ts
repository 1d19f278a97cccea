import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createRequire } from "node:module";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { type DownloadRequest, download, verify } from "../../../install/download";
import { UnreachableError, UserError } from "../../../install/errors";
import { closedAddress, serve, temporaryFolder } from "./support";

const CONTENT = Buffer.from("a Redis source, as it were. ".repeat(10_000));
const SHA256 = createHash("sha256").update(CONTENT).digest("hex");

/** The same rules hold for the copy that runs before anything is installed. */
const bootstrap = createRequire(__filename)("../../../scripts/bootstrap/fetch.cjs") as {
  fetchFile(url: string, target: string, sha256: string, label: string): Promise<void>;
};

const implementations = {
  "install/download.ts": (request: DownloadRequest) => download(request, () => undefined),
  "scripts/bootstrap/fetch.cjs": ({ url, target, sha256, label }: DownloadRequest) =>
    bootstrap.fetchFile(url, target, sha256 ?? "", label),
};

/** Serves CONTENT with ranges; the first answer breaks off in the middle if `breakFirst`. */
function flakyServer(options: { ranges: boolean; breakFirst: boolean }) {
  const ranges: (string | undefined)[] = [];
  const listener = (request: IncomingMessage, response: ServerResponse) => {
    ranges.push(request.headers.range);
    const from = options.ranges ? Number(/bytes=(\d+)-/.exec(request.headers.range ?? "")?.[1] ?? 0) : 0;
    const body = CONTENT.subarray(from);
    response.writeHead(from > 0 ? 206 : 200, { "content-length": body.length });
    if (options.breakFirst && ranges.length === 1) {
      response.write(body.subarray(0, 100_000), () => setTimeout(() => response.destroy(), 50));
    } else response.end(body);
  };
  return { ranges, listener };
}

describe.each(Object.entries(implementations))("%s", (_name, fetchFile) => {
  test("fetches, checks, and leaves nothing but the file", async () => {
    const url = await serve(flakyServer({ ranges: true, breakFirst: false }).listener);
    const target = join(temporaryFolder(), "sub", "redis.tar.gz");
    await fetchFile({ url, target, sha256: SHA256, label: "test" });
    expect(readFileSync(target).equals(CONTENT)).toBe(true);
    expect(existsSync(`${target}.part`)).toBe(false);
  });

  test("a wrong checksum is refused with both sums, and the file is removed", async () => {
    const url = await serve(flakyServer({ ranges: true, breakFirst: false }).listener);
    const target = join(temporaryFolder(), "redis.tar.gz");
    const wrong = "0".repeat(64);
    const failure = fetchFile({ url, target, sha256: wrong, label: "test" });
    await expect(failure).rejects.toThrow(new RegExp(`${SHA256}, expected ${wrong}`));
    await expect(failure).rejects.toMatchObject({ name: "UserError" });
    expect(existsSync(target)).toBe(false);
    expect(existsSync(`${target}.part`)).toBe(false);
  });

  test("an interrupted download goes on where it stopped", async () => {
    const { ranges, listener } = flakyServer({ ranges: true, breakFirst: true });
    const url = await serve(listener);
    const target = join(temporaryFolder(), "redis.tar.gz");
    await expect(fetchFile({ url, target, sha256: SHA256, label: "test" })).rejects.toThrow(
      /cannot be reached/,
    );
    expect(existsSync(target)).toBe(false);
    await fetchFile({ url, target, sha256: SHA256, label: "test" });
    expect(ranges).toEqual([undefined, expect.stringMatching(/^bytes=[1-9]\d*-$/)]);
    expect(readFileSync(target).equals(CONTENT)).toBe(true);
  });

  test("a server that cannot go on sends all again, and the result is right", async () => {
    const url = await serve(flakyServer({ ranges: false, breakFirst: true }).listener);
    const target = join(temporaryFolder(), "redis.tar.gz");
    await expect(fetchFile({ url, target, sha256: SHA256, label: "test" })).rejects.toThrow(
      /cannot be reached/,
    );
    await fetchFile({ url, target, sha256: SHA256, label: "test" });
    expect(readFileSync(target).equals(CONTENT)).toBe(true);
  });

  test("what was left of another file of that name is thrown away", async () => {
    const url = await serve(flakyServer({ ranges: true, breakFirst: false }).listener);
    const target = join(temporaryFolder(), "redis.tar.gz");
    writeFileSync(`${target}.part`, "another version's beginning");
    await fetchFile({ url, target, sha256: SHA256, label: "test" });
    expect(readFileSync(target).equals(CONTENT)).toBe(true);
  });

  test("a closed port is told with host and reason", async () => {
    const url = `${await closedAddress()}/redis.tar.gz`;
    const target = join(temporaryFolder(), "redis.tar.gz");
    await expect(fetchFile({ url, target, sha256: SHA256, label: "test" })).rejects.toThrow(
      /127\.0\.0\.1:\d+ cannot be reached \(ECONNREFUSED\)/,
    );
  });

  test("a missing file counts as unreachable, with its status", async () => {
    const url = await serve((_request, response) => response.writeHead(404).end());
    const target = join(temporaryFolder(), "redis.tar.gz");
    await expect(fetchFile({ url, target, sha256: SHA256, label: "test" })).rejects.toThrow(
      /cannot be reached \(.*404/,
    );
  });
});

describe("bounded waits", () => {
  test("a server that does not answer", async () => {
    const url = await serve(() => undefined);
    const target = join(temporaryFolder(), "file");
    const request = { url, target, sha256: SHA256, label: "test", connectTimeoutMs: 100 };
    await expect(download(request, () => undefined)).rejects.toThrow(/no answer within 0.1 s/);
  });

  test("a server that falls silent", async () => {
    const url = await serve((_request, response) => {
      response.writeHead(200, { "content-length": CONTENT.length });
      response.write(CONTENT.subarray(0, 1000));
    });
    const target = join(temporaryFolder(), "file");
    const request = { url, target, sha256: SHA256, label: "test", stallTimeoutMs: 100 };
    const failure = download(request, () => undefined);
    await expect(failure).rejects.toThrow(/silent for 0.1 s/);
    await expect(failure).rejects.toBeInstanceOf(UnreachableError);
    expect(existsSync(target)).toBe(false);
  });
});

test("a partial file that is already whole is checked and used", async () => {
  const url = await serve((request, response) => {
    const isWhole = request.headers.range === `bytes=${CONTENT.length}-`;
    response.writeHead(isWhole ? 416 : 200).end(isWhole ? undefined : "something else");
  });
  const target = join(temporaryFolder(), "file");
  writeFileSync(`${target}.part`, CONTENT);
  await download({ url, target, sha256: SHA256, label: "test" }, () => undefined);
  expect(readFileSync(target).equals(CONTENT)).toBe(true);
});

test("verify removes what it refuses, and takes capital letters", async () => {
  const file = join(temporaryFolder(), "file");
  writeFileSync(file, CONTENT);
  await verify(file, SHA256.toUpperCase(), "test");
  await expect(verify(file, "1".repeat(64), "my.tar.gz")).rejects.toThrow(
    /^my\.tar\.gz has the wrong SHA-256/,
  );
  await expect(verify(file, "1".repeat(64), "my.tar.gz")).rejects.not.toBeInstanceOf(UserError);
  expect(existsSync(file)).toBe(false);
});
