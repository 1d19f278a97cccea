import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach } from "vitest";

/** A folder of this test's own, removed after it. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "kit-install-test-"));
  afterEachOnce(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Sets environment variables for the rest of this test; undefined takes one away. */
export function setEnvironment(values: Record<string, string | undefined>): void {
  for (const [name, value] of Object.entries(values)) {
    const before = process.env[name];
    afterEachOnce(() => assign(name, before));
    assign(name, value);
  }
}

function assign(name: string, value: string | undefined): void {
  if (value === undefined) delete process.env[name];
  else process.env[name] = value;
}

/** Starts a web server on a free port of this machine; gives its address, and stops it after the test. */
export async function serve(listener: RequestListener): Promise<string> {
  const server: Server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  afterEachOnce(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Address of a port where nobody listens. */
export async function closedAddress(): Promise<string> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return `http://127.0.0.1:${port}`;
}

/** A folder with programs that answer `--version` as Redis does, and nothing else. */
export function fakeRedis(folder: string, version: string): string {
  mkdirSync(folder, { recursive: true });
  for (const name of ["redis-server", "redis-cli", "redis-check-rdb"]) {
    const file = join(folder, name);
    writeFileSync(
      file,
      `#!/bin/sh\necho "Redis server v=${version} sha=00000000:0 malloc=libc bits=64 build=0"\n`,
    );
    chmodSync(file, 0o755);
  }
  return folder;
}

const cleanups: (() => void)[] = [];

function afterEachOnce(work: () => void): void {
  cleanups.push(work);
}

afterEach(() => {
  for (const work of cleanups.splice(0).reverse()) work();
});
