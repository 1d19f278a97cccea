/**
 * The data directory of a local cluster as its own description: node.json and redis.conf of every node (0600, so only
 * its owner gets this far). It says what was last put in place, which may be less than what is declared by now.
 */
import { readdirSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { z } from "zod";
import { ioredisConnector } from "../../cluster/connection";
import { parseInfo } from "../../cluster/parse";
import { readDirective } from "../../hosts/local/directives";
import { clusterOf } from "../../hosts/local/directory";
import { errorText } from "../../hosts/local/files";
import { type DeclaredNode, nodeSchema } from "../../provider/declaration";
import type { Sourced } from "../declaration";
import { UsageError } from "../errors";

/** node.json holds what `prepare` was given: the node as the engine takes it. */
const knownNodeSchema = nodeSchema.strip().extend({ directives: z.record(z.string(), z.string()).catch({}) });

/** Where no node runs that could tell: which Redis was declared is not written down in the folder. */
const UNKNOWN_VERSION = "unknown";

export async function fromFolder(folder: string): Promise<Sourced> {
  const dataDirectory = resolve(folder);
  const name = await clusterOf(dataDirectory);
  if (name === undefined)
    throw new UsageError(`${dataDirectory} is no data directory of a cluster (it has no cluster.json).`);
  const nodes = await readNodes(dataDirectory);
  const [first] = nodes;
  if (!first) throw new UsageError(`${dataDirectory} has no nodes in it; \`up\` makes them.`);
  const files = await readFiles(dataDirectory, nodes);
  const directives = first.directives;
  const password = readDirective(files[first.name] ?? "", "requirepass") ?? "";
  const shards = Math.max(...nodes.map(({ shard }) => shard)) + 1;
  return {
    origin: `files in ${dataDirectory}`,
    isIntent: false,
    upCommand: "npm run up",
    declaration: {
      name,
      target: "local",
      nodes: nodes.map(({ directives: _, ...node }): DeclaredNode => node),
      weights: Array.from({ length: shards }, () => 1),
      replicasPerShard: Math.max(...nodes.map(({ member }) => member)),
      directives,
      liveDirectives: [],
      nodeTimeoutMs: Number(directives["cluster-node-timeout"] ?? 5000),
      redisVersion: await runningVersion(nodes, password),
      dataDirectory,
      password,
      files,
    },
  };
}

async function readNodes(dataDirectory: string): Promise<z.output<typeof knownNodeSchema>[]> {
  const found = readdirSync(dataDirectory).map(async (entry) => {
    const text = await readFile(join(dataDirectory, entry, "node.json"), "utf8").catch(() => "null");
    return knownNodeSchema.safeParse(parseJson(text)).data ?? [];
  });
  const nodes = (await Promise.all(found)).flat();
  return nodes.sort((one, other) => one.shard - other.shard || one.member - other.member);
}

/** Version of the first node that answers. */
async function runningVersion(nodes: readonly DeclaredNode[], password: string): Promise<string> {
  for (const node of nodes) {
    try {
      const client = await ioredisConnector().connect(node, [password], { connectTimeoutMs: 500 });
      try {
        const info = parseInfo(String(await client.call("INFO", "server")));
        return info.get("redis_version") ?? UNKNOWN_VERSION;
      } finally {
        client.close();
      }
    } catch {
      // The next one may answer.
    }
  }
  return UNKNOWN_VERSION;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function readFiles(
  dataDirectory: string,
  nodes: readonly { readonly name: string }[],
): Promise<Record<string, string>> {
  const read = async ({ name }: { name: string }) => {
    try {
      return [name, await readFile(join(dataDirectory, name, "redis.conf"), "utf8")] as const;
    } catch (error) {
      throw new UsageError(
        `${name}: its redis.conf cannot be read: ${errorText(error)}\nThe files of a cluster belong to the user who runs it.`,
      );
    }
  };
  return Object.fromEntries(await Promise.all(nodes.map(read)));
}
