/** Which cluster a command is about: its declaration, the way to its servers, and what an earlier declaration left. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { ClusterSpec, NodeSpec } from "../cluster/spec";
import type { Host } from "../hosts/host";
import { readDirective } from "../hosts/local/directives";
import { type Access, type AccessOptions, openAccess } from "../provider/access";
import { type Declaration, type DeclaredNode, specOf } from "../provider/declaration";
import { UsageError } from "./errors";
import { keepHostKeys, readHostKeys } from "./known-hosts";
import { type RedisTools, toolsFor } from "./redis-tools";
import { fromFile } from "./sources/file";
import { fromFolder } from "./sources/folder";
import { fromStack } from "./sources/stack";

export interface DeclarationOptions {
  /** Where people stand when they call the command: the Pulumi project is looked for from here upwards. */
  readonly directory: string;
  readonly env: NodeJS.ProcessEnv;
  /** `--declaration`: JSON as the component's secret output `declaration` has it. */
  readonly declaration?: string;
  /** `--data`: data directory of a local cluster. */
  readonly data?: string;
  /** `--stack` */
  readonly stack?: string;
  /** `--cluster`: which one, where a stack has several. */
  readonly cluster?: string;
}

/** A declaration as a source gives it. */
export interface Sourced {
  readonly declaration: Declaration;
  /** For people: "stack dev", "file cluster.json". */
  readonly origin: string;
  /**
   * Whether it is what the user wants, or only what was last put on disk. The latter is good enough for looking and for
   * drills, never for changing the cluster.
   */
  readonly isIntent: boolean;
  /** The command that brings the declaration about. */
  readonly upCommand: string;
  /** The declaration of the last `up`, where the source knows it. */
  readonly before?: Declaration;
  /** Something worth a line, e.g. why another source was not used. */
  readonly note?: string;
}

/** What commands work on. `close` ends its connections to hosts. */
export interface Target extends Omit<Sourced, "before" | "declaration"> {
  readonly spec: ClusterSpec;
  /** Where the nodes run. */
  readonly kind: Declaration["target"];
  /** Exporters, where monitoring is on. */
  readonly monitoring?: NonNullable<Declaration["monitoring"]>;
  readonly hosts: (node: NodeSpec) => Host;
  /** Where its backups go, where that is declared. */
  readonly backup: Declaration["backup"];
  /** A Redis on this machine that reads what the nodes write. Where there is none yet it is got, which can take minutes. */
  readonly tools: () => Promise<RedisTools>;
  /** Everything that must not be printed. */
  readonly secrets: readonly string[];
  close(): Promise<void>;
}

/**
 * Order: `--declaration`, `--data`, the Pulumi stack, and where there is no engine to ask, the files of the local target.
 * @throws UsageError
 */
export async function findTarget(
  options: DeclarationOptions,
  report: (line: string) => void,
): Promise<Target> {
  const { declaration, data } = options;
  if (declaration !== undefined && data !== undefined)
    throw new UsageError("--declaration and --data both name a cluster. Give one of them.");
  if (declaration !== undefined) return openTarget(await fromFile(declaration), report);
  if (data !== undefined) return openTarget(await fromFolder(data), report);
  return openTarget(await fromStack(options), report);
}

export async function openTarget(sourced: Sourced, report: (line: string) => void): Promise<Target> {
  const { declaration, before, ...rest } = sourced;
  // What is on disk was put there by a run that had its Redis.
  const access = openAccess(declaration, {
    report,
    hasRun: !sourced.isIntent,
    ...wayOf(declaration, before),
  });
  const leaving = leavingNodes(declaration, before, access);
  const [inUse, redis] = await Promise.all([
    passwordsInUse(declaration, [...declaration.nodes, ...leaving]),
    // Servers have the Redis that provisioning brought, and commands do not bring another.
    access.redis({ install: declaration.target !== "local" }),
  ]);
  const older = [...(before ? [before.password] : []), ...inUse];
  const previousPasswords = [...new Set(older)].filter((password) => password !== declaration.password);
  return {
    ...rest,
    spec: specOf(declaration, { leaving, previousPasswords }, redis.version),
    kind: declaration.target,
    ...(declaration.monitoring === undefined ? {} : { monitoring: declaration.monitoring }),
    hosts: access.hosts,
    backup: declaration.backup,
    tools: () => toolsOf(access, report),
    secrets: [declaration.password, ...previousPasswords, ...sshSecrets(declaration)],
    close: async () => {
      await access.close();
      keepHostKeys(declaration.name, access.hostKeys());
    },
  };
}

/** What is known of the servers besides the declaration. */
function wayOf(declaration: Declaration, before: Declaration | undefined): Partial<AccessOptions> {
  if (declaration.target === "local") return {};
  return { hostKeys: readHostKeys(declaration.name), formerServers: before?.ssh?.servers ?? {} };
}

function sshSecrets({ ssh }: Declaration): string[] {
  return [ssh?.privateKey, ssh?.passphrase, ssh?.sudoPassword].flatMap((secret) => secret ?? []);
}

async function toolsOf(access: Access, report: (line: string) => void): Promise<RedisTools> {
  const { version, server } = await access.redis({ install: true });
  return server === undefined ? toolsFor(version, report) : { version, server };
}

/** Nodes of the last declaration, and those with a folder on this machine, that are not declared any more. */
function leavingNodes(
  declaration: Declaration,
  before: Declaration | undefined,
  access: Access,
): DeclaredNode[] {
  const declared = new Set(declaration.nodes.map(({ name }) => name));
  const found = [...access.known, ...(before?.nodes ?? [])].filter(({ name }) => !declared.has(name));
  return [...new Map(found.map((node) => [node.name, node])).values()].sort((one, other) =>
    one.name < other.name ? -1 : 1,
  );
}

/** Passwords in the redis.conf files in place: where a rotation is under way they differ from the declared one. */
async function passwordsInUse(
  { dataDirectory, target }: Declaration,
  nodes: readonly DeclaredNode[],
): Promise<string[]> {
  if (target !== "local") return [];
  const found = nodes.map(async ({ name }) => {
    const text = await readFile(join(dataDirectory, name, "redis.conf"), "utf8").catch(() => "");
    return readDirective(text, "requirepass");
  });
  return (await Promise.all(found)).flatMap((password) => password || []);
}
