/** Redis programs on this machine for files and values of a given version. */
import type { RedisTools } from "../backup/check-rdb";
import { compareVersions, minorLine } from "../install/platform";
import { installRedis } from "../install/redis";
import { knownVersions } from "../install/versions";

export type { RedisTools };

/**
 * That version or the nearest newer one that can be had: a newer Redis reads what an older one wrote.
 * @throws UserError where none can be had.
 */
export async function toolsFor(version: string, report: (line: string) => void): Promise<RedisTools> {
  const known = [...knownVersions()].sort(compareVersions);
  const wanted = known.includes(version)
    ? version
    : (known.filter((other) => minorLine(other) === minorLine(version)).at(-1) ??
      known.find((other) => compareVersions(other, version) >= 0));
  const { server, version: found } = await installRedis({ version: wanted ?? version }, report);
  return { server, version: found };
}
