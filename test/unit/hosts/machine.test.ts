/** Files, ports and processes of this machine, without Redis. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ensurePrivateFolder, openLog, readTail, writeAtomic } from "../../../hosts/local/files";
import { findListener, probeTcp, whyNotBindable } from "../../../hosts/local/sockets";
import { systemProcesses } from "../../../hosts/local/system";

const table = systemProcesses();
let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "redis-cluster-kit-machine-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe("files", () => {
  test.each([true, false])(
    "writeAtomic (durable: %s) replaces content and mode, and leaves no other file",
    async (durable) => {
      const file = join(folder, "f");
      writeFileSync(file, "old", { mode: 0o644 });
      await writeAtomic(file, "new", { durable });
      expect(readFileSync(file, "utf8")).toBe("new");
      expect(statSync(file).mode & 0o777).toBe(0o600);
      expect(readdirSync(folder)).toEqual(["f"]);
    },
  );

  test("a failed writeAtomic leaves the old content and no other file", async () => {
    await expect(writeAtomic(join(folder, "no", "f"), "x")).rejects.toThrow("ENOENT");
    await ensurePrivateFolder(join(folder, "d"));
    await expect(writeAtomic(join(folder, "d"), "x")).rejects.toThrow("EISDIR");
    expect(readdirSync(folder)).toEqual(["d"]);
  });

  test("readTail gives the end, from an offset, and nothing of a file that is not there", async () => {
    const file = join(folder, "f");
    writeFileSync(file, "0123456789");
    expect(await readTail(file, 4)).toBe("6789");
    expect(await readTail(file, 100, 7)).toBe("789");
    expect(await readTail(file, 100, 70)).toBe("");
    expect(await readTail(join(folder, "g"), 100)).toBe("");
  });

  test("openLog appends below its bound and rotates above it, keeping one", () => {
    const file = join(folder, "log");
    for (const content of ["first", "second", "third"]) {
      const log = openLog(file, 3);
      expect(log.offset).toBe(0);
      writeFileSync(log.fd, content);
      log.close();
    }
    const log = openLog(file, 5);
    expect(log.offset).toBe(5);
    log.close();
    expect(readFileSync(file, "utf8")).toBe("third");
    expect(readFileSync(`${file}.1`, "utf8")).toBe("second");
    expect(readdirSync(folder).toSorted()).toEqual(["log", "log.1"]);
  });
});

describe("ports", () => {
  async function listening(host: string) {
    const server = createServer().listen(0, host);
    await once(server, "listening");
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("no port");
    return { port: address.port, close: () => new Promise((resolve) => server.close(resolve)) };
  }

  test.each(["127.0.0.1", "0.0.0.0", "::"])(
    "a listener on %s keeps 127.0.0.1 from being used, and is named",
    async (host) => {
      const { port, close } = await listening(host);
      expect(await whyNotBindable("127.0.0.1", port)).toBe("EADDRINUSE");
      expect(await findListener(table, "127.0.0.1", port)).toMatch(
        new RegExp(`^node.*\\(pid ${process.pid}\\)$`),
      );
      expect(await probeTcp("127.0.0.1", port, 1_000)).toBe("open");
      await close();
      expect(await whyNotBindable("127.0.0.1", port)).toBeUndefined();
      expect(await findListener(table, "127.0.0.1", port)).toBeUndefined();
      expect(await probeTcp("127.0.0.1", port, 1_000)).toBe("refused");
    },
  );

  test.runIf(process.platform === "linux")(
    "a listener on another loopback address is no obstacle",
    async () => {
      const { port, close } = await listening("127.0.0.2");
      expect(await whyNotBindable("127.0.0.1", port)).toBeUndefined();
      expect(await findListener(table, "127.0.0.1", port)).toBeUndefined();
      await close();
    },
  );

  test("a full backlog is a timeout, within its bound", async () => {
    // A process that listens with a backlog of one and never accepts: later connections get no answer.
    const script =
      "import socket,sys,time\ns=socket.socket()\ns.bind(('127.0.0.1',0))\ns.listen(0)\nprint(s.getsockname()[1],flush=True)\ntime.sleep(30)";
    const child = spawn("python3", ["-c", script]);
    try {
      const [chunk] = (await once(child.stdout, "data")) as [Buffer];
      const port = Number(chunk.toString());
      const results: string[] = [];
      for (let i = 0; i < 4; i++) results.push(await probeHolding(port));
      const begin = performance.now();
      expect(await probeTcp("127.0.0.1", port, 200)).toBe("timeout");
      expect(performance.now() - begin).toBeLessThan(2_000);
      expect(results[0]).toBe("open");
    } finally {
      child.kill("SIGKILL");
    }
  });
});

/** Connects and stays connected for the process's life, to fill the backlog. */
async function probeHolding(port: number): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => undefined);
  socket.unref();
  return Promise.race([
    once(socket, "connect").then(() => "open"),
    new Promise<string>((resolve) => setTimeout(() => resolve("waiting"), 100)),
  ]);
}

describe("processes", () => {
  test("a process keeps its mark, another has another, and one that ended has none", async () => {
    const child = spawn(process.execPath, ["-e", "setTimeout(() => {}, 30000)"], { stdio: "ignore" });
    const pid = child.pid ?? 0;
    const [mine, its, again] = [
      await table.status(process.pid),
      await table.status(pid),
      await table.status(pid),
    ];
    expect(its?.mark).toBe(again?.mark);
    expect(its?.mark).not.toBe(mine?.mark);
    expect(its).toMatchObject({ parentPid: process.pid, suspended: false });
    child.kill("SIGSTOP");
    for (let i = 0; i < 500 && !(await table.status(pid))?.suspended; i++) await sleep(10);
    expect(await table.status(pid)).toMatchObject({ suspended: true, mark: its?.mark });
    child.kill("SIGKILL");
    await once(child, "exit");
    expect(await table.status(pid)).toBeUndefined();
  });

  test("working directories of the living are told, the others left out", async () => {
    const folders = await table.workingDirectories([process.pid, 2 ** 30]);
    expect([...folders]).toEqual([[process.pid, process.cwd()]]);
  });
});
