import { createHash } from "node:crypto";
import { createReadStream, existsSync, mkdirSync, renameSync, rmSync, statSync } from "node:fs";
import { open } from "node:fs/promises";
import { dirname } from "node:path";
import { codeOf, describe, UnreachableError, UserError } from "./errors";
import { type Progress, type Report, startProgress } from "./progress";

export interface DownloadRequest {
  /** http or https address. */
  url: string;
  /** Where the finished file goes; meanwhile it is `target` + ".part". */
  target: string;
  /** Expected SHA-256, hex. Left out only for a user's own address without one. */
  sha256?: string | undefined;
  /** What is fetched, for progress: "Redis 5.0.14". */
  label: string;
  /** How long the server may take to begin its answer, ms. Default 6000: an unreachable host must not cost a minute. */
  connectTimeoutMs?: number;
  /** The longest silence within the answer, ms. Default 30000. */
  stallTimeoutMs?: number;
}

/** SHA-256 of a file, hex. */
export async function sha256Of(file: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
  return hash.digest("hex");
}

/** Why a fetch failed, in a few words: undici hides the system's reason in `cause`. */
function reasonOf(error: unknown): string {
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
  return codeOf(cause) ?? describe(cause);
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}

/** Writes the answer to `partial`, after what is there already when the server agrees to go on (206). */
async function receive(
  response: Response,
  partial: string,
  have: number,
  onData: () => void,
  progress: Progress,
) {
  const resumed = response.status === 206;
  const length = Number(response.headers.get("content-length")) || 0;
  const total = length === 0 ? undefined : length + (resumed ? have : 0);
  const file = await open(partial, resumed ? "a" : "w");
  try {
    let done = resumed ? have : 0;
    for await (const chunk of response.body ?? []) {
      onData();
      await file.write(chunk);
      done += chunk.length;
      const share =
        total === undefined ? "" : ` of ${megabytes(total)} MB (${Math.floor((100 * done) / total)}%)`;
      progress.update(`${megabytes(done)}${share || " MB"}`);
    }
  } finally {
    await file.close();
  }
}

async function stream(request: DownloadRequest, partial: string, report: Report): Promise<void> {
  const { url, connectTimeoutMs = 6000, stallTimeoutMs = 30_000 } = request;
  const have = existsSync(partial) ? statSync(partial).size : 0;
  const abort = new AbortController();
  const progress = startProgress(request.label, report);
  const giveUp = (ms: number, what: string) =>
    setTimeout(() => abort.abort(new Error(`${what} ${ms / 1000} s`)), ms);
  let timer = giveUp(connectTimeoutMs, "no answer within");
  const onData = () => {
    clearTimeout(timer);
    timer = giveUp(stallTimeoutMs, "silent for");
  };
  try {
    const headers: Record<string, string> = have > 0 ? { range: `bytes=${have}-` } : {};
    const response = await fetch(url, { headers, signal: abort.signal });
    // 416: nothing is missing (or the file is another one now, which the checksum will tell).
    if (response.status === 416) return;
    if (!response.ok) throw new Error(`HTTP ${response.status}`);
    await receive(response, partial, have, onData, progress);
  } catch (error) {
    const host = new URL(url).host;
    throw new UnreachableError(`${host} cannot be reached (${reasonOf(error)})`);
  } finally {
    clearTimeout(timer);
    progress.end();
  }
}

/**
 * Fetches one file: streamed beside its target, resumed where an earlier try stopped, checked, then renamed into place.
 * @throws UnreachableError when the server does not answer; what came so far is kept for the next try.
 * @throws UserError when the checksum differs; the file is removed.
 */
export async function download(request: DownloadRequest, report: Report): Promise<void> {
  const partial = `${request.target}.part`;
  mkdirSync(dirname(partial), { recursive: true });
  const isResumed = existsSync(partial);
  await stream(request, partial, report);
  // What was left of an earlier try can be of another file of that name: then all of it is fetched once more.
  if (isResumed && request.sha256 !== undefined && (await sha256Of(partial)) !== request.sha256) {
    rmSync(partial);
    await stream(request, partial, report);
  }
  if (request.sha256 !== undefined) await verify(partial, request.sha256, request.url);
  renameSync(partial, request.target);
}

/** Refuses and removes `file` unless it has this checksum. `from` names it in the error. */
export async function verify(file: string, sha256: string, from: string): Promise<void> {
  const found = await sha256Of(file);
  if (found === sha256.toLowerCase()) return;
  rmSync(file);
  throw new UserError(
    `${from} has the wrong SHA-256: ${found}, expected ${sha256}. The file was removed.`,
    "Either something on the way changes downloads (a proxy?), or the file was changed at its source. Run again to fetch it anew.",
  );
}
