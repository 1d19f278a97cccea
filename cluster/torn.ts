/** Nodes are asked side by side: while a run hands slots over, one look may meet a slot at both of its owners or at neither. */
import { expandRanges, toRanges } from "./slots";
import type { ClusterSpec } from "./spec";
import { type Survey, survey } from "./survey";
import type { View } from "./view";

/** A slot is handed over once: what this many looks find without a single owner is not on its way. */
const LOOKS = 3;

/**
 * The first look that is whole, or the last of three; slots that were on their way in it count where the look before saw
 * them. Where no run is at work, or a node is down, one look is enough: what is wrong in it is wrong.
 */
export async function wholeLook(spec: ClusterSpec, observe: () => Promise<View>): Promise<View> {
  let view = await observe();
  for (let looks = 1; looks < LOOKS && isTorn(spec, view); looks++)
    view = mended(spec, view, await observe());
  return view;
}

function isTorn(spec: ClusterSpec, view: View): boolean {
  const seen = survey(spec, view);
  const isRunning = [...seen.up.values()].some(({ lockHolders }) => lockHolders.length > 0);
  return isRunning && seen.down.size === 0 && disputed(seen).length > 0;
}

function disputed({ unclaimed, contested }: Survey): number[] {
  return [...unclaimed, ...contested];
}

/** The later view, with slots that lack a single owner in it where the earlier one saw them, if that node still serves. */
export function mended(spec: ClusterSpec, earlier: View, later: View): View {
  const { claims } = survey(spec, earlier);
  const now = survey(spec, later);
  const ownerOf = new Map<number, string>();
  for (const slot of disputed(now)) {
    const [owner, ...others] = claims[slot] ?? [];
    if (owner !== undefined && others.length === 0 && now.up.get(owner)?.role === "primary")
      ownerOf.set(slot, owner);
  }
  if (ownerOf.size === 0) return later;
  const nodes = later.nodes.map((node) => {
    if (!node.reachable || node.role !== "primary") return node;
    const kept = expandRanges(node.slots).filter((slot) => !ownerOf.has(slot));
    const given = [...ownerOf].flatMap(([slot, owner]) => (owner === node.name ? [slot] : []));
    return { ...node, slots: toRanges([...kept, ...given]) };
  });
  return { nodes };
}
