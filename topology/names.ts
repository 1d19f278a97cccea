/** What nodes are called where the kit makes their servers. Pure. */

/** `shard` and `member` count from 0. */
export function nodeName(shard: number, member: number): string {
  return `shard-${shard + 1}-${String.fromCharCode("a".charCodeAt(0) + member)}`;
}
