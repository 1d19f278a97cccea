import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import { sha256Hex } from "../../../hosts/local/files";
import { withLock } from "../../../hosts/local/lock";
import { systemProcesses } from "../../../hosts/local/system";

const table = systemProcesses();
let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "redis-cluster-kit-lock-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const lock = <T>(body: () => Promise<T>, timeoutMs = 10_000) =>
  withLock(table, folder, "n", { timeoutMs }, body);

test("twenty contenders: each gets it, never two at once, nothing is left behind", async () => {
  let inside = 0;
  let done = 0;
  const contend = () =>
    lock(async () => {
      inside++;
      expect(inside).toBe(1);
      await sleep(2);
      inside--;
      done++;
    });
  await Promise.all(Array.from({ length: 20 }, contend));
  expect(done).toBe(20);
  expect(readdirSync(folder)).toEqual([]);
});

test("another name is another lock", async () => {
  await lock(() => withLock(table, folder, "n2", { timeoutMs: 0 }, async () => undefined), 0);
  expect(readdirSync(folder)).toEqual([]);
});

test("a body that throws releases it", async () => {
  await expect(lock(() => Promise.reject(new Error("no")))).rejects.toThrow("no");
  expect(readdirSync(folder)).toEqual([]);
});

test("the wait is bounded, and its error names the holder; the holder keeps it", async () => {
  const waits: number[] = [];
  await lock(async () => {
    const second = withLock(
      table,
      folder,
      "n",
      { timeoutMs: 100, onWait: (pid) => waits.push(pid) },
      async () => undefined,
    );
    await expect(second).rejects.toThrow(
      `"n" is being changed by another run (pid ${process.pid}) and was not free within 0.1 s`,
    );
    expect(readdirSync(folder)).toHaveLength(1);
  });
  expect(waits).toEqual([process.pid]);
});

test("a holder that has ended, and one whose pid has been reused, do not hold it", async () => {
  const dead = spawnSync(process.execPath, ["-e", ""]).pid;
  const mark = (text: string) => sha256Hex(text).slice(0, 12);
  writeFileSync(join(folder, `n@${dead}@${mark("x")}@a`), "");
  writeFileSync(join(folder, `n@${process.pid}@${mark("another start")}@b`), "");
  await lock(async () => expect(readdirSync(folder)).toHaveLength(1), 100);
  expect(readdirSync(folder)).toEqual([]);
});
