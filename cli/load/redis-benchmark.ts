/** redis-benchmark as a client: of 7.0 and later, which routes by slots (`--cluster`) and speaks of percentiles. */
import { execFile } from "node:child_process";
import { availableParallelism } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { LoadFailedError } from "../errors";
import { toolsFor } from "../redis-tools";
import { type Driver, KEY_LIFE_SECONDS, KEYS_PER_NODE, type Loaded, type Measured, VALUE } from "./types";

const run = promisify(execFile);
const SUITABLE = "7.0.15";
/** Requests of the short run that tells how many take as long as wanted. */
const TRIAL = 10_000;
/** What a run takes besides its requests. */
const PATIENCE_MS = 20_000;

/**
 * Path of one that is suitable: beside `server`, else of a Redis that is got, which can take minutes.
 * @throws UserError where none can be had.
 */
export async function findBenchmark(server: string, report: (line: string) => void): Promise<string> {
  const beside = besides(server);
  return (await isSuitable(beside)) ? beside : besides((await toolsFor(SUITABLE, report)).server);
}

function besides(server: string): string {
  return join(dirname(server), "redis-benchmark");
}

/** Those before 6.0 do not know `--version` and end with an error. */
async function isSuitable(program: string): Promise<boolean> {
  const { stdout } = await run(program, ["--version"], { timeout: 10_000 }).catch(() => ({ stdout: "" }));
  return Number(/^redis-benchmark (\d+)\./.exec(stdout)?.[1] ?? 0) >= 7;
}

/** SETs, then GETs of the same keys. `prefix` ends with a colon. */
export function benchmarkDrivers(program: string, prefix: string): readonly Driver[] {
  // In a cluster redis-benchmark replaces {tag} so that every node gets keys of its own slots.
  const key = `${prefix}{tag}:__rand_int__`;
  const commands = {
    SET: ["SET", key, VALUE, "EX", String(KEY_LIFE_SECONDS)],
    GET: ["GET", key],
  };
  return Object.entries(commands).map(([name, command]) => ({
    name: `redis-benchmark ${name}`,
    ready: async (loaded, settings, signal) => {
      const ask = (requests: number) => {
        const { clients, pipeline, seconds } = settings;
        const amount = { n: requests, c: clients, P: pipeline, r: KEYS_PER_NODE };
        const counts = Object.entries(amount).flatMap(([option, value]) => [`-${option}`, String(value)]);
        const threads = ["--threads", String(Math.min(8, availableParallelism()))];
        const args = [...wayTo(loaded), ...counts, ...threads, "--csv", ...command];
        return benchmark(program, args, { signal, timeout: PATIENCE_MS + 10_000 * seconds });
      };
      const trial = await ask(TRIAL);
      const wanted = Math.max(TRIAL, Math.round(trial.requestsPerSecond * settings.seconds));
      return { drive: () => ask(wanted), close: () => undefined };
    },
  }));
}

function wayTo({ entrance, isCluster, login }: Loaded): string[] {
  if (login.kind === "none") throw new Error("redis-benchmark has no way in");
  const user = login.kind === "user" ? ["--user", login.name, "-a", login.password] : [];
  return ["-h", entrance.host, "-p", String(entrance.port), ...(isCluster ? ["--cluster"] : []), ...user];
}

async function benchmark(
  program: string,
  args: string[],
  options: { signal: AbortSignal; timeout: number },
): Promise<Measured> {
  try {
    const { stdout } = await run(program, args, { ...options, maxBuffer: 16 * 1024 ** 2 });
    return readCsv(stdout);
  } catch (error) {
    if (options.signal.aborted || !(error instanceof Error) || !("stderr" in error)) throw error;
    // Its own words, not the command line.
    throw new LoadFailedError(`redis-benchmark failed: ${lastLines(`${String(error.stderr)}`)}`);
  }
}

/** "test","rps","avg_latency_ms","min_latency_ms","p50_latency_ms","p95_latency_ms","p99_latency_ms","max_latency_ms" */
export function readCsv(text: string): Measured {
  const line = text.split("\n").find((each) => /^"(GET|SET) /.test(each)) ?? "";
  const fields = line.split(",").map((field) => Number(field.replaceAll('"', "")));
  const [, requestsPerSecond = Number.NaN, , , p50Ms = Number.NaN, , p99Ms = Number.NaN] = fields;
  if (![requestsPerSecond, p50Ms, p99Ms].every(Number.isFinite))
    throw new LoadFailedError(`redis-benchmark told no figures: ${lastLines(text)}`);
  return { requestsPerSecond, p50Ms, p99Ms };
}

function lastLines(text: string): string {
  return text.trim().split("\n").slice(-2).join(" ") || "it said nothing";
}
