/**
 * A server takes no argument above proto-max-bulk-len (512 MiB), and RESTORE gets a whole value as one: hashes and lists may be
 * larger. For the time of a restore that has such values the limits are raised on every node, as replicas get them the same way.
 */
import { parsePairs } from "../cluster/parse";
import type { Sessions } from "../cluster/sessions";
import type { NodeSpec } from "../cluster/spec";
import type { Large } from "./copy";
import { BackupFailedError, textOf } from "./errors";

const MEBIBYTE = 1024 ** 2;
/** What a node has whose redis.conf does not say it. */
const DEFAULTS: Readonly<Record<string, number>> = {
  "proto-max-bulk-len": 512 * MEBIBYTE,
  "client-query-buffer-limit": 1024 * MEBIBYTE,
};
/** Beside the value: its envelope, and what else may be in a query buffer. */
const SLACK_BYTES = 64 * MEBIBYTE;

export interface LimitOptions {
  readonly sessions: Sessions;
  /** Those that answer. */
  readonly nodes: readonly NodeSpec[];
  readonly largest: Large | undefined;
  /** Whether a run that was killed may have raised them: then the declared value counts as the one before. */
  readonly continues: boolean;
}

/** Raises what is too low; the result sets it back and returns what could not be. @throws BackupFailedError naming the key */
export async function raiseLimits(options: LimitOptions): Promise<() => Promise<string[]>> {
  const { sessions, nodes, largest, continues } = options;
  const raised: { readonly node: NodeSpec; readonly name: string; readonly value: string }[] = [];
  const setBack = async () => {
    const failed: string[] = [];
    for (const { node, name, value } of raised)
      await sessions
        .withClient(node, (client) => client.call("CONFIG", "SET", name, value))
        .catch((error: unknown) =>
          failed.push(`${node.name}: ${name} was not set back to ${value}: ${textOf(error)}`),
        );
    return failed;
  };
  const needed = (largest?.bytes ?? 0) + SLACK_BYTES;
  for (const node of nodes)
    for (const [name, usual] of Object.entries(DEFAULTS)) {
      const before = await readLimit(sessions, node, name);
      const declared = node.directives[name] ?? String(usual);
      if (continues && before >= needed && Number(declared) < needed)
        raised.push({ node, name, value: declared });
      if (before >= needed || largest === undefined) continue;
      try {
        await sessions.withClient(node, (client) => client.call("CONFIG", "SET", name, needed));
      } catch (error) {
        await setBack();
        throw new BackupFailedError(
          `${node.name}: the backup has key ${JSON.stringify(largest.key.toString("latin1").slice(0, 100))} of ${largest.bytes} bytes, ` +
            `and ${name} cannot be raised above ${before}: ${textOf(error)}. Raise it in redis.conf, then restore.`,
        );
      }
      raised.push({ node, name, value: String(before) });
    }
  return setBack;
}

async function readLimit(sessions: Sessions, node: NodeSpec, name: string): Promise<number> {
  const reply = await sessions.withClient(node, (client) => client.call("CONFIG", "GET", name));
  // One that does not tell has the default.
  return Number(parsePairs(reply).get(name) ?? DEFAULTS[name]);
}
