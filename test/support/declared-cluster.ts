/** A declared local cluster on real servers, as `up` makes it, with its declaration as a file for the command line. */
// provider/access.ts requires what only some targets need when it needs it; under vitest that wants the hook of the launcher.
import "../../scripts/ts.cjs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openTarget, type Target } from "../../cli/declaration";
import { apply } from "../../cluster/engine";
import type { NodeSpec } from "../../cluster/spec";
import { declare } from "../../components/declaration";
import { parseConfig } from "../../config";
import type { Declaration } from "../../provider/declaration";
import { freePorts } from "./ports";
import { type RedisLine, redisBinaries } from "./redis-binaries";

export interface DeclaredOptions {
  /** Default "drilled". */
  readonly name?: string;
  /** Default "5.0". */
  readonly line?: RedisLine;
  /** Default 3; at most 4 with one replica each. */
  readonly shards?: number;
  /** Default 1. */
  readonly replicasPerShard?: number;
  /** The stack's `monitoring`; exporters are declared by it, not started. */
  readonly monitoring?: Readonly<Record<string, unknown>>;
  /** Of the first node; eight from there on, and their bus ports, must be free. Default: ports of the test's own. */
  readonly basePort?: number;
  /** Further redis.conf directives. */
  readonly redis?: Readonly<Record<string, string>>;
}

export interface DeclaredCluster {
  readonly declaration: Declaration;
  /** The same cluster declared otherwise: further keys of a stack over its own. */
  redeclare(keys: Readonly<Record<string, unknown>>): Declaration;
  /** For `--declaration`. */
  readonly file: string;
  readonly target: Target;
  /** Kills what runs, proves that nothing is left, deletes the folder. */
  end(): Promise<void>;
}

/** The caller must call `end`. */
export async function startDeclaredCluster(options: DeclaredOptions = {}): Promise<DeclaredCluster> {
  const { line = "5.0", ...keys } = options;
  const folder = await mkdtemp(join(tmpdir(), "redis-cluster-kit-cli-"));
  const binaries = await redisBinaries(line);
  // Room for a fourth shard, too. Second replicas would be a hundred ports above, where other tests' nodes are: one only.
  const [basePort = 0] = options.basePort === undefined ? await freePorts(8) : [options.basePort];
  const raw = {
    name: "drilled",
    shards: 3,
    replicasPerShard: 1,
    ...keys,
    basePort,
    dataDirectory: join(folder, "data"),
    redisSource: binaries.server,
    redisVersion: binaries.version,
  };
  /** Nodes of every declaration: whoever was given one may have brought it about. */
  const declared = new Map<string, NodeSpec>();
  const redeclare = (over: Readonly<Record<string, unknown>>) => {
    const context = { project: "test", stack: "test", dataRoot: folder };
    const made = declare(parseConfig({ ...raw, ...over }, context), `secret-${basePort}-password`);
    for (const node of made.nodes) declared.set(node.name, { ...node, directives: {} });
    return made;
  };
  const declaration = redeclare({});
  const file = join(folder, "declaration.json");
  await writeFile(file, JSON.stringify(declaration), { mode: 0o600 });
  const sourced = { declaration, origin: "test", isIntent: true, upCommand: "up" };
  const target = await openTarget(sourced, () => undefined).catch(async (error: unknown) => {
    await rm(folder, { recursive: true, force: true });
    throw error;
  });
  const end = async () => {
    await endNodes(target, [...declared.values()]);
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await apply(target.spec, { hosts: target.hosts });
  } catch (error) {
    await end();
    throw error;
  }
  return { declaration, redeclare, file, target, end };
}

/** @throws where one is left running. */
async function endNodes(target: Target, nodes: readonly NodeSpec[]): Promise<void> {
  for (const node of nodes) await target.hosts(node).stop(node, { kill: true });
  const left: string[] = [];
  for (const node of nodes) {
    const facts = await target.hosts(node).inspect(node);
    if (facts.process !== "stopped") left.push(`${node.name}: ${facts.process}`);
  }
  await target.close();
  if (left.length > 0) throw new Error(`left running after the test: ${left.join(", ")}`);
}
