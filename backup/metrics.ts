/** What monitoring reads: a file in Prometheus's text format (node_exporter's textfile collector), replaced as a whole. */
import { randomUUID } from "node:crypto";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { explainSystem } from "./errors";
import type { Manifest } from "./manifest";

const PREFIX = "redis_cluster_kit_backup";

export function metricsText({ cluster, startedAt, finishedAt, bytes, keys }: Manifest): string {
  const seconds = (time: string) => new Date(time).getTime() / 1000;
  const label = `{cluster="${cluster.replace(/["\\\n]/g, "_")}"}`;
  const metric = (name: string, help: string, value: number) => [
    `# HELP ${PREFIX}_${name} ${help}`,
    `# TYPE ${PREFIX}_${name} gauge`,
    `${PREFIX}_${name}${label} ${value}`,
  ];
  return `${[
    ...metric(
      "last_success_timestamp_seconds",
      "When the last good backup was begun, Unix time.",
      seconds(startedAt),
    ),
    ...metric("last_success_size_bytes", "Size of the last good backup.", bytes),
    ...metric("last_success_keys", "Keys in the last good backup.", keys),
    ...metric(
      "last_success_duration_seconds",
      "How long the last good backup took.",
      seconds(finishedAt) - seconds(startedAt),
    ),
  ].join("\n")}\n`;
}

/** Readable by everybody, as the collector runs as another user: it holds no secret. */
export async function writeMetrics(file: string, manifest: Manifest): Promise<void> {
  const temporary = `${file}.${randomUUID()}.tmp`;
  try {
    await mkdir(dirname(file), { recursive: true });
    await writeFile(temporary, metricsText(manifest), { mode: 0o644 });
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true });
    throw explainSystem(error, file);
  }
}
