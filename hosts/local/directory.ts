/** The data directory as a whole: whose it is, and which nodes are in it. */
import { readdirSync, readFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { UserError } from "../errors";
import { ensureFolder, errorText, readIfThere, writeAtomic } from "./files";
import type { KnownNode, LocalHostOptions } from "./types";

const CLUSTER_MARKER = "cluster.json";

/** Name of the cluster whose data directory this is; `undefined` when it is none. */
export async function clusterOf(dataDirectory: string): Promise<string | undefined> {
  const text = await readIfThere(join(dataDirectory, CLUSTER_MARKER)).catch(() => undefined);
  if (text === undefined) return undefined;
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed === "object" && parsed !== null && "name" in parsed) return String(parsed.name);
  } catch {
    // Falls through: a damaged marker names no cluster.
  }
  return undefined;
}

/** Creates the data directory and marks it as this cluster's; refuses one that is another cluster's. */
export async function claimDirectory({ dataDirectory, clusterName }: LocalHostOptions): Promise<void> {
  try {
    await ensureFolder(dataDirectory);
  } catch (error) {
    throw new UserError(
      `data directory ${dataDirectory} cannot be created (${errorText(error)}). Choose another one: \`pulumi config set dataDirectory DIR\`.`,
      { cause: error },
    );
  }
  const owner = await clusterOf(dataDirectory);
  if (owner === clusterName) return;
  if (owner !== undefined) {
    throw new UserError(
      `data directory ${dataDirectory} belongs to the cluster "${owner}", this is "${clusterName}". Choose another one: \`pulumi config set dataDirectory DIR\`.`,
    );
  }
  await writeAtomic(join(dataDirectory, CLUSTER_MARKER), `${JSON.stringify({ name: clusterName })}\n`);
}

/** After the last node was purged the directory is nobody's. */
export async function releaseDirectory(options: LocalHostOptions): Promise<void> {
  if (knownNodes(options).length === 0)
    await rm(join(options.dataDirectory, CLUSTER_MARKER), { force: true });
}

/** The nodes that have a folder here, sorted by name. Folders that are no node's are passed over. */
export function knownNodes({ dataDirectory, report }: LocalHostOptions): KnownNode[] {
  const nodes: KnownNode[] = [];
  for (const entry of readdirIfThere(dataDirectory)) {
    let parsed: unknown;
    try {
      parsed = JSON.parse(readFileSync(join(dataDirectory, entry, "node.json"), "utf8"));
    } catch {
      continue; // No node's folder, or one whose preparation never ended.
    }
    if (isKnownNode(parsed) && parsed.name === entry) nodes.push(parsed);
    else report?.(`${join(dataDirectory, entry, "node.json")} does not describe a node; left out`);
  }
  return nodes;
}

function readdirIfThere(folder: string): string[] {
  try {
    return readdirSync(folder).toSorted();
  } catch {
    return [];
  }
}

function isKnownNode(value: unknown): value is KnownNode {
  if (typeof value !== "object" || value === null) return false;
  const { name, host, port, busPort } = value as Record<string, unknown>;
  return (
    typeof name === "string" &&
    typeof host === "string" &&
    typeof port === "number" &&
    typeof busPort === "number"
  );
}
