/** A declared local cluster on real servers, as `up` makes it, with its declaration as a file for the command line. */
// provider/access.ts requires what only some targets need when it needs it; under vitest that wants the hook of the launcher.
import "../../scripts/ts.cjs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openTarget, type Target } from "../../cli/declaration";
import { apply } from "../../cluster/engine";
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
  const [basePort = 0] = await freePorts(8);
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
  const redeclare = (over: Readonly<Record<string, unknown>>) => {
    const context = { project: "test", stack: "test", dataRoot: folder };
    return declare(parseConfig({ ...raw, ...over }, context), `secret-${basePort}-password`);
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
    for (const node of target.spec.nodes) await target.hosts(node).stop(node, { kill: true });
    const left: string[] = [];
    for (const node of target.spec.nodes) {
      const facts = await target.hosts(node).inspect(node);
      if (facts.process !== "stopped") left.push(`${node.name}: ${facts.process}`);
    }
    await target.close();
    if (left.length > 0) throw new Error(`left running after the test: ${left.join(", ")}`);
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
