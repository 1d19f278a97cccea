/** What time it is for the cluster: its servers expire keys by their own clocks, whatever this machine's says. */
import type { Sessions } from "../cluster/sessions";
import { BackupRefusedError } from "./errors";
import type { LiveShard } from "./fit";

/** More than this between two primaries, and keys would live longer here than there. */
const MOST_APART_MS = 60_000;

interface Told {
  readonly node: string;
  /** How far the node's clock is ahead of this machine's. */
  readonly aheadMs: number;
}

/**
 * How far the clock of the primary that is behind most is ahead of this machine's, in ms: what has expired by that one has
 * expired for all. @throws BackupRefusedError where the primaries' clocks are too far apart
 */
export async function clusterAheadMs(
  sessions: Sessions,
  shards: readonly LiveShard[],
  now: () => Date,
): Promise<number> {
  const told = await Promise.all(
    shards.map(async ({ primary: { spec } }): Promise<Told> => {
      const asked = now().getTime();
      const reply = await sessions.withClient(spec, (client) => client.call("TIME"));
      const [seconds, micros] = Array.isArray(reply) ? reply.map(Number) : [];
      const theirs = (seconds ?? 0) * 1000 + (micros ?? 0) / 1000;
      return { node: spec.name, aheadMs: Math.round(theirs - (asked + now().getTime()) / 2) };
    }),
  );
  return behindMost(told);
}

export function behindMost(told: readonly Told[]): number {
  const sorted = [...told].sort((one, other) => one.aheadMs - other.aheadMs);
  const [first, last] = [sorted[0], sorted.at(-1)];
  if (!first || !last) return 0;
  const apartMs = last.aheadMs - first.aheadMs;
  if (apartMs > MOST_APART_MS)
    throw new BackupRefusedError(
      `the clock of ${first.node} is ${Math.round(apartMs / 1000)} s behind that of ${last.node}, so keys with a time to live would expire at ` +
        "different times. Set the servers' clocks (chrony, systemd-timesyncd), then restore.",
    );
  return first.aheadMs;
}
