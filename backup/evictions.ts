/** Keys that nodes threw away themselves for want of memory: nobody else is to blame for those. */
import { infoNumber, parseInfo } from "../cluster/parse";
import type { Sessions } from "../cluster/sessions";
import type { LiveShard } from "./fit";

/** By node, since its start. */
export async function evictionsOf(
  sessions: Sessions,
  shards: readonly LiveShard[],
): Promise<ReadonlyMap<string, number>> {
  const members = shards.flatMap(({ primary, replicas }) => [primary, ...replicas]);
  const counted = await Promise.all(
    members.map(async ({ spec }) => {
      const info = await sessions.withClient(spec, (client) => client.call("INFO", "stats"));
      return [spec.name, infoNumber(parseInfo(String(info)), "evicted_keys")] as const;
    }),
  );
  return new Map(counted);
}

/** A line for each node that evicted keys between the two counts. */
export function evictionProblems(
  before: ReadonlyMap<string, number>,
  after: ReadonlyMap<string, number>,
): string[] {
  return [...after].flatMap(([node, count]) => {
    const evicted = count - (before.get(node) ?? count);
    return evicted > 0
      ? [
          `${node} evicted ${evicted} keys meanwhile: its maxmemory is too low for the backup. Raise it, or the number of shards`,
        ]
      : [];
  });
}
