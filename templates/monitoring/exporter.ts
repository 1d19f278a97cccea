/** What redis_exporter is started with, whoever starts it: the local host, or a unit on a server. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { MonitoredNode } from "./types";

/** The Lua script that the exporter runs on its node for metrics of slots. */
export const SLOTS_SCRIPT = readFileSync(join(__dirname, "slots.lua"), "utf8");

/** Where an exporter finds its node, and where it is asked itself. */
export interface ExporterAddress {
  /** Where it reaches Redis. */
  readonly host: string;
  readonly port: number;
  /** Address and port that it listens on. */
  readonly listen: string;
}

/** Files that the exporter reads, as absolute paths. */
export interface ExporterFiles {
  /** `passwordFile`'s text, mode 0600. */
  readonly passwords: string;
  /** `SLOTS_SCRIPT` */
  readonly script: string;
}

/**
 * Arguments of redis_exporter, 1.45 and later. None is a secret. The address is without "redis://": with it, 1.45 hides
 * why it could not connect behind "unknown network redis", and the alerts need to know.
 */
export function exporterArguments({ host, port, listen }: ExporterAddress, files: ExporterFiles): string[] {
  return [
    "-redis.addr",
    `${host}:${port}`,
    "-redis.password-file",
    files.passwords,
    "-script",
    files.script,
    "-web.listen-address",
    listen,
    // Metrics of the exporter's own Go runtime are of no use to anybody here.
    "-redis-only-metrics",
    // Shorter than a scrape may take: a Redis that hangs is told as one that does not answer.
    "-connection-timeout",
    "5s",
  ];
}

/**
 * Text of the file for `-redis.password-file`: JSON, passwords by address. One for several nodes will do. The exporter
 * reads it when it starts.
 */
export function passwordFile(
  nodes: readonly Pick<MonitoredNode, "host" | "port">[],
  password: string,
): string {
  const entries = nodes.map(({ host, port }) => [`redis://${host}:${port}`, password]);
  return `${JSON.stringify(Object.fromEntries(entries))}\n`;
}
