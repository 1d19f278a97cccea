import { writeFileSync } from "node:fs";
import { z } from "zod";
import { cachePath, readJson } from "./cache";
import { compareVersions, minorLine } from "./platform";
import { installedRedis, programsIn, type RedisInstall } from "./redis-programs";

/** Another Redis that could stand in: on this machine, on the Python package index, among Debian's packages. */
export interface Candidate {
  version: string;
  from: "machine" | "pypi" | "debian";
}

const ORDER: readonly Candidate["from"][] = ["machine", "pypi", "debian"];

const memorySchema = z.record(
  z.string(),
  z.object({ binDir: z.string().optional(), version: z.string(), note: z.string() }),
);

/**
 * The best stand-in for `wanted`: the same version, else the newest of the same line (5.0, 6.2, 7.0), whose data files and
 * replication are compatible; among equals what is on the machine. Undefined when there is none of that line.
 */
export function chooseSubstitute<C extends Candidate>(
  wanted: string,
  candidates: readonly C[],
): C | undefined {
  const fitting = candidates.filter(({ version }) => minorLine(version) === minorLine(wanted));
  return [...fitting].sort((a, b) => {
    const exact = Number(b.version === wanted) - Number(a.version === wanted);
    return exact || compareVersions(b.version, a.version) || ORDER.indexOf(a.from) - ORDER.indexOf(b.from);
  })[0];
}

/** The sentence that tells the user about a stand-in. `reason` is why the wanted one could not be had. */
export function substituteNote(
  wanted: string,
  reason: string,
  install: RedisInstall,
  from: Candidate["from"],
): string {
  const places = {
    machine: `this machine (${install.server})`,
    pypi: "the Python package index",
    debian: "Debian's packages",
  } as const;
  return (
    `Redis ${wanted} cannot be had here: ${reason}; using ${install.version} from ${places[from]}; ` +
    "`npm run setup -- --fresh` tries again"
  );
}

function memoryFile(): string {
  return cachePath("redis", "substitutes.json");
}

function readMemory(): z.infer<typeof memorySchema> {
  return readJson(memoryFile(), memorySchema) ?? {};
}

/** The stand-in that an earlier run found, if it is still there: a second run must not wait for time-outs again. */
export function rememberedSubstitute(wanted: string): RedisInstall | undefined {
  const known = readMemory()[wanted];
  if (known === undefined) return undefined;
  const { binDir, version, note } = known;
  const found = binDir === undefined ? installedRedis(wanted) : programsIn(binDir, wanted, "registry");
  return found?.version === version ? { ...found, note } : undefined;
}

/** Remembers a stand-in. Call it holding the lock of Redis installs. */
export function rememberSubstitute(wanted: string, install: RedisInstall, note: string): void {
  const binDir = install.origin === "installed" ? undefined : install.binDir;
  const entry = { ...(binDir === undefined ? {} : { binDir }), version: install.version, note };
  writeFileSync(memoryFile(), JSON.stringify({ ...readMemory(), [wanted]: entry }, undefined, 2));
}
