/** Whether the cluster holds as many keys as the backup has: slot by slot. */
import type { Sessions } from "../cluster/sessions";
import { expandRanges } from "../cluster/slots";
import type { LiveShard } from "./fit";
import type { Item } from "./load";
import { MARKER_SLOT } from "./marker";

/** What the slots should hold. */
export class Expected {
  /** Keys of each slot that do not expire soon. */
  readonly lasting = new Uint32Array(16_384);
  /** Those that may expire before they are counted. */
  private readonly soon: { readonly slot: number; readonly atMs: number }[] = [];

  constructor(private readonly startedMs: number) {}

  add({ slot, expiresAtMs }: Pick<Item, "slot" | "expiresAtMs">): void {
    if (expiresAtMs !== undefined && expiresAtMs < this.startedMs + SOON_MS)
      this.soon.push({ slot, atMs: expiresAtMs });
    else this.lasting[slot] = (this.lasting[slot] ?? 0) + 1;
  }

  /** Fewest and most keys that each slot may hold when counted at `nowMs`: expired ones may be counted until Redis meets them. */
  bounds(nowMs: number): { readonly least: Uint32Array; readonly most: Uint32Array } {
    const least = Uint32Array.from(this.lasting);
    const most = Uint32Array.from(this.lasting);
    for (const { slot, atMs } of this.soon) {
      most[slot] = (most[slot] ?? 0) + 1;
      if (atMs > nowMs + CLOCK_MS) least[slot] = (least[slot] ?? 0) + 1;
    }
    return { least, most };
  }
}

/** A restore that takes longer than this has other worries than keys that expire. */
const SOON_MS = 6 * 3_600_000;
/** How far the clocks of the servers may differ from ours. */
const CLOCK_MS = 60_000;

/** Keys of each of the 16384 slots. */
export async function countKeys(sessions: Sessions, shards: readonly LiveShard[]): Promise<Uint32Array> {
  const counts = new Uint32Array(16_384);
  for (const { primary, slots } of shards) {
    const all = expandRanges(slots);
    const replies = await sessions.withClient(primary.spec, (client) =>
      client.pipeline(all.map((slot) => ["CLUSTER", "COUNTKEYSINSLOT", slot])),
    );
    for (const [index, slot] of all.entries()) counts[slot] = Number(replies[index]);
  }
  return counts;
}

/** Lines about slots that hold too few or too many keys. `marked`: whether the marker is among them. */
export async function countProblems(
  sessions: Sessions,
  shards: readonly LiveShard[],
  expected: Expected,
  { nowMs, marked }: { readonly nowMs: () => number; readonly marked: boolean },
): Promise<string[]> {
  const counts = await countKeys(sessions, shards);
  const { least, most } = expected.bounds(nowMs());
  const problems: string[] = [];
  for (const [slot, count] of counts.entries()) {
    const marker = marked && slot === MARKER_SLOT ? 1 : 0;
    const [from, to] = [(least[slot] ?? 0) + marker, (most[slot] ?? 0) + marker];
    if (count < from || count > to)
      problems.push(
        `slot ${slot} has ${count - marker} keys, the backup has ${from === to ? from - marker : `${from - marker} to ${to - marker}`}`,
      );
  }
  return problems;
}
