/** A live cluster with exporters and a Prometheus that is in a hurry: what takes minutes elsewhere takes seconds. */
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { apply } from "../../../cluster/engine";
import { type Companion, type Companions, createCompanions } from "../../../hosts/local";
import { ensureExporter, ensurePrometheus } from "../../../install/monitoring";
import { localProcesses } from "../../../templates/monitoring/local";
import type { MonitoredNode } from "../../../templates/monitoring/types";
import { type LocalNodes, type LocalNodesOptions, startLocalNodes } from "../../support/local-nodes";
import { freePorts } from "../../support/ports";
import { specOf } from "../../support/specs";

export const SCRAPE_SECONDS = 1;
/** "5m" becomes 10 s, "30s" 1 s. */
export const TIME_SCALE = 1 / 30;

export interface WatchedCluster extends Asked {
  readonly local: LocalNodes;
  readonly companions: Companions;
  readonly processes: readonly Companion[];
  readonly monitored: readonly MonitoredNode[];
  end(): Promise<void>;
}

export interface Asked {
  /** Address of Prometheus. */
  readonly url: string;
  /** Instant query. */
  query(expr: string): Promise<Sample[]>;
  /** Alerts that fire now. */
  firing(): Promise<FiringAlert[]>;
  /** Range query; times and `step` in seconds. */
  range(expr: string, from: number, to: number, step: number): Promise<SampleRange[]>;
}

export interface SampleRange {
  readonly metric: Readonly<Record<string, string>>;
  /** Seconds and values. */
  readonly points: readonly (readonly [number, number])[];
}

export interface Sample {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface FiringAlert {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly summary: string;
}

const answerSchema = z.object({
  data: z.object({
    result: z.array(
      z.object({ metric: z.record(z.string(), z.string()), value: z.tuple([z.number(), z.string()]) }),
    ),
  }),
});
const rangeSchema = z.object({
  data: z.object({
    result: z.array(
      z.object({
        metric: z.record(z.string(), z.string()),
        values: z.array(z.tuple([z.number(), z.string()])),
      }),
    ),
  }),
});
const alertsSchema = z.object({
  data: z.object({
    alerts: z.array(
      z.object({
        state: z.string(),
        labels: z.record(z.string(), z.string()),
        annotations: z.record(z.string(), z.string()),
      }),
    ),
  }),
});

export async function startWatchedCluster(options: LocalNodesOptions = {}): Promise<WatchedCluster> {
  const local = await startLocalNodes({ shards: 3, replicas: 1, ...options });
  const companions = createCompanions(local.dataDirectory);
  const end = async () => {
    await companions.end({ purge: true });
    await local.end();
  };
  try {
    await apply(specOf(local), { hosts: () => local.host });
    const ports = await freePorts(local.nodes.length + 1);
    const monitored = local.nodes.map(({ name, host, port, shard, zone }, at) => {
      return { name, host, port, shard, zone, exporterPort: ports[at] ?? 0 };
    });
    const prometheusPort = ports[local.nodes.length] ?? 0;
    const processes = localProcesses(settingsOf(monitored, prometheusPort), await programs(), local.password);
    await companions.ensure(processes);
    return { local, companions, processes, monitored, end, ...asking(`http://127.0.0.1:${prometheusPort}`) };
  } catch (error) {
    await end();
    throw error;
  }
}

export async function programs() {
  const report = () => undefined;
  return { exporter: await ensureExporter(report), prometheus: await ensurePrometheus(report) };
}

function settingsOf(nodes: readonly MonitoredNode[], prometheusPort: number) {
  const alerts = {
    runbookUrl: "docs/runbook.md",
    timeScale: TIME_SCALE,
    scrapeIntervalSeconds: SCRAPE_SECONDS,
    backupMaxAgeHours: 26,
    expectsBackups: false,
  };
  const common = { cluster: "test", host: "127.0.0.1", scrapeIntervalSeconds: SCRAPE_SECONDS };
  return { ...common, nodes, prometheusPort, alerts };
}

/** Prometheus at `url`, asked. */
export function asking(url: string): Asked {
  const fetched = (path: string) => fetch(`${url}${path}`, { signal: AbortSignal.timeout(10_000) });
  // It listens before it has read its own data, and refuses questions until then.
  const ask = async (path: string) =>
    (
      await eventually(
        "Prometheus is ready",
        () => fetched(path),
        ({ status }) => status !== 503,
      )
    ).json();
  return {
    url,
    query: async (expr) => {
      const answer = answerSchema.parse(await ask(`/api/v1/query?query=${encodeURIComponent(expr)}`));
      return answer.data.result.map(({ metric, value }) => ({ metric, value: Number(value[1]) }));
    },
    range: async (expr, from, to, step) => {
      const query = new URLSearchParams({ query: expr, start: `${from}`, end: `${to}`, step: `${step}` });
      const { data } = rangeSchema.parse(await ask(`/api/v1/query_range?${query.toString()}`));
      return data.result.map(({ metric, values }) => ({
        metric,
        points: values.map(([at, value]) => [at, Number(value)] as const),
      }));
    },
    firing: async () => {
      const { data } = alertsSchema.parse(await ask("/api/v1/alerts"));
      return data.alerts
        .filter(({ state }) => state === "firing")
        .map(({ labels, annotations }) => ({
          name: labels.alertname ?? "",
          labels,
          summary: annotations.summary ?? "",
        }));
    },
  };
}

/** Waits until `look` gives something that `isGood`; the error tells what was seen last. */
export async function eventually<T>(
  what: string,
  look: () => Promise<T>,
  isGood: (seen: T) => boolean,
  timeoutMs = 60_000,
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const seen = await look();
    if (isGood(seen)) return seen;
    if (performance.now() > deadline)
      throw new Error(`${what}: not within ${timeoutMs / 1000} s; last seen: ${JSON.stringify(seen)}`);
    await sleep(250);
  }
}
