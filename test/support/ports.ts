/** Ports for tests that run side by side. */
import { appendFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readIfThere, writeAtomic } from "../../hosts/local/files";
import { withLock } from "../../hosts/local/lock";
import { whyNotBindable } from "../../hosts/local/sockets";
import { systemProcesses } from "../../hosts/local/system";
import { PORTS_FILE } from "../../scripts/vitest";

/**
 * Data ports from 21000; their bus ports (+10000) end below 32768, where Linux begins to give ports to outgoing
 * connections: any of those could take a bus port between two starts of a test's node.
 */
const FIRST = 21_000;
const LAST = 22_750;
const BUS_OFFSET = 10_000;

/**
 * `count` consecutive ports that are free on 127.0.0.1, they and their bus ports. Two calls, in any
 * processes of this machine, get different ports until the whole range has been given out.
 */
export async function freePorts(count: number): Promise<number[]> {
  const folder = join(tmpdir(), `redis-cluster-kit-test-ports-${process.getuid?.() ?? 0}`);
  return withLock(systemProcesses(), folder, "ports", { timeoutMs: 60_000 }, async () => {
    const file = join(folder, "next");
    let next = Number((await readIfThere(file)) ?? FIRST);
    for (let tried = 0; tried < LAST - FIRST; tried++) {
      if (!Number.isInteger(next) || next < FIRST || next + count > LAST) next = FIRST;
      const taken = await firstTaken(next, count);
      if (taken === undefined) {
        await writeAtomic(file, String(next + count), { durable: false });
        return noted(Array.from({ length: count }, (_, i) => next + i));
      }
      next = taken + 1;
    }
    throw new Error(`no ${count} consecutive free ports from ${FIRST} to ${LAST}`);
  });
}

/** Of an interrupted run, these tell which servers it has left. */
function noted(ports: number[]): number[] {
  const file = process.env[PORTS_FILE];
  if (file !== undefined) appendFileSync(file, ports.map((port) => `${port}\n`).join(""));
  return ports;
}

/** Whether `count` ports from `first` on are free on 127.0.0.1, they and their bus ports. */
export async function arePortsFree(first: number, count: number): Promise<boolean> {
  return (await firstTaken(first, count)) === undefined;
}

async function firstTaken(first: number, count: number): Promise<number | undefined> {
  for (let port = first; port < first + count; port++) {
    for (const wanted of [port, port + BUS_OFFSET]) {
      if ((await whyNotBindable("127.0.0.1", wanted)) !== undefined) return port;
    }
  }
  return undefined;
}
