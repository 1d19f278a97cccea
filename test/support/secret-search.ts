/** Looks for a secret where it must not be: in processes while something runs, in texts, in files. Linux: reads /proc. */
import { lstatSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const EVERY_MS = 15;
/** A process changes its arguments by exec and its title soon after its start; after so many looks it is known. */
const LOOKS = 20;

export interface Sighting {
  readonly where: "arguments" | "environment";
  readonly pid: number;
  /** Name of its program, as the kernel has it: its arguments may be the very secret. */
  readonly program: string;
  /** Of an environment: names of the variables that hold it. */
  readonly variables: readonly string[];
}

/** How a secret may be written: as it is, cut in the middle, or in base64. Take one without letters that need escapes. */
export function formsOf(secret: string): string[] {
  const half = Math.floor(secret.length / 2);
  const bytes = Buffer.from(secret);
  // Which three bytes share four letters depends on what stands before.
  const encoded = [0, 1, 2].map((offset) => bytes.subarray(offset, offset + 9).toString("base64"));
  return [secret.slice(0, half), secret.slice(half), ...encoded];
}

export function holds(text: string, secrets: readonly string[]): boolean {
  return secrets.some((secret) => formsOf(secret).some((form) => text.includes(form)));
}

export interface ProcessWatch {
  /** Programs of the processes that began during the watch, for a test to see that there was something to see. */
  readonly programs: ReadonlySet<string>;
  stop(): Sighting[];
}

/** Samples arguments and environment of all processes that begin after the call, whoever starts them. */
export function watchProcesses(secrets: readonly string[]): ProcessWatch {
  const known = new Map<string, number>(pids().map((pid) => [pid, LOOKS]));
  const programs = new Set<string>();
  const found = new Map<string, Sighting>();
  const look = () => {
    for (const pid of pids()) {
      const looks = known.get(pid) ?? 0;
      if (looks >= LOOKS) continue;
      known.set(pid, looks + 1);
      const program = readOrEmpty(join("/proc", pid, "comm")).trim();
      programs.add(program);
      for (const sighting of sightings(pid, program, secrets))
        found.set(`${pid} ${sighting.where}`, sighting);
    }
  };
  const timer = setInterval(look, EVERY_MS);
  return {
    programs,
    stop: () => {
      look();
      clearInterval(timer);
      return [...found.values()];
    },
  };
}

function sightings(pid: string, program: string, secrets: readonly string[]): Sighting[] {
  const found: Sighting[] = [];
  const base = { pid: Number(pid), program };
  if (holds(readOrEmpty(join("/proc", pid, "cmdline")), secrets))
    found.push({ ...base, where: "arguments", variables: [] });
  const variables = readOrEmpty(join("/proc", pid, "environ"))
    .split("\0")
    .filter((entry) => holds(entry, secrets))
    .map((entry) => entry.split("=")[0] ?? "");
  if (variables.length > 0) found.push({ ...base, where: "environment", variables });
  return found;
}

function pids(): string[] {
  return readdirSync("/proc").filter((name) => /^\d+$/.test(name));
}

export interface FoundFile {
  readonly path: string;
  /** Permission bits: 0o600. */
  readonly mode: number;
  readonly isFolder: boolean;
  readonly hasSecret: boolean;
}

/** Everything below `folder`, and itself. Sockets and links are looked at, not followed. */
export function searchFiles(folder: string, secrets: readonly string[]): FoundFile[] {
  const paths = readdirSync(folder, { recursive: true, encoding: "utf8" }).map((name) => join(folder, name));
  return [folder, ...paths].flatMap((path) => {
    const stat = lstatSync(path, { throwIfNoEntry: false });
    if (stat === undefined || stat.isSymbolicLink()) return [];
    const hasSecret = stat.isFile() && holds(readOrEmpty(path, "latin1"), secrets);
    return [{ path, mode: stat.mode & 0o777, isFolder: stat.isDirectory(), hasSecret }];
  });
}

/** A process or file may be gone by the time it is read. */
function readOrEmpty(file: string, encoding: BufferEncoding = "utf8"): string {
  try {
    return readFileSync(file, encoding);
  } catch {
    return "";
  }
}
