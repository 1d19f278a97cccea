import { parseConfig } from "../config";
import { createLocalHost } from "../hosts/local";
import { dataFolder } from "../install/cache";
import { describe } from "../install/errors";
import type { Report } from "../install/progress";
import { knownVersions } from "../install/versions";
import { PROJECT } from "./pulumi";
import { readStackFile } from "./stack";

/**
 * Deletes the data that an earlier `down` kept: with nothing deployed any more, Pulumi asks no provider to. A node that
 * still runs is refused by the host.
 */
export async function purgeLeftovers(stack: string, report: Report): Promise<void> {
  // What Redis was to run is no matter any more, so it may also be one that this version of the kit does not know.
  const { password: _secret, redisVersion: _version, redis: _directives, ...raw } = readStackFile(stack);
  const config = parseConfig(raw, {
    project: PROJECT,
    stack,
    dataRoot: dataFolder(),
    supportedVersions: knownVersions(),
  });
  if (config.target !== "local") return;
  const host = createLocalHost({
    clusterName: config.name,
    dataDirectory: config.dataDirectory,
    files: () => undefined,
    resolveServer: () => Promise.reject(new Error("deleting data needs no Redis")),
    report,
  });
  try {
    for (const node of host.knownNodes()) {
      await host.purge(node);
      report(`Deleted the data of ${node.name} in ${config.dataDirectory}`);
    }
  } catch (error) {
    report(`The data in ${config.dataDirectory} stays: ${describe(error)}`);
    throw error;
  } finally {
    await host.close();
  }
}
