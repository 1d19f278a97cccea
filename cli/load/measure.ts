/** One client after the other on one kind of servers after the other, and what it causes on every node. */
import { availableParallelism, cpus, loadavg } from "node:os";
import { openPulse } from "../../cluster/pulse";
import type { Driver, Loaded, LoadRow, LoadSettings } from "./types";

export interface LoadOptions {
  readonly settings: LoadSettings;
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
}

/** Rows in the order of `drivers`, for each the servers in the order of `loaded`. */
export async function measureLoad(
  loaded: readonly Loaded[],
  drivers: readonly Driver[],
  { settings, signal, say }: LoadOptions,
): Promise<LoadRow[]> {
  const rows: LoadRow[] = [];
  for (const driver of drivers)
    for (const servers of loaded) {
      say(`${driver.name} on ${servers.label}`);
      rows.push(await measured(servers, driver, settings, signal));
    }
  return rows;
}

async function measured(
  servers: Loaded,
  driver: Driver,
  settings: LoadSettings,
  signal: AbortSignal,
): Promise<LoadRow> {
  signal.throwIfAborted();
  const reader = openPulse(servers.spec, servers.reach);
  const ready = await driver.ready(servers, settings, signal);
  try {
    await reader.read();
    const seen = await ready.drive();
    const pulses = await reader.read();
    const nodes = servers.spec.nodes.flatMap(({ name }) => {
      const pulse = pulses.get(name);
      return pulse === undefined
        ? []
        : [{ node: name, requestsPerSecond: pulse.requestsPerSecond, cpu: pulse.cpu }];
    });
    return { client: driver.name, servers: servers.label, ...seen, nodes };
  } finally {
    ready.close();
    reader.close();
  }
}

/** What this machine is and does, for judging figures that were taken on it. */
export function thisMachine(): string {
  const load = loadavg().map((each) => each.toFixed(1));
  return `${availableParallelism()} cores (${cpus()[0]?.model.trim() || "unknown"}), load ${load.join(" ")}`;
}
