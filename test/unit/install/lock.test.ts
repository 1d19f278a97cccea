import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { hostname } from "node:os";
import { dirname, join } from "node:path";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { isDead, processName, processStart, readHolder, withLock } from "../../../install/lock";
import { temporaryFolder } from "./support";

const quiet = () => undefined;
// The bootstrap's copy tells about waiting on stderr.
beforeEach(() => {
  vi.spyOn(process.stderr, "write").mockReturnValue(true);
});
const bootstrap = createRequire(__filename)("../../../scripts/bootstrap/lock.cjs") as {
  withLock<T>(file: string, purpose: string, work: () => Promise<T>): Promise<T>;
};
const implementations = {
  "install/lock.ts": <T>(file: string, work: () => Promise<T>) => withLock(file, "a test", quiet, work),
  "scripts/bootstrap/lock.cjs": <T>(file: string, work: () => Promise<T>) =>
    bootstrap.withLock(file, "a test", work),
};

/** Holds the lock in a process of its own until it is killed. */
async function holdElsewhere(file: string): Promise<ChildProcess> {
  const script = `require("./scripts/bootstrap/lock.cjs").withLock(${JSON.stringify(file)}, "holding", () => {
    process.stdout.write("held"); return new Promise((resolve) => setTimeout(resolve, 60_000)); })`;
  const child = spawn(process.execPath, ["-e", script], { stdio: ["ignore", "pipe", "inherit"] });
  await new Promise((resolve) => child.stdout?.once("data", resolve));
  return child;
}

function ended(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => child.once("exit", () => resolve()));
}

describe.each(Object.entries(implementations))("%s", (_name, lock) => {
  test("one at a time, and the file is gone afterwards", async () => {
    const file = join(temporaryFolder(), "sub", "x.lock");
    let inside = 0;
    let most = 0;
    const work = async () => {
      most = Math.max(most, ++inside);
      await new Promise((resolve) => setTimeout(resolve, 20));
      inside--;
    };
    await Promise.all([lock(file, work), lock(file, work), lock(file, work)]);
    expect(most).toBe(1);
    expect(readdirSync(dirname(file))).toEqual([]);
  });

  test("is let go when the work fails", async () => {
    const file = join(temporaryFolder(), "x.lock");
    await expect(lock(file, () => Promise.reject(new Error("no")))).rejects.toThrow("no");
    expect(existsSync(file)).toBe(false);
  });

  test("of a holder that was killed is taken over", async () => {
    const file = join(temporaryFolder(), "x.lock");
    const child = await holdElsewhere(file);
    expect(readHolder(file)?.pid).toBe(child.pid);
    const gone = ended(child);
    child.kill("SIGKILL");
    await gone;
    expect(await lock(file, async () => readHolder(file)?.pid)).toBe(process.pid);
    expect(readdirSync(dirname(file))).toEqual([]);
  });

  test("of a process that only has the dead holder's number is taken over", async () => {
    const file = join(temporaryFolder(), "x.lock");
    const holder = {
      token: "t",
      pid: process.pid,
      started: "long ago",
      host: hostname(),
      purpose: "p",
      since: "s",
    };
    writeFileSync(file, JSON.stringify(holder));
    expect(await lock(file, async () => readHolder(file)?.token)).not.toBe("t");
  });

  test("is taken over once by many that see the same dead holder", async () => {
    const file = join(temporaryFolder(), "x.lock");
    const child = await holdElsewhere(file);
    const gone = ended(child);
    child.kill("SIGKILL");
    await gone;
    let inside = 0;
    const overlaps: number[] = [];
    const work = async () => {
      overlaps.push(++inside);
      await new Promise((resolve) => setTimeout(resolve, 10));
      inside--;
    };
    await Promise.all(Array.from({ length: 8 }, () => lock(file, work)));
    expect(overlaps).toEqual(Array.from({ length: 8 }, () => 1));
  });
});

test("a holder that lives is waited for, named, and after the limit told", async () => {
  const file = join(temporaryFolder(), "x.lock");
  const child = await holdElsewhere(file);
  const lines: string[] = [];
  const waiting = withLock(
    file,
    "installing Redis",
    (line) => lines.push(line),
    async () => undefined,
    500,
  );
  await expect(waiting).rejects.toThrow(
    new RegExp(`installing Redis: still locked after .* process ${child.pid} on .*holding`),
  );
  expect(lines).toEqual([expect.stringContaining(`process ${child.pid}`)]);
  expect(readHolder(file)?.pid).toBe(child.pid);
  child.kill("SIGKILL");
});

test("a holder on another machine is never called dead", () => {
  expect(isDead({ pid: 999_999_999, started: "1", host: "another-machine" })).toBe(false);
  expect(isDead({ pid: 999_999_999, started: "1", host: hostname() })).toBe(true);
});

test("a zombie is dead: in a container without an init it stays for ever", async () => {
  // The shell's child ends at once, and the shell, busy being sleep, never asks for it.
  const shell = spawn("/bin/sh", ["-c", "sleep 0.05 & echo $!; exec sleep 30"], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  const pid = Number(await new Promise((resolve) => shell.stdout.once("data", resolve)));
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(() => process.kill(pid, 0)).not.toThrow();
  expect(processStart(pid)).toBeUndefined();
  expect(processName(pid)).toBeUndefined();
  shell.kill("SIGKILL");
});

test("processes are told by start and name", () => {
  expect(processStart(process.pid)).toBe(processStart(process.pid));
  expect(processStart(999_999_999)).toBeUndefined();
  expect(processName(999_999_999)).toBeUndefined();
  expect(processName(process.pid)).toBeTruthy();
});

test("both implementations write the same file, so they lock each other out", async () => {
  const file = join(temporaryFolder(), "x.lock");
  const keys = (text: string) => Object.keys(JSON.parse(text)).sort();
  const ours = await withLock(file, "p", quiet, async () => readFileSync(file, "utf8"));
  const theirs = await bootstrap.withLock(file, "p", async () => readFileSync(file, "utf8"));
  expect(keys(ours)).toEqual(keys(theirs));
});
