/** Which server becomes whose primary or replica. Pure; adding servers at the end moves none that was there before. */

/** What placement looks at. */
export interface PlacedServer {
  readonly name: string;
  readonly zone: string;
}

/** Servers of one shard, preferred primary first. */
export type ShardServers<Server> = readonly Server[];

/** Fewest shards that make a cluster; also the size of the first block. */
const MIN_SHARDS = 3;

/**
 * Cuts the list into blocks, each the shortest run of servers that fills whole shards with members in different zones:
 * the first block is the smallest cluster (three shards), every later one mostly one shard. A block is decided by its own
 * servers alone, so servers that are appended never move those before them. Within a block a shard takes the first server
 * that is left, and the next ones in other zones that leave the rest placeable.
 * Where there are fewer zones than members of a shard, nothing can be kept apart, and neighbours become shards.
 * Returns undefined where the servers at the end cannot be placed so.
 */
export function placeServers<Server extends PlacedServer>(
  servers: readonly Server[],
  members: number,
): ShardServers<Server>[] | undefined {
  const isApart = new Set(servers.map(({ zone }) => zone)).size >= members;
  const shards: ShardServers<Server>[] = [];
  for (let start = 0; start < servers.length; ) {
    const first = shards.length === 0 ? MIN_SHARDS * members : members;
    const block = nextBlock(servers.slice(start), first, members, isApart);
    if (block === undefined) return undefined;
    shards.push(...block);
    start += block.length * members;
  }
  return preferPrimaries(shards);
}

function nextBlock<Server extends PlacedServer>(
  left: readonly Server[],
  first: number,
  members: number,
  isApart: boolean,
): Server[][] | undefined {
  for (
    let size = Math.min(first, left.length - (left.length % members));
    size <= left.length;
    size += members
  ) {
    const block = size > 0 ? fill(left.slice(0, size), members, isApart) : undefined;
    if (block !== undefined) return block;
    if (size === 0) return undefined;
  }
  return undefined;
}

function fill<Server extends PlacedServer>(
  servers: readonly Server[],
  members: number,
  isApart: boolean,
): Server[][] | undefined {
  if (isApart && !isPlaceable(servers, members)) return undefined;
  const shards: Server[][] = [];
  let left = servers;
  while (left.length > 0) {
    const shard: Server[] = [];
    while (shard.length < members) {
      const next = left.find(
        (server) => !isApart || leavesRestPlaceable(server, shard, without(left, server), members),
      );
      if (next === undefined) return undefined;
      shard.push(next);
      left = without(left, next);
    }
    shards.push(shard);
  }
  return shards;
}

function without<Server>(list: readonly Server[], one: Server): Server[] {
  return list.filter((each) => each !== one);
}

/** n shards of m members in different zones exist exactly if no zone has more than n of the n * m servers. */
function isPlaceable(servers: readonly PlacedServer[], members: number): boolean {
  const shards = servers.length / members;
  return Math.max(0, ...countByZone(servers).values()) <= shards;
}

/**
 * Whether `server` may be the next member of the open `shard`: in a zone of its own, and what is left fills the shard's
 * other places and the shards after it. Zones as full as there are shards left must give a member to every one of them.
 */
function leavesRestPlaceable(
  server: PlacedServer,
  shard: readonly PlacedServer[],
  left: readonly PlacedServer[],
  members: number,
): boolean {
  const used = new Set([...shard, server].map(({ zone }) => zone));
  if (used.size <= shard.length) return false;
  const open = members - shard.length - 1;
  const shardsAfter = (left.length - open) / members;
  const counts = [...countByZone(left)];
  if (counts.some(([zone, count]) => count > shardsAfter + (used.has(zone) ? 0 : 1))) return false;
  const owed = counts.filter(([zone, count]) => !used.has(zone) && count > shardsAfter).length;
  const others = counts.filter(([zone]) => !used.has(zone)).length;
  return owed <= open && others >= open;
}

function countByZone(servers: readonly PlacedServer[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { zone } of servers) counts.set(zone, (counts.get(zone) ?? 0) + 1);
  return counts;
}

/** In each shard the member comes first whose zone has the fewest primaries so far, so that no zone gathers a majority. */
function preferPrimaries<Server extends PlacedServer>(
  shards: readonly ShardServers<Server>[],
): ShardServers<Server>[] {
  const primaries = new Map<string, number>();
  return shards.map((shard) => {
    const load = ({ zone }: Server) => primaries.get(zone) ?? 0;
    const primary = shard.reduce((best, each) => (load(each) < load(best) ? each : best));
    primaries.set(primary.zone, load(primary) + 1);
    return [primary, ...without(shard, primary)];
  });
}
