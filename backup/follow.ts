/**
 * Whether replicas have what their primaries had. Not WAIT: it speaks of what its own connection wrote, and the keys came
 * over others.
 */
import type { Clock } from "../cluster/clock";
import { WaitError } from "../cluster/errors";
import { infoNumber, infoReplicas, parseInfo } from "../cluster/parse";
import type { Sessions } from "../cluster/sessions";
import { waitUntil } from "../cluster/wait";
import type { LiveShard } from "./fit";

export interface FollowOptions {
  readonly sessions: Sessions;
  readonly clock: Clock;
  readonly signal?: AbortSignal | undefined;
  /** Replicas that each shard is declared to have. */
  readonly replicasPerShard: number;
  /** Bound for all shards together, in ms. */
  readonly timeoutMs: number;
}

/** Waits until the replicas of each shard have what its primary has now. A line for each shard where they have not in time. */
export async function untilFollowed(
  shards: readonly LiveShard[],
  options: FollowOptions,
): Promise<readonly string[]> {
  if (options.replicasPerShard === 0) return [];
  return (await Promise.all(shards.map((shard) => shardFollowed(shard, options)))).flat();
}

async function shardFollowed({ number, primary }: LiveShard, options: FollowOptions): Promise<string[]> {
  const { sessions, clock, signal, replicasPerShard, timeoutMs } = options;
  const ask = async () =>
    parseInfo(
      String(await sessions.withClient(primary.spec, (client) => client.call("INFO", "replication"))),
    );
  const wanted = infoNumber(await ask(), "master_repl_offset");
  const look = async (): Promise<true | string> => {
    const there = infoReplicas(await ask()).filter(
      ({ state, offset }) => state === "online" && offset >= wanted,
    );
    return there.length >= replicasPerShard || `${there.length} of ${replicasPerShard}`;
  };
  try {
    const what = `the replicas of ${primary.spec.name}`;
    await waitUntil(look, { clock, signal, timeoutMs, maxIntervalMs: 500, what });
    return [];
  } catch (error) {
    if (!(error instanceof WaitError)) throw error;
    return [
      `shard ${number}: ${error.lastSeen} replicas have what ${primary.spec.name} has; \`status\` tells which is missing`,
    ];
  }
}
