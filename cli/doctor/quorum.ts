/** Where the primaries are now: failovers may have put a majority of them into one zone. Pure. */
import type { ClusterStatus } from "../../cluster/status";

/** A line for every zone whose loss would leave no majority of primaries. Nothing where there is one zone only. */
export function quorumWarnings({ nodes }: ClusterStatus): string[] {
  const zones = [...new Set(nodes.map(({ zone }) => zone))].sort();
  if (zones.length < 2) return [];
  const primaries = nodes.filter(({ role, slotCount }) => role === "primary" && slotCount > 0);
  // While a shard has no primary there is something more urgent to be told.
  if (primaries.length < new Set(nodes.map(({ shard }) => shard)).size) return [];
  const majority = Math.floor(primaries.length / 2) + 1;
  return zones.flatMap((zone) => {
    const inZone = primaries.filter((node) => node.zone === zone);
    if (inZone.length === 0 || primaries.length - inZone.length >= majority) return [];
    return [
      `Zone "${zone}" holds ${inZone.length} of ${primaries.length} primaries at the moment (${inZone.map(({ name }) => name).join(", ")}): ` +
        "if it is lost now, the others are no majority and no failover happens. Hand one back: CLUSTER FAILOVER on its shard's replica in another zone.",
    ];
  });
}
