/** redis-check-rdb: Redis's own judgement of a snapshot, its checksum included. */
import { spawn } from "node:child_process";
import { DamagedBackupError } from "./errors";

/** Redis programs on this machine. Paths are absolute. */
export interface RedisTools {
  readonly server: string;
  readonly version: string;
}

const TAIL = 2_000;

/**
 * Keys that it counted. redis-check-rdb is redis-server under another name, so it is there wherever a server is.
 * @throws DamagedBackupError naming the file
 */
export async function checkRdb(tools: RedisTools, file: string, timeoutMs = 3_600_000): Promise<number> {
  const { code, output } = await run(tools.server, file, timeoutMs);
  const keys = /\[info\] (\d+) keys read/.exec(output)?.[1];
  if (code === 0 && keys !== undefined && /RDB looks OK/.test(output)) return Number(keys);
  const reason = output
    .split("\n")
    .filter((line) => line.trim() !== "" && !/\[info\] \d+/.test(line))
    .slice(-4)
    .join("; ");
  throw new DamagedBackupError(
    `${file} is damaged: redis-check-rdb of ${tools.version} says: ${reason || `exit code ${code}`}`,
  );
}

function run(
  server: string,
  file: string,
  timeoutMs: number,
): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(server, [file], {
      argv0: "redis-check-rdb",
      stdio: ["ignore", "pipe", "pipe"],
      timeout: timeoutMs,
    });
    let output = "";
    const take = (chunk: Buffer) => {
      output = (output + chunk.toString("latin1")).slice(-TAIL);
    };
    child.stdout.on("data", take);
    child.stderr.on("data", take);
    child.once("error", reject);
    child.once("close", (code) => resolve({ code, output }));
  });
}
