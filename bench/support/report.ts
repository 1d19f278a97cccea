/** What the reshard benchmark measured, and how it is shown. */
import Table from "cli-table3";
import type { Values } from "./fill";
import type { LoadReport } from "./load";
import { machine } from "./servers";

export interface Scenario {
  readonly name: string;
  readonly keys: number;
  readonly bytes: number;
  /** Default: noise. */
  readonly values?: Values;
  /** Times as fast as redis-cli with its default pipeline that this project wants to be. */
  readonly goal: number;
}

export interface Sample {
  readonly direction: "there" | "back";
  /** Until the tool returned. */
  readonly ms: number;
  /** Until all nodes saw the same owners. */
  readonly agreedMs: number;
  readonly newcomerCpuMs: number;
  /** Part of all cores' time, 0 to 1. */
  readonly machineBusy: number;
  readonly load?: LoadReport;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

const HEAD = [
  "tool",
  "there: ms",
  "to agreement",
  "target CPU",
  "back: ms",
  "source CPU",
  "with clients: ms",
  "all cores",
  "p50",
  "p99",
  "p99.9",
  "max",
  "failed",
];

/**
 * Medians. The newcomer is the one target on the way there and the one source on the way back: its CPU shows how near its limit is,
 * that of all cores how near the machine's is, where clients wait for a core rather than for a server.
 */
export function table(scenario: Scenario, idle: Map<string, Sample[]>, busy: Map<string, Sample[]>): string {
  const rows = new Table({ head: HEAD, style: { head: [], border: [] } });
  for (const [tool, samples] of idle) {
    const there = samples.filter((sample) => sample.direction === "there");
    const back = samples.filter((sample) => sample.direction === "back");
    const loaded = (busy.get(tool) ?? []).filter((sample) => sample.direction === "there");
    const cpu = (sample: Sample) => (100 * sample.newcomerCpuMs) / sample.ms;
    rows.push([
      tool,
      show(there, (s) => s.ms),
      show(there, (s) => s.agreedMs),
      show(there, cpu, " %"),
      show(back, (s) => s.ms),
      show(back, cpu, " %"),
      show(loaded, (s) => s.ms),
      show(loaded, (s) => 100 * s.machineBusy, " %"),
      ...(["p50", "p99", "p999", "max", "failed"] as const).map((field) =>
        show(loaded, (s) => s.load?.[field]),
      ),
    ]);
  }
  return `${rows.toString()}\n${ratios(scenario, idle)}`;
}

function show(samples: readonly Sample[], pick: (sample: Sample) => number | undefined, unit = ""): string {
  const values = samples.flatMap((sample) => pick(sample) ?? []);
  return values.length === 0 ? "-" : `${median(values).toFixed(1)}${unit}`;
}

function ratios(scenario: Scenario, idle: Map<string, Sample[]>): string {
  const tools = [...idle.keys()];
  const lines = (["there", "back"] as const).flatMap((direction) => {
    const of = (tool: string) =>
      median(
        (idle.get(tool) ?? []).filter((sample) => sample.direction === direction).map((sample) => sample.ms),
      );
    const against = tools.filter((tool) => tool.startsWith("cli"));
    return tools
      .filter((tool) => tool.startsWith("ours"))
      .map((ours) => {
        const parts = against.map((cli) => `${(of(cli) / of(ours)).toFixed(1)} times as fast as ${cli}`);
        return `${direction}, ${ours}: ${parts.join(", ")}`;
      });
  });
  return `${lines.join("\n")}\ngoal there: ${scenario.goal} times as fast as redis-cli's default (cli-10); now ${machine()}`;
}
