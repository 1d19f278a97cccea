/** Primaries back to where the declaration prefers them. */
import type { NodeSpec } from "../spec";
import type { Survey } from "../survey";
import type { Step } from "./types";
import { isOlderLine } from "./versions";

/** Primaries in the zone that has most of them: what one zone's loss takes away at once. 0 where zones mean nothing. */
export function crowding(
  specOf: ReadonlyMap<string, NodeSpec>,
  leaders: ReadonlyMap<number, string>,
): number {
  if (new Set([...specOf.values()].map((node) => node.zone)).size < 2) return 0;
  const counts = new Map<string, number>();
  for (const name of leaders.values()) {
    const zone = specOf.get(name)?.zone ?? "";
    counts.set(zone, (counts.get(zone) ?? 0) + 1);
  }
  return Math.max(0, ...counts.values());
}

/**
 * Failovers to preferred primaries (member 0), while one zone holds more primaries than it would with all of them in
 * place: with two of three primaries in one zone its loss leaves no majority, and nobody takes over. Where roles are
 * merely swapped and the zones no worse for it, nothing is done: each failover pauses a shard's clients for a moment.
 * Only where the declaration asks for it (`failback`).
 */
export function failbackSteps(s: Survey, leaders: ReadonlyMap<number, string>): Step[] {
  if (s.spec.failback !== true) return [];
  const now = new Map(leaders);
  const preferred = new Map(
    s.spec.nodes.filter((node) => node.member === 0).map((node) => [node.shard, node.name]),
  );
  const goal = crowding(s.specOf, preferred);
  const steps: Step[] = [];
  for (const [shard, name] of [...preferred].sort(([a], [b]) => a - b)) {
    const leader = now.get(shard);
    if (crowding(s.specOf, now) <= goal) break;
    if (leader === undefined || leader === name || !canLead(s, name, leader)) continue;
    now.set(shard, name);
    steps.push({
      kind: "failover",
      shard,
      replica: name,
      primary: leader,
      mode: "planned",
      reason: `${name} is the preferred primary of shard ${shard + 1}: the primaries are then spread over the zones as declared`,
    });
  }
  return crowding(s.specOf, now) < crowding(s.specOf, leaders) ? steps : [];
}

/** In the same shard, and not older than the one that leads now: the rest could not copy from it. */
function canLead(s: Survey, name: string, leader: string): boolean {
  const [heir, now] = [s.up.get(name), s.up.get(leader)];
  if (!heir || !now || isOlderLine(heir.version, now.version)) return false;
  return heir.role === "replica" ? heir.linkUp === true : true;
}
