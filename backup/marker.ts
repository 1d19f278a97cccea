/**
 * The marker of a restore under way: one key in the cluster itself, written before the first restored key and deleted
 * after the comparison. A cluster with keys and without it holds somebody's data, and is never touched.
 */
import calculateSlot from "cluster-key-slot";
import { z } from "zod";
import type { Sessions } from "../cluster/sessions";
import type { LiveShard } from "./fit";

export const MARKER_KEY = "redis-cluster-kit:restore-under-way";
export const MARKER_SLOT = calculateSlot(MARKER_KEY);

const markerSchema = z.object({
  /** Which backup is being restored: its name and the checksum of its manifest. */
  id: z.string(),
  sha256: z.string(),
  startedAt: z.string(),
});

export type Marker = z.output<typeof markerSchema>;

export function ownerOf(slot: number, shards: readonly LiveShard[]): LiveShard {
  const owner = shards.find(({ slots }) => slots.some(({ start, end }) => start <= slot && slot <= end));
  if (!owner) throw new Error(`nobody owns slot ${slot}`);
  return owner;
}

/** Undefined where no restore is under way. */
export async function readMarker(
  sessions: Sessions,
  shards: readonly LiveShard[],
): Promise<Marker | undefined> {
  const { spec } = ownerOf(MARKER_SLOT, shards).primary;
  const text = await sessions.withClient(spec, (client) => client.call("GET", MARKER_KEY));
  if (typeof text !== "string") return undefined;
  try {
    return markerSchema.parse(JSON.parse(text));
  } catch {
    return { id: "another backup", sha256: "", startedAt: "" };
  }
}

/** Also on the replicas of its shard: one that took over without it would hold keys of nobody. What is wrong with that, if anything. */
export async function writeMarker(
  sessions: Sessions,
  shards: readonly LiveShard[],
  marker: Marker,
): Promise<string | undefined> {
  const { primary, replicas } = ownerOf(MARKER_SLOT, shards);
  const reached = await sessions.withClient(primary.spec, async (client) => {
    await client.call("SET", MARKER_KEY, JSON.stringify(marker));
    return replicas.length === 0 ? 0 : Number(await client.call("WAIT", replicas.length, REPLICATE_MS));
  });
  return reached < replicas.length
    ? `${reached} of ${replicas.length} replicas of ${primary.spec.name} have the restore's marker: should it fail now, empty the cluster before another try`
    : undefined;
}

/** How long the marker may take to its replicas, in ms. */
const REPLICATE_MS = 10_000;

export async function deleteMarker(sessions: Sessions, shards: readonly LiveShard[]): Promise<void> {
  const { spec } = ownerOf(MARKER_SLOT, shards).primary;
  await sessions.withClient(spec, (client) => client.call("DEL", MARKER_KEY));
}
