/** Who belongs to the cluster and who replicates whom. */
import type { Ghost, Survey } from "../survey";
import type { ShardState } from "./shards";
import type { Step } from "./types";

/** Ids that nobody has any more and that own nothing are forgotten by everyone. Only while no node is down. */
export function forgetGhosts(s: Survey): Step[] {
  if (s.down.size > 0) return [];
  return forgetSteps(s.ghosts.filter((ghost) => ghost.slots.length === 0));
}

export function forgetSteps(ghosts: readonly Ghost[]): Step[] {
  return ghosts.map((ghost) => ({
    kind: "forget",
    id: ghost.id,
    on: ghost.knownBy,
    ...(ghost.formerly ? { node: ghost.formerly } : {}),
    reason: ghost.formerly
      ? `${ghost.formerly} has a new id (its disk was lost); the old one is remembered by ${ghost.knownBy.length} nodes`
      : `no declared node has this id any more`,
  }));
}

/**
 * Introduces nodes that are not known to everybody, or known at another address than the declared one: node ids survive
 * a change of address, an introduction is all it takes.
 */
export function meetNewcomers(s: Survey): Step[] {
  const main = s.components[0] ?? [];
  const newcomers = [...s.up.keys()].filter((name) => !main.includes(name) || isMisplaced(s, name));
  const declared = newcomers.filter((name) => !s.leaving.has(name));
  if (declared.length === 0) return [];
  const members = [...s.up.keys()].filter((name) => !s.leaving.has(name));
  return [
    {
      kind: "checkReach",
      nodes: members,
      reason: "every node must reach every other on its data and its bus port",
    },
    { kind: "meet", newcomers: declared, members, reason: `not known to every node: ${declared.join(", ")}` },
    {
      kind: "settle",
      nodes: members,
      agreementOnly: true,
      reason: "all nodes must know the newcomers before anything else changes",
    },
  ];
}

/** Whether some member does not know this node at all, or sees it at another address. */
function isMisplaced(s: Survey, name: string): boolean {
  const seen = s.sightings.get(name);
  if (!seen) return false;
  const others = s.viewers.size - (s.viewers.has(name) ? 1 : 0);
  return seen.knownBy < others || seen.elsewhere;
}

/** Every member that does not own slots replicates its shard's primary. */
export function attachReplicas(shards: readonly ShardState[]): Step[] {
  const links = shards.flatMap(({ members, primary, extras }) =>
    members
      .filter(
        (node) => primary && node !== primary && !extras.includes(node) && node.primaryId !== primary.id,
      )
      .map((node) => ({ replica: node.name, primary: primary?.name ?? "" })),
  );
  if (links.length === 0) return [];
  const who = links.map((link) => `${link.replica} -> ${link.primary}`).join(", ");
  return [{ kind: "replicate", links, reason: `replicas of their declared shard: ${who}` }];
}

/**
 * A primary that sits in another shard's place hands over to a replica of its own that belongs where slots are missing,
 * and a primary that is to leave hands over to a member that stays.
 */
export function handovers(s: Survey, shards: readonly ShardState[]): Step[] {
  const steps: Step[] = [];
  const displaced = [
    ...shards.flatMap((shard) => shard.extras),
    ...[...s.up.values()].filter((node) => s.leaving.has(node.name) && node.slots.length > 0),
  ];
  const taken = new Set<number>();
  for (const primary of displaced) {
    const heir = [...s.up.values()].find((node) => {
      const spec = s.specOf.get(node.name);
      if (!spec || s.leaving.has(node.name) || node.primaryId !== primary.id || taken.has(spec.shard))
        return false;
      return (
        shards[spec.shard]?.primary?.slots.length === undefined ||
        shards[spec.shard]?.primary?.slots.length === 0
      );
    });
    const shard = heir && s.specOf.get(heir.name)?.shard;
    if (!heir || shard === undefined) continue;
    taken.add(shard);
    steps.push({
      kind: "failover",
      shard,
      replica: heir.name,
      primary: primary.name,
      mode: "planned",
      reason: s.leaving.has(primary.name)
        ? `${primary.name} leaves; ${heir.name} takes its slots without moving a key`
        : `${primary.name} owns slots of shard ${shard + 1}, which ${heir.name} belongs to`,
    });
  }
  return steps;
}
