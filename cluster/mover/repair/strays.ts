/** Keys that are where no client looks, without any flag that would tell. */
import { type NodeClient, UnreachableError } from "../../client";
import { parseClusterNodes } from "../../parse";
import { expandRanges } from "../../slots";
import { SLOT_COUNT } from "../../spec";
import { countKeys } from "../keys";
import type { ClusterContext } from "../types";
import type { RepairNode } from "./evidence";

/** Slots counted in one call: some 2 ms of the server's time. */
const CHUNK = 2048;

export interface StrayKeys {
  readonly slot: number;
  /** The primary that holds them without owning the slot. */
  readonly node: string;
  readonly keys: number;
}

/**
 * Asks every primary that answers for keys in slots that it does not own and does not import; by slot. After a failover they carry no flag
 * at all: the new primary has its predecessor's keys, not its flags. `repairSlots` brings them to the owner.
 */
export async function findStrayKeys(
  context: Pick<ClusterContext, "client"> & { readonly nodes: readonly RepairNode[] },
): Promise<StrayKeys[]> {
  const found = await Promise.all(context.nodes.map(({ name }) => straysAt(context, name)));
  return found.flat().sort((a, b) => a.slot - b.slot || (a.node < b.node ? -1 : 1));
}

async function straysAt(context: Pick<ClusterContext, "client">, node: string): Promise<StrayKeys[]> {
  let client: NodeClient | undefined;
  try {
    client = await context.client(node);
    const view = parseClusterNodes(String(await client.call("CLUSTER", "NODES")));
    if (!view.myself.flags.includes("master")) return [];
    const own = new Set([...expandRanges(view.myself.slots), ...view.importing.map(({ slot }) => slot)]);
    const foreign = Array.from({ length: SLOT_COUNT }, (_, slot) => slot).filter((slot) => !own.has(slot));
    const strays: StrayKeys[] = [];
    for (let at = 0; at < foreign.length; at += CHUNK) {
      const counts = await countKeys(client, foreign.slice(at, at + CHUNK));
      for (const [slot, keys] of counts) if (keys > 0) strays.push({ slot, node, keys });
    }
    return strays;
  } catch (error) {
    if (error instanceof UnreachableError) return [];
    throw error;
  } finally {
    client?.close();
  }
}
