import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, describe, expect, test } from "vitest";
import {
  fileBackend,
  readStackLocks,
  readStackState,
  removeDeadLocks,
  selectedStack,
} from "../../../install/backend";
import { findProgram } from "../../../install/process";
import { temporaryFolder } from "./support";

const PROJECT = "redis-cluster-kit";
const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
});

/** A lock as pulumi's file backend writes it. */
function writeLock(backend: string, id: string, pid: number, host = hostname()): string {
  const file = join(backend, ".pulumi", "locks", "organization", PROJECT, "dev", `${id}.json`);
  mkdirSync(dirname(file), { recursive: true });
  const lock = { pid, username: "ada", hostname: host, timestamp: "2026-11-22T14:59:17.267702666Z" };
  writeFileSync(file, JSON.stringify(lock));
  writeFileSync(`${file}.attrs`, "{}");
  return file;
}

/** A process that is called pulumi and does nothing. */
function startPulumi(): number {
  const program = join(temporaryFolder(), "pulumi");
  copyFileSync(findProgram("sleep") ?? "", program);
  const child = spawn(program, ["60"], { stdio: "ignore" });
  children.push(child);
  return child.pid ?? 0;
}

/** Waits (2 s at most) until the new process has become the program it was started for. */
async function becamePulumi(backend: string): Promise<boolean> {
  for (let i = 0; i < 100; i++) {
    if (readStackLocks(backend, PROJECT, "dev").every((lock) => !lock.dead)) return true;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return false;
}

function writeState(backend: string, latest: unknown, zipped = false): void {
  const file = join(backend, ".pulumi", "stacks", PROJECT, "dev.json");
  mkdirSync(dirname(file), { recursive: true });
  const text = JSON.stringify({
    version: 3,
    checkpoint: { stack: "organization/redis-cluster-kit/dev", latest },
  });
  if (zipped) writeFileSync(`${file}.gz`, gzipSync(text));
  else writeFileSync(file, text);
}

describe("locks of the file backend", () => {
  test("none where there is no such folder", () => {
    expect(readStackLocks(temporaryFolder(), PROJECT, "dev")).toEqual([]);
  });

  test("of a process that is gone, or is no pulumi any more, are dead; of a running pulumi not", async () => {
    const backend = temporaryFolder();
    writeLock(backend, "c-alive", startPulumi());
    expect(await becamePulumi(backend)).toBe(true);
    writeLock(backend, "a-gone", 999_999_999);
    writeLock(backend, "b-reused", process.pid);
    const locks = readStackLocks(backend, PROJECT, "dev");
    expect(locks.map(({ dead }) => dead)).toEqual([true, true, false]);
    expect(locks[0]).toMatchObject({
      pid: 999_999_999,
      user: "ada",
      since: "2026-11-22T14:59:17.267702666Z",
    });
  });

  test("of another machine are never called dead", () => {
    const backend = temporaryFolder();
    writeLock(backend, "x", 999_999_999, "another-machine");
    expect(readStackLocks(backend, PROJECT, "dev")[0]?.dead).toBe(false);
  });

  test("that cannot be read are left alone", () => {
    const backend = temporaryFolder();
    const file = writeLock(backend, "x", 1);
    writeFileSync(file, '{"pid":');
    expect(readStackLocks(backend, PROJECT, "dev")).toEqual([]);
    expect(existsSync(file)).toBe(true);
  });

  test("only dead ones are removed", async () => {
    const backend = temporaryFolder();
    const alive = writeLock(backend, "alive", startPulumi());
    expect(await becamePulumi(backend)).toBe(true);
    const gone = writeLock(backend, "gone", 999_999_999);
    removeDeadLocks(readStackLocks(backend, PROJECT, "dev"));
    expect([existsSync(alive), existsSync(gone), existsSync(`${gone}.attrs`)]).toEqual([true, false, false]);
  });
});

describe("the state of a stack", () => {
  const pending = {
    type: "creating",
    resource: {
      urn: "urn:pulumi:dev::p::redis-cluster-kit:index:Topology::redis",
      type: "redis-cluster-kit:index:Topology",
    },
  };

  test("is undefined where there is no such stack", () => {
    expect(readStackState(temporaryFolder(), PROJECT, "dev")).toBeUndefined();
  });

  test.each([false, true])("tells resources and interrupted operations (zipped: %s)", (zipped) => {
    const backend = temporaryFolder();
    writeState(backend, { resources: [{}, {}], pending_operations: [pending] }, zipped);
    expect(readStackState(backend, PROJECT, "dev")).toEqual({
      resourceCount: 2,
      pending: [{ type: "creating", urn: pending.resource.urn, resourceType: pending.resource.type }],
    });
  });

  test.each([[null], [{}], [{ resources: null, pending_operations: null }]])("may be empty: %j", (latest) => {
    const backend = temporaryFolder();
    writeState(backend, latest);
    expect(readStackState(backend, PROJECT, "dev")).toEqual({ resourceCount: 0, pending: [] });
  });
});

test("only a file:// backend is read directly", () => {
  expect(fileBackend({ PULUMI_BACKEND_URL: "file:///home/ada/my state" })).toBe("/home/ada/my state");
  expect(fileBackend({ PULUMI_BACKEND_URL: "file://~/state" })).toBeUndefined();
  expect(fileBackend({ PULUMI_BACKEND_URL: "s3://bucket" })).toBeUndefined();
  expect(fileBackend({})).toBeUndefined();
});

test("the selected stack is found where pulumi keeps it", () => {
  const home = temporaryFolder();
  const project = "/src/kit/Pulumi.yaml";
  expect(selectedStack(home, PROJECT, project)).toBeUndefined();
  const id = createHash("sha1").update(project).digest("hex");
  mkdirSync(join(home, "workspaces"));
  writeFileSync(
    join(home, "workspaces", `${PROJECT}-${id}-workspace.json`),
    '{"stack": "organization/redis-cluster-kit/staging"}',
  );
  expect(selectedStack(home, PROJECT, project)).toBe("staging");
});
