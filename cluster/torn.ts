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
  for (let looks = 1; looks < LOOKS && isRunAtWork(view); looks++) {
    const seen = survey(spec, view);
    if (seen.down.size > 0 || disputed(seen).length === 0) break;
    view = mended(seen, survey(spec, await observe()));
  }
  return view;
}

function isRunAtWork({ nodes }: View): boolean {
  return nodes.some((node) => node.reachable && node.lockHolders.length > 0);
}

function disputed({ unclaimed, contested }: Survey): number[] {
  return [...unclaimed, ...contested];
}

/** The later view, with slots that lack a single owner in it where the earlier one saw them, if that node still serves. */
function mended(earlier: Survey, later: Survey): View {
  const ownerOf = new Map<number, string>();
  for (const slot of disputed(later)) {
    const [owner, ...others] = earlier.claims[slot] ?? [];
    if (owner !== undefined && others.length === 0 && later.up.get(owner)?.role === "primary")
      ownerOf.set(slot, owner);
  }
  const nodes = later.view.nodes.map((node) => {
    if (!node.reachable || node.role !== "primary" || ownerOf.size === 0) return node;
    const kept = expandRanges(node.slots).filter((slot) => !ownerOf.has(slot));
    const given = [...ownerOf].flatMap(([slot, owner]) => (owner === node.name ? [slot] : []));
    return { ...node, slots: toRanges([...kept, ...given]) };
  });
  return { nodes };
}
