// Fetches one file over https: resumable, verified, put in place by rename. install/download.ts does the same for the rest
// of the set-up; this copy runs on older Nodes, before anything is installed.
const { createHash } = require("node:crypto");
const fs = require("node:fs");
const path = require("node:path");
const { SetupError } = require("./paths.cjs");

const CONNECT_MS = 6000;
const STALL_MS = 30_000;
const PROGRESS_EVERY_MS = 200;

/** Why a request failed, in a few words: undici hides the system's reason in `cause`. */
function reasonOf(error) {
  const cause = error.cause ?? error;
  return (
    cause.code ?? (error.name === "AbortError" ? `no answer within ${CONNECT_MS / 1000} s` : cause.message)
  );
}

function digest(file, algorithm, encoding) {
  return createHash(algorithm).update(fs.readFileSync(file)).digest(encoding);
}

function progressLine(label, done, total) {
  if (!process.stderr.isTTY) return;
  const mb = (n) => (n / 1e6).toFixed(1);
  const of = total ? ` of ${mb(total)} MB (${Math.floor((100 * done) / total)}%)` : " MB";
  process.stderr.write(`\r\x1b[K${label}: ${mb(done)}${of}`);
}

/** Appends what is missing of `url` to `partial`. Every wait is bounded: the answer, and each silence within it. */
async function stream(url, partial, label) {
  const have = fs.existsSync(partial) ? fs.statSync(partial).size : 0;
  const abort = new AbortController();
  const giveUp = (ms, what) => setTimeout(() => abort.abort(new Error(`${what} ${ms / 1000} s`)), ms);
  let timer = giveUp(CONNECT_MS, "no answer within");
  try {
    const headers = have > 0 ? { range: `bytes=${have}-` } : {};
    const response = await fetch(url, { headers, signal: abort.signal });
    if (response.status === 416) return;
    if (!response.ok) throw new Error(`${response.status} ${response.statusText}`);
    const resumed = response.status === 206;
    const length = Number(response.headers.get("content-length")) || 0;
    const total = length && length + (resumed ? have : 0);
    let done = resumed ? have : 0;
    let shownAt = 0;
    const out = fs.openSync(partial, resumed ? "a" : "w");
    try {
      for await (const chunk of response.body) {
        clearTimeout(timer);
        timer = giveUp(STALL_MS, "silent for");
        fs.writeSync(out, chunk);
        done += chunk.length;
        if (Date.now() - shownAt > PROGRESS_EVERY_MS) {
          shownAt = Date.now();
          progressLine(label, done, total);
        }
      }
    } finally {
      fs.closeSync(out);
      if (process.stderr.isTTY) process.stderr.write("\r\x1b[K");
    }
  } finally {
    clearTimeout(timer);
  }
}

/** Fetches `url` to `target`; an interrupted fetch goes on where it stopped. Throws {unreachable} or a checksum error. */
async function fetchFile(url, target, sha256, label) {
  fs.mkdirSync(path.dirname(target), { recursive: true });
  const partial = `${target}.part`;
  const isResumed = fs.existsSync(partial);
  try {
    await stream(url, partial, label);
    // What was left of an earlier try can be of another file of that name: then all of it is fetched once more.
    if (isResumed && digest(partial, "sha256", "hex") !== sha256) {
      fs.rmSync(partial);
      await stream(url, partial, label);
    }
  } catch (error) {
    throw Object.assign(new Error(`${new URL(url).host} cannot be reached (${reasonOf(error)})`), {
      unreachable: true,
    });
  }
  const got = digest(partial, "sha256", "hex");
  if (got !== sha256) {
    fs.rmSync(partial);
    throw new SetupError(
      `${url} has the wrong checksum: ${got}, expected ${sha256}. The file was removed.`,
      "Something between here and there changes downloads (a proxy?), or the file was tampered with. Run again to try anew.",
    );
  }
  fs.renameSync(partial, target);
}

module.exports = { digest, fetchFile };
