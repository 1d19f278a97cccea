/** Function libraries (Redis 7.0 and later): every primary has all of them. */
import { RedisReplyError } from "../cluster/client";
import type { Sessions } from "../cluster/sessions";
import { BackupFailedError } from "./errors";
import type { LiveShard } from "./fit";
import type { GoodFile } from "./verify";

export async function restoreFunctions(
  sessions: Sessions,
  shards: readonly LiveShard[],
  files: readonly GoodFile[],
): Promise<void> {
  const libraries = new Map(
    files.flatMap(({ contents }) =>
      contents.facts.functions.map((code) => [code.toString("latin1"), code] as const),
    ),
  );
  if (libraries.size === 0) return;
  for (const { primary } of shards) {
    const replies = await sessions.withClient(primary.spec, (client) =>
      client.pipeline([...libraries.values()].map((code) => ["FUNCTION", "LOAD", "REPLACE", code] as const)),
    );
    const failed = replies.find((reply) => reply instanceof RedisReplyError);
    if (failed)
      throw new BackupFailedError(`${primary.spec.name} did not take a function library: ${String(failed)}`);
  }
}
