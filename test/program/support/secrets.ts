/** Looks for a text where it must not be. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";

/** Command lines of all processes, sampled until `stop`. Linux only: it reads /proc. */
export function watchCommandLines(text: string): { stop(): string[]; samples(): number } {
  const found = new Set<string>();
  let samples = 0;
  const look = () => {
    samples += 1;
    for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
      const line = readOrEmpty(join("/proc", pid, "cmdline"));
      if (line.includes(text)) found.add(line.replaceAll("\0", " "));
    }
  };
  const timer = setInterval(look, 25);
  return {
    samples: () => samples,
    stop: () => {
      clearInterval(timer);
      return [...found];
    },
  };
}

/** Files below `folder` that others may read and that hold the text. */
export function readableFilesWith(folder: string, text: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((file) => (statSync(file).mode & 0o077) !== 0 && readOrEmpty(file).includes(text));
}

/** Processes whose environment names `folder`: those that a stack of the tests has started. */
export function processesOf(folder: string): { pid: number; command: string }[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && readOrEmpty(join("/proc", name, "environ")).includes(folder))
    .map((name) => ({
      pid: Number(name),
      command: readOrEmpty(join("/proc", name, "cmdline")).replaceAll("\0", " "),
    }))
    .filter(({ command }) => command !== "");
}

/** A process or file may be gone by the time it is read. */
function readOrEmpty(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
