/**
 * Which backups of one name are of one cluster. A node's id is made of 160 random bits and kept as long as the node has its
 * data, so clusters of the same name share none; one cluster's backups do, however its nodes were replaced one by one.
 */
import type { View } from "../cluster/view";
import { isIdOf, type Manifest, readManifest } from "./manifest";
import type { Place } from "./place";

type Identified = Pick<Manifest, "id" | "startedAt" | "nodes" | "shards">;

/** Ids of all nodes that the cluster had. */
export function nodeIds({ nodes, shards }: Pick<Manifest, "nodes" | "shards">): ReadonlySet<string> {
  const known = nodes.flatMap(({ nodesConf }) => nodesConf.match(/^[0-9a-f]{40}(?= )/gm) ?? []);
  return new Set([...known, ...shards.map(({ nodeId }) => nodeId)]);
}

/** Of the nodes that answer, and of those that they know. */
export function idsIn({ nodes }: View): ReadonlySet<string> {
  return new Set(
    nodes.flatMap((node) => (node.reachable ? [node.id, ...node.peers.map(({ id }) => id)] : [])),
  );
}

/** Backups of one name, cluster by cluster: the one with the newest backup first, and in each the newest first. */
export function byCluster<T extends Identified>(backups: readonly T[]): T[][] {
  let found: { readonly ids: ReadonlySet<string>; readonly backups: readonly T[] }[] = [];
  for (const backup of backups) {
    const ids = nodeIds(backup);
    const same = found.filter((one) => share(one.ids, ids));
    const others = found.filter((one) => !same.includes(one));
    const joined = new Set([...ids, ...same.flatMap((one) => [...one.ids])]);
    found = [...others, { ids: joined, backups: [backup, ...same.flatMap((one) => one.backups)] }];
  }
  return found
    .map((one) => [...one.backups].sort(newestFirst))
    .sort(([one], [other]) => (one && other ? newestFirst(one, other) : 0));
}

export function share(one: ReadonlySet<string>, other: ReadonlySet<string>): boolean {
  return [...one].some((id) => other.has(id));
}

function newestFirst(one: Identified, other: Identified): number {
  return other.startedAt.localeCompare(one.startedAt) || one.id.localeCompare(other.id);
}

/** Of which nodes a backup is, for people. */
export function nodesText({ id, shards }: Identified): string {
  const [first] = shards;
  return `${id} (of ${first?.node} at ${first?.address}, node id ${first?.nodeId.slice(0, 12)})`;
}

/** Undefined where all are of one. `clusters` as `byCluster` gives them. */
export function namesakeText(
  name: string,
  url: string,
  clusters: readonly Identified[][],
): string | undefined {
  if (clusters.length < 2) return undefined;
  const newest = clusters.flatMap(([first]) => (first ? [nodesText(first)] : []));
  return (
    `${url} has backups of ${clusters.length} clusters named ${name}, which share no node. The newest of each: ${newest.join("; ")}. ` +
    "Where both live, give one another name or place; where one is gone, delete its backups when they are not needed any more"
  );
}

/** The newest backup of that name at the place, where none of these nodes was in its cluster. */
export async function newestOfOthers(
  place: Place,
  cluster: string,
  ids: ReadonlySet<string>,
): Promise<string | undefined> {
  try {
    const newest = (await place.ids()).filter((id) => isIdOf(cluster, id)).at(-1);
    if (newest === undefined) return undefined;
    const manifest = readManifest(await place.manifest(newest), `${place.url}/${newest}`);
    return share(nodeIds(manifest), ids) ? undefined : nodesText(manifest);
  } catch {
    // What is wrong with an older backup is no matter of this one; `list` and `verify` tell of it.
    return undefined;
  }
}
