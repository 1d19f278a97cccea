/**
 * A cgroup of its own for every host. Without one all of them would share one tree (nspawn runs with --keep-unit), and the
 * systemd of one would wait for the processes of another. It also tells, whatever happened, which processes are the lab's.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** Mount points in which systemd, or a limit of memory, needs a group. */
function hierarchies(): string[] {
  return readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .flatMap((line) => {
      const [before = "", after = ""] = line.split(" - ");
      const point = before.split(" ")[4];
      const [type, , options = ""] = after.split(" ");
      const wanted =
        type === "cgroup2" || (type === "cgroup" && /name=systemd|(^|,)memory(,|$)/.test(options));
      return point !== undefined && wanted ? [point] : [];
    });
}

/** Folders of the group, made where they are missing. Processes join by writing their pid into each one's cgroup.procs. */
export function makeGroup(name: string): string[] {
  return hierarchies().map((point) => {
    const folder = join(point, name);
    mkdirSync(folder, { recursive: true });
    return folder;
  });
}

/** `bytes` as the limit of the whole group. @throws Error where this machine's cgroups cannot limit memory. */
export function limitMemory(folders: readonly string[], bytes: number): void {
  for (const folder of folders) {
    for (const file of ["memory.limit_in_bytes", "memory.max"]) {
      const path = join(folder, file);
      if (!existsSync(path)) continue;
      writeFileSync(path, String(bytes));
      return;
    }
  }
  throw new Error("this machine's cgroups cannot limit memory");
}

/** Groups that the lab of this name has left, in every hierarchy. */
function foldersOf(name: string): string[] {
  return hierarchies()
    .map((point) => join(point, name))
    .filter((folder) => existsSync(folder));
}

/** Every folder of a group's tree, deepest first. */
function treeOf(folder: string): string[] {
  const children = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return [...children.flatMap((entry) => treeOf(join(folder, entry.name))), folder];
}

function processesOf(folders: readonly string[]): number[] {
  return folders.flatMap(treeOf).flatMap((folder) => {
    try {
      return readFileSync(join(folder, "cgroup.procs"), "utf8").split("\n").filter(Boolean).map(Number);
    } catch {
      return []; // The group went away meanwhile.
    }
  });
}

/** SIGKILL to every process of the group, until there is none; then the group is removed. Bounded to 20 s. */
export async function endGroup(name: string): Promise<void> {
  const deadline = performance.now() + 20_000;
  for (;;) {
    // A pid of 0 is one of another namespace; one above 1 is never this machine's init.
    const pids = [...new Set(processesOf(foldersOf(name)))].filter((pid) => pid > 1);
    if (pids.length === 0) break;
    if (performance.now() > deadline)
      throw new Error(`processes ${pids.slice(0, 5).join(", ")} of ${name} had not ended 20 s after SIGKILL`);
    for (const pid of pids) {
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // It has ended by itself.
      }
    }
    await sleep(50);
  }
  for (const folder of foldersOf(name).flatMap(treeOf)) {
    try {
      rmdirSync(folder);
    } catch {
      // A controller that still lets go of it: an empty group disturbs nobody.
    }
  }
}
