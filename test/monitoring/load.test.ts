/** `npm run bench load` tells figures of every client on both kinds of servers, and where the requests went. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const ROOT = join(__dirname, "../..");

test("the throughput report has requests, latencies, and the share of every node", async () => {
  const args = ["--require", join(ROOT, "scripts/ts.cjs"), join(ROOT, "bench/load.ts"), "--seconds", "1"];
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: ROOT, timeout: 110_000 });
  const rows = stdout.split("\n").filter((line) => /one server|3 shards/.test(line) && line.startsWith("│"));
  expect(rows).toHaveLength(6);
  for (const row of rows) {
    const [, , , requests = "", p50 = "", p99 = ""] = row.split("│").map((cell) => cell.trim());
    expect(Number(requests.replace(/[,/s]/g, ""))).toBeGreaterThan(100);
    expect(Number(p50)).toBeGreaterThan(0);
    expect(Number(p99)).toBeGreaterThanOrEqual(Number(p50));
  }
  // Keys are spread: every primary serves about a third of what redis-benchmark sets.
  const shares = stdout
    .slice(stdout.indexOf("3 shards"))
    .split("\n")
    .slice(0, 6)
    .flatMap((line) => /s\d-m0 ([\d,]+)\/s/.exec(line)?.[1] ?? [])
    .map((text) => Number(text.replaceAll(",", "")));
  expect(shares).toHaveLength(3);
  expect(Math.min(...shares)).toBeGreaterThan(0.7 * Math.max(...shares));
  expect(stdout).toMatch(/redis-benchmark GET: [\d.]+ times one server's requests/);
  expect(stdout).toMatch(/\d+ cores, load/);
}, 120_000);
