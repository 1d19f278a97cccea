/** Every key of a bare cluster with a digest of its value: two snapshots are equal where nothing was lost, changed or doubled. */
import calculateSlot from "cluster-key-slot";
import type { Command, NodeClient } from "../../cluster/client";
import { parseClusterNodes } from "../../cluster/parse";
import { expandRanges } from "../../cluster/slots";
import type { BareCluster } from "./bare-cluster";

const SCAN_COUNT = 1000;

/** Key, as latin1 text, to DEBUG DIGEST-VALUE (which tells whether a TTL is set, too). */
export type Snapshot = ReadonlyMap<string, string>;

/** @throws Error where a key is at two primaries or beside the owner of its slot. */
export async function snapshot(cluster: BareCluster, ignored = "traffic:"): Promise<Snapshot> {
  const digests = new Map<string, string>();
  for (const { name } of cluster.nodes) {
    const client = await cluster.client(name);
    const { myself } = parseClusterNodes(String(await client.call("CLUSTER", "NODES")));
    if (!myself.flags.includes("master")) continue;
    const owned = new Set(expandRanges(myself.slots));
    for (const [key, digest] of await digestsAt(client)) {
      if (key.startsWith(ignored)) continue;
      if (digests.has(key)) throw new Error(`${JSON.stringify(key)} is at ${name} and at another primary`);
      const slot = calculateSlot(Buffer.from(key, "latin1"));
      if (!owned.has(slot))
        throw new Error(`${JSON.stringify(key)} is at ${name}, which does not own slot ${slot}`);
      digests.set(key, digest);
    }
  }
  return digests;
}

async function digestsAt(client: NodeClient): Promise<Map<string, string>> {
  const digests = new Map<string, string>();
  let cursor = "0";
  do {
    const reply = await client.callBinary("SCAN", cursor, "COUNT", SCAN_COUNT);
    const [next, keys] = reply as [Buffer, Buffer[]];
    cursor = String(next);
    if (keys.length === 0) continue;
    const values = (await client.call("DEBUG", "DIGEST-VALUE", ...keys)) as string[];
    for (const [index, key] of keys.entries()) digests.set(key.toString("latin1"), values[index] ?? "");
  } while (cursor !== "0");
  return digests;
}

/** At most ten lines; empty where both are the same. */
export function differences(before: Snapshot, after: Snapshot): string[] {
  const lines: string[] = [];
  for (const [key, digest] of before) {
    const now = after.get(key);
    if (now === undefined) lines.push(`${JSON.stringify(key)} is gone`);
    else if (now !== digest) lines.push(`${JSON.stringify(key)} has another value`);
  }
  for (const key of after.keys()) if (!before.has(key)) lines.push(`${JSON.stringify(key)} appeared`);
  return lines.slice(0, 10);
}

/** One command for each type of value and each kind of name that has ever been hard to move, all in the slots below `slotsBelow`. */
export function awkwardKeys(slotsBelow: number): Command[] {
  const bytes = Buffer.from(Array.from({ length: 256 }, (_, index) => index));
  const binary = bytes.toString("latin1");
  const far = 3_600_000;
  return [
    ...[
      "plain",
      "with\\back\\slashes\\n",
      "with\r\nline\nends",
      `with "quotes" and 'others'`,
      "",
      " ",
      "ünï",
    ].map((name) => keyed(slotsBelow, name, (key) => ["SET", key, name])),
    keyed(slotsBelow, binary.replace(/[{}]/g, ""), (key) => ["SET", key, bytes, "PX", far]),
    keyed(slotsBelow, "list", (key) => ["RPUSH", key, "a", bytes, "c"]),
    keyed(slotsBelow, "set", (key) => [
      "SADD",
      key,
      ...Array.from({ length: 700 }, (_, index) => `member ${index}`),
    ]),
    keyed(slotsBelow, "intset", (key) => ["SADD", key, 1, 2, 3, 70_000]),
    keyed(slotsBelow, "zset", (key) => ["ZADD", key, 1, "one", 2.5, bytes, -3, "three"]),
    keyed(slotsBelow, "hash", (key) => ["HMSET", key, "field", bytes, bytes, "value"]),
    keyed(slotsBelow, "stream", (key) => ["XADD", key, "1-1", "field", bytes]),
    keyed(slotsBelow, "hyperloglog", (key) => ["PFADD", key, "a", "b", "c"]),
    keyed(slotsBelow, "bits", (key) => ["SETBIT", key, 100_000, 1]),
    keyed(slotsBelow, "large string", (key) => ["SET", key, "x".repeat(3_000_000)]),
  ];
}

/** A key whose tag is in the wanted slots and whose rest is `name`. */
function keyed(slotsBelow: number, name: string, command: (key: Buffer) => Command): Command {
  for (let tag = 0; ; tag++) {
    const key = Buffer.from(`{${name.length}-${tag}}${name}`, "latin1");
    if (calculateSlot(key) < slotsBelow) return command(key);
  }
}
