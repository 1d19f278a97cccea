/** Settings of this machine's kernel that Redis warns of in its log, as hints with their cure. Linux and local nodes only. */
import { readFile } from "node:fs/promises";
import type { Target } from "../declaration";

/** Content of a file of /proc or /sys; undefined where there is none. */
export type ReadFile = (path: string) => Promise<string | undefined>;

async function readProc(path: string): Promise<string | undefined> {
  return readFile(path, "utf8").catch(() => undefined);
}

/** Empty where everything is well, or cannot be told. */
export async function kernelHints(
  { kind, spec }: Pick<Target, "kind" | "spec">,
  read: ReadFile = readProc,
): Promise<string[]> {
  if (kind !== "local") return [];
  const [overcommit, hugePages, backlogLimit] = await Promise.all([
    read("/proc/sys/vm/overcommit_memory"),
    read("/sys/kernel/mm/transparent_hugepage/enabled"),
    read("/proc/sys/net/core/somaxconn"),
  ]);
  const wanted = Number(spec.nodes[0]?.directives["tcp-backlog"] ?? 511);
  const limit = Number(backlogLimit ?? Number.NaN);
  const hints = [
    overcommit !== undefined &&
      overcommit.trim() !== "1" &&
      "vm.overcommit_memory is not 1: saving and full copies to replicas fail when memory is short. Cure: sysctl vm.overcommit_memory=1",
    hugePages?.includes("[always]") &&
      "transparent huge pages are always on: forks make latency and memory jump. Cure: echo madvise > /sys/kernel/mm/transparent_hugepage/enabled",
    limit < wanted &&
      `net.core.somaxconn is ${limit}: tcp-backlog ${wanted} is cut down to it, and bursts of connections are dropped. Cure: sysctl net.core.somaxconn=${wanted}`,
  ];
  return hints.filter((hint) => typeof hint === "string");
}
