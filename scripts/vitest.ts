/** vitest, and the end of what an interrupted one leaves behind: Ctrl-C ends its workers before they stop the servers that they started. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { signal } from "../hosts/local/processes";
import { systemProcesses } from "../hosts/local/system";
import { runNode, tool } from "./tools";

/** In the tests' environment: the file into which they write which ports they took. */
export const PORTS_FILE = "REDIS_CLUSTER_KIT_TEST_PORTS";
const CLEAR_LAB = "test/hosts/support/lab/clear.ts";
/** A server that somebody starts again, as exporters are, has to be ended more than once. */
const ROUNDS = 3;
const ROUND_MS = 1_000;

/** Exit code of `vitest run`, 128 and more where a signal ended it. */
export async function runVitest(args: readonly string[]): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), "redis-cluster-kit-vitest-"));
  const file = join(folder, "ports");
  writeFileSync(file, "");
  try {
    const env = { ...process.env, [PORTS_FILE]: file };
    const code = await runNode([tool("vitest/vitest.mjs"), "run", ...args], env);
    if (code >= 128) {
      await endLeftovers(file);
      await runNode(["--require", "tsx/cjs", CLEAR_LAB]);
    }
    return code;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Ends whoever listens on a port of this run: nobody else does, the run had found it free and taken it. */
export async function endLeftovers(portsFile: string): Promise<void> {
  const ports = new Set(readFileSync(portsFile, "utf8").split("\n").filter(Boolean).map(Number));
  const ended = new Set<number>();
  for (let round = 0; round < ROUNDS; round++) {
    const pids = await listeners(ports);
    if (pids.size === 0) break;
    for (const pid of pids) {
      signal(pid, "SIGKILL");
      ended.add(pid);
    }
    await sleep(ROUND_MS);
  }
  if (ended.size > 0) console.error(`ended ${ended.size} servers of the interrupted tests`);
}

async function listeners(ports: ReadonlySet<number>): Promise<Set<number>> {
  const pids = new Set<number>();
  for (const port of ports) {
    const pid = await systemProcesses().listener("127.0.0.1", port);
    if (typeof pid === "number") pids.add(pid);
  }
  return pids;
}
