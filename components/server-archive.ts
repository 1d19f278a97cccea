/** Where the Redis of a server comes from, and the file that is copied there where it comes from this machine. */
import { createHash } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { remote } from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { compilerFlags, REDIS_SHA256, vendorUrl } from "../install/versions";
import type { ArchivePlace, ServerPlan } from "../templates/server/scripts";
import { connectionArgs, type ScriptTarget } from "./server-connection";

/** Where Redis comes from, beside the distribution's packages. */
export interface RedisArchive {
  /** Absolute path of a tar.gz on this machine, which is copied to the servers; or an http(s) address that they fetch. */
  readonly source?: string | undefined;
  /** sha256 of it. Needed for an address. */
  readonly sha256?: string | undefined;
}

export interface PlacedArchive extends ArchivePlace {
  /** File on this machine; undefined where nothing is copied. */
  readonly local?: string;
  /** Compiler flags that the version needs. */
  readonly flags: string;
}

/**
 * Where a server finds what it installs. Reads a local file once, for its checksum.
 * @throws RunError where the file is missing.
 */
export function placeArchive(plan: ServerPlan, { source, sha256 }: RedisArchive): PlacedArchive {
  const flags = compilerFlags(plan.version, "linux");
  if (plan.install === "package") return { url: "", upload: "", sha256: "", flags };
  if (source === undefined) {
    const pinned = REDIS_SHA256[plan.version];
    if (pinned === undefined)
      throw new pulumi.RunError(
        `No checksum of Redis ${plan.version} is known here. Set redisSource and redisSourceSha256.`,
      );
    return { url: vendorUrl(plan.version), upload: "", sha256: pinned, flags };
  }
  if (source.startsWith("http")) return { url: source, upload: "", sha256: sha256 ?? "", flags };
  const digest = digestOf(source);
  if (sha256 !== undefined && sha256 !== digest)
    throw new pulumi.RunError(
      `redisSource ${source} has the sha256 ${digest}, declared is ${sha256}. Correct one of them.`,
    );
  const upload = `.redis-cluster-kit-${plan.version}-${digest.slice(0, 12)}.tar.gz`;
  return { url: "", upload, sha256: digest, local: source, flags };
}

function digestOf(file: string): string {
  if (statSync(file, { throwIfNoEntry: false })?.isFile() !== true)
    throw new pulumi.RunError(
      `redisSource ${file} is no file on this machine. Servers need a tar.gz there, or an address.`,
    );
  return createHash("sha256").update(readFileSync(file)).digest("hex");
}

/**
 * Copies the archive into the home of the login user; the state keeps its checksum, not its bytes. A new machine at the same
 * address has not got it, and the plugin compares content and path only: another id of the machine copies it again.
 */
export function copyArchive(
  name: string,
  place: PlacedArchive,
  { connection, serverId }: Pick<ScriptTarget, "connection" | "serverId">,
  options: pulumi.CustomResourceOptions,
): remote.CopyToRemote | undefined {
  if (place.local === undefined) return undefined;
  return new remote.CopyToRemote(
    `${name}-archive`,
    {
      connection: connectionArgs(connection),
      source: new pulumi.asset.FileAsset(place.local),
      remotePath: place.upload,
      ...(serverId === undefined ? {} : { triggers: [serverId] }),
    },
    options,
  );
}
