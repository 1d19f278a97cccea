/** What a run leaves in the user's cluster while it lasts, and how it is taken out again: a user, and keys below one prefix. */
import { RedisReplyError } from "../../cluster/client";
import type { Sessions } from "../../cluster/sessions";
import type { NodeSpec } from "../../cluster/spec";

/** One name for all runs: what a killed one has left is made anew, then removed, by the next. */
export const USER = "redis-cluster-kit-load";
const SCAN_COUNT = 1000;
/** Bound on removing keys; what is left then is gone by itself. */
const CLEANING_MS = 60_000;

/** ACL SETUSER's rules: nothing but what redis-benchmark sends, and only below `prefix`. */
export function userRules(prefix: string, password: string): readonly string[] {
  return ["reset", "on", `>${password}`, `~${prefix}*`, "+get", "+set", "+cluster|nodes"];
}

/** ACLs are in 6.0 and later. */
export function hasUsers(version: string): boolean {
  return Number(version.split(".")[0]) >= 6;
}

/** `undefined`, or why the nodes would not have it. */
export async function admitUser(
  primaries: readonly NodeSpec[],
  sessions: Sessions,
  rules: readonly string[],
): Promise<string | undefined> {
  try {
    for (const node of primaries)
      await sessions.withClient(node, (client) => client.call("ACL", "SETUSER", USER, ...rules));
    return undefined;
  } catch (error) {
    if (error instanceof RedisReplyError) return `${error.node} refuses ACL SETUSER (${error.code})`;
    throw error;
  }
}

/** Connections of it are closed by Redis. Of nodes that do not answer any more the next run removes it. */
export async function dismissUser(primaries: readonly NodeSpec[], sessions: Sessions): Promise<void> {
  await Promise.allSettled(
    primaries.map((node) => sessions.withClient(node, (client) => client.call("ACL", "DELUSER", USER))),
  );
}

export interface Cleaned {
  readonly removed: number;
  /** Nodes on which some may be left. */
  readonly unfinished: readonly string[];
}

/** Removes every key below `prefix`, node by node. Reads all names of a node in small portions, which blocks nobody. */
export async function removeKeys(
  primaries: readonly NodeSpec[],
  sessions: Sessions,
  prefix: string,
): Promise<Cleaned> {
  const deadline = performance.now() + CLEANING_MS;
  const results = await Promise.allSettled(
    primaries.map((node) => removeOn(node, sessions, prefix, deadline)),
  );
  const nodes = results.map((result) =>
    result.status === "fulfilled" ? result.value : { removed: 0, isDone: false },
  );
  return {
    removed: nodes.reduce((sum, { removed }) => sum + removed, 0),
    unfinished: primaries.filter((_, at) => nodes[at]?.isDone !== true).map(({ name }) => name),
  };
}

interface CleanedNode {
  readonly removed: number;
  /** Whether all names were read before time ran out. */
  readonly isDone: boolean;
}

function removeOn(
  node: NodeSpec,
  sessions: Sessions,
  prefix: string,
  deadline: number,
): Promise<CleanedNode> {
  return sessions.withClient(node, async (client) => {
    let cursor = "0";
    let removed = 0;
    do {
      const reply = await client.call("SCAN", cursor, "MATCH", `${prefix}*`, "COUNT", SCAN_COUNT);
      const [next, keys] = Array.isArray(reply) ? reply : [];
      cursor = String(next ?? "0");
      const names = Array.isArray(keys) ? keys.map(String) : [];
      // One by one: they are of different slots.
      const answers = await client.pipeline(names.map((name) => ["UNLINK", name] as const));
      removed += answers.filter((answer) => answer === 1).length;
    } while (cursor !== "0" && performance.now() < deadline);
    return { removed, isDone: cursor === "0" };
  });
}
