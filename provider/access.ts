/** From a declaration to the hosts of its nodes. What a target needs is loaded only where that target is used. */
import { UserError } from "../hosts/errors";
import type { Host } from "../hosts/host";
import type { SshServer } from "../hosts/ssh/types";
import type { RedisInstall } from "../install/redis";
import { type Declaration, type DeclaredNode, nodeSchema } from "./declaration";

/** `server`: path of a redis-server on this machine, where one is needed here. */
export type FoundRedis = Pick<RedisInstall, "version" | "note"> & Partial<Pick<RedisInstall, "server">>;

/** The way to the servers of one declaration, for as long as one operation takes. */
export interface Access {
  readonly hosts: (node: { readonly name: string }) => Host;
  /** Nodes that have a place there, declared now or by an earlier declaration. */
  readonly known: readonly DeclaredNode[];
  /**
   * The Redis that the nodes run after an `up`: of the declared version unless only another of its line can be had (then
   * with a note). Where it is not there yet, `install` gets it, which can take minutes; without it the declared is assumed.
   */
  redis(options: { readonly install: boolean }): Promise<FoundRedis>;
  /** Ssh: host keys, given and learned, for the next run. Empty where there are none. */
  hostKeys(): Readonly<Record<string, string>>;
  close(): Promise<void>;
}

export interface AccessOptions {
  /** Gets lines worth showing, e.g. the progress of a build. */
  readonly report: (line: string) => void;
  /** The last run got the declared Redis: it need not be looked for again to make a plan. */
  readonly hasRun: boolean;
  /** Ssh: servers of nodes that an earlier declaration had, by node name. */
  readonly formerServers?: Readonly<Record<string, SshServer>>;
  /** Ssh: host keys that earlier runs learned. */
  readonly hostKeys?: Readonly<Record<string, string>>;
}

/** Changes nothing. */
export function openAccess(declaration: Declaration, options: AccessOptions): Access {
  switch (declaration.target) {
    case "local":
      return openLocal(declaration, options);
    case "ssh":
    case "aws":
      return openSsh(declaration, options);
    default:
      return unknownTarget(declaration.target);
  }
}

function openLocal(declaration: Declaration, { report, hasRun }: AccessOptions): Access {
  const { createLocalHost } = require("../hosts/local") as typeof import("../hosts/local");
  const install = () => require("../install/redis") as typeof import("../install/redis");
  const { redisVersion: version, redisSource: source, redisSourceSha256: sha256 } = declaration;
  const wanted = { version, source, sha256 };
  const peek = once(async () => (hasRun ? { version } : install().findRedis(wanted)));
  const resolve = once(() => install().installRedis(wanted, report));
  const host = createLocalHost({
    clusterName: declaration.name,
    dataDirectory: declaration.dataDirectory,
    files: (name) => {
      const redisConf = declaration.files[name];
      return redisConf === undefined ? undefined : { redisConf };
    },
    resolveServer: resolve,
    peekServer: peek,
    report,
  });
  const known = host.knownNodes().flatMap((node) => nodeSchema.strip().safeParse(node).data ?? []);
  return {
    hosts: () => host,
    known,
    redis: async (options): Promise<FoundRedis> =>
      (await (options.install ? resolve() : peek())) ?? { version },
    hostKeys: () => ({}),
    close: () => host.close(),
  };
}

/** Redis itself is brought to the servers by their provisioning, which comes before. */
function openSsh(declaration: Declaration, options: AccessOptions): Access {
  const { ssh, redisVersion: version } = declaration;
  if (ssh === undefined)
    throw new UserError(
      `target ${declaration.target}: the declaration does not say how its servers are reached (ssh)`,
    );
  const { createSshHosts } = require("../hosts/ssh") as typeof import("../hosts/ssh");
  const hosts = createSshHosts({
    ...ssh,
    servers: { ...options.formerServers, ...ssh.servers },
    files: (name) => declaration.files[name],
    redisVersion: version,
    dataDirectory: declaration.dataDirectory,
    ...(options.hostKeys === undefined ? {} : { knownHostKeys: options.hostKeys }),
    report: options.report,
  });
  return {
    hosts: (node) => hosts.of(node),
    known: [],
    redis: ({ install }) => {
      if (install) hosts.expectInstalled();
      return Promise.resolve({ version });
    },
    hostKeys: () => hosts.hostKeys(),
    close: () => hosts.close(),
  };
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

function unknownTarget(target: never): never {
  throw new Error(`unknown target: ${String(target)}`);
}
