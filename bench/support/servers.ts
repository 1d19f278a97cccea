/** What the kernel says about the servers of a benchmark. Linux only, as the benchmark is. */
import { readFileSync } from "node:fs";
import { availableParallelism, cpus, loadavg } from "node:os";

/** Clock ticks a second of /proc/PID/stat; 100 on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;

/** Processor time of a process so far, in ms. 0 where it has ended. */
export function cpuMs(pid: number): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return ((Number(fields[11]) + Number(fields[12])) * 1000) / TICKS_PER_SECOND;
  } catch {
    return 0;
  }
}

/** Processor time of several processes during `work`, in ms, in the order of `pids`. */
export async function cpuDuring(pids: readonly number[], work: () => Promise<void>): Promise<number[]> {
  const before = pids.map(cpuMs);
  await work();
  return pids.map((pid, index) => cpuMs(pid) - (before[index] ?? 0));
}

/** Part of all cores' time, 0 to 1, that was not idle during `work`, whoever took it. */
export async function busyDuring(work: () => Promise<void>): Promise<number> {
  const before = coreMs();
  await work();
  const after = coreMs();
  return 1 - (after.idle - before.idle) / (after.all - before.all);
}

function coreMs(): { idle: number; all: number } {
  const times = cpus().map((core) => core.times);
  const idle = times.reduce((sum, core) => sum + core.idle, 0);
  return { idle, all: times.flatMap((core) => Object.values(core)).reduce((sum, ms) => sum + ms, 0) };
}

export function machine(): string {
  return `${availableParallelism()} cores, load ${loadavg()
    .map((load) => load.toFixed(1))
    .join(" ")}`;
}
