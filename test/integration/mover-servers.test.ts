/** Mover and repair on other servers than the default: later versions, and a hardened 5.0 without EVAL and DEBUG. */

import calculateSlot from "cluster-key-slot";
import { afterEach, describe, expect, it } from "vitest";
import type { Command } from "../../cluster/client";
import { systemClock } from "../../cluster/clock";
import { type MoveContext, moveSlots, QUARANTINE_PREFIX, repairSlots } from "../../cluster/mover";
import { parseClusterNodes } from "../../cluster/parse";
import type { SlotMove } from "../../cluster/plan/types";
import { initialRanges } from "../../cluster/slots";
import { waitUntil } from "../../cluster/wait";
import { BareCluster, contextOf } from "../support/bare-cluster";
import { type RedisLine, redisBinaries } from "../support/redis-binaries";
import { Traffic } from "../support/traffic";

const PASSWORD = "mover-password";
const KEYS = 6_000;
const THERE: readonly SlotMove[] = [{ source: "a0", target: "d0", slots: [{ start: 0, end: 1364 }] }];
/** A primary of 5.0 that loses its last slot may become a replica: this one stays. */
const KEPT: readonly SlotMove[] = [{ source: "c0", target: "d0", slots: [{ start: 16383, end: 16383 }] }];
const BACK: readonly SlotMove[] = [{ source: "d0", target: "a0", slots: [{ start: 0, end: 1364 }] }];

let cluster: BareCluster;
afterEach(() => cluster.stop());

async function form(line: RedisLine, directives: Readonly<Record<string, string>>): Promise<void> {
  const { server } = await redisBinaries(line);
  cluster = await BareCluster.form({
    server,
    shards: 3,
    spares: 1,
    replicas: 1,
    password: PASSWORD,
    directives,
  });
  const ranges = initialRanges([1, 1, 1]);
  for (const [shard, { start, end }] of ranges.entries()) {
    const own = Array.from(
      { length: KEYS },
      (_, index): Command => ["SET", `key:${index}`, `value ${index}`],
    ).filter(([, key]) => calculateSlot(String(key)) >= start && calculateSlot(String(key)) <= end);
    await (await cluster.client(cluster.primaries[shard]?.name ?? "")).pipeline(own);
  }
}

function context(over: Partial<MoveContext> = {}): MoveContext {
  return { ...contextOf(cluster), maxMigrationImpact: "high", progress: () => undefined, ...over };
}

/** Keys without their value, or at more than one primary. */
async function wrongKeys(): Promise<string[]> {
  const found = new Map<string, number>();
  const wrong: string[] = [];
  for (const { name } of cluster.nodes) {
    const client = await cluster.client(name);
    const { myself } = parseClusterNodes(String(await client.call("CLUSTER", "NODES")));
    if (!myself.flags.includes("master")) continue;
    const keys = ((await client.call("KEYS", "key:*")) as string[]).sort();
    const values = await client.pipeline(keys.map((key): Command => ["GET", key]));
    for (const [index, key] of keys.entries()) {
      found.set(key, (found.get(key) ?? 0) + 1);
      if (values[index] !== `value ${key.slice("key:".length)}`)
        wrong.push(`${key} is ${String(values[index])}`);
    }
  }
  for (let index = 0; index < KEYS; index++)
    if (found.get(`key:${index}`) !== 1)
      wrong.push(`key:${index} is at ${found.get(`key:${index}`) ?? 0} primaries`);
  return wrong.slice(0, 10);
}

/** Replicas without their primary's very keys: they must follow what a script moves, and run none themselves. */
async function replicasThatDiffer(): Promise<string[]> {
  const keysAt = async (name: string) =>
    ((await (await cluster.client(name)).call("KEYS", "*")) as string[]).sort().join(" ");
  const differing: string[] = [];
  for (const { name, shard } of cluster.nodes.filter(({ member }) => member > 0)) {
    const primary = cluster.primaries.find((node) => node.shard === shard)?.name ?? "";
    const look = async () => (await keysAt(primary)) === (await keysAt(name)) || `${name} differs`;
    await waitUntil(look, { clock: systemClock, timeoutMs: 10_000, what: `${name} to follow` }).catch(() =>
      differing.push(name),
    );
    if ((await callsOfScripts(name)) > 0) differing.push(`${name} runs scripts`);
  }
  return differing;
}

async function callsOfScripts(name: string): Promise<number> {
  const stats = String(await (await cluster.client(name)).call("INFO", "commandstats"));
  return Number(/cmdstat_evalsha:calls=(\d+)/.exec(stats)?.[1] ?? 0);
}

/** Redis 7 has DEBUG off unless told otherwise: values are compared by their DUMP there. */
const SERVERS: readonly [string, RedisLine, Readonly<Record<string, string>>][] = [
  ["6.2", "6.2", {}],
  // As the kit sets it: else an emptied primary becomes a replica at once.
  ["7.0", "7.0", { "cluster-allow-replica-migration": "no" }],
  ["5.0 without EVAL and DEBUG", "5.0", { "rename-command EVAL": "", "rename-command DEBUG": "" }],
];

describe.each(SERVERS)("Redis %s", (_, line, directives) => {
  it("has its slots moved there and back under clients, with nothing lost", async () => {
    await form(line, directives);
    const traffic = await Traffic.start({ nodes: cluster.primaries.slice(0, 3), password: PASSWORD });
    await moveSlots({ moves: KEPT }, context());
    const results = [];
    for (const moves of [THERE, BACK, THERE]) results.push(await moveSlots({ moves }, context()));
    expect(await traffic.stop()).toMatchObject({ lost: [], wrongReads: [], failed: [] });
    expect(await replicasThatDiffer()).toEqual([]);
    // A few calls of each run tell that scripts are switched off.
    if ("rename-command EVAL" in directives) expect(await callsOfScripts("a0")).toBeLessThan(10);
    else expect(await callsOfScripts("a0")).toBeGreaterThan(10);
    expect(results.map(({ slotsDone, refused }) => [slotsDone, refused])).toEqual([
      [1365, []],
      [1365, []],
      [1365, []],
    ]);
    expect(await wrongKeys()).toEqual([]);
  });

  it("has both values of a key kept where they differ, and the copy removed where they do not", async () => {
    await form(line, directives);
    const [source, target] = [await cluster.client("a0"), await cluster.client("b0")];
    const slot = calculateSlot("{pair}");
    expect(slot).toBeLessThanOrEqual(5460);
    await target.call("CLUSTER", "SETSLOT", slot, "IMPORTING", cluster.node("a0").id);
    for (const [key, there] of [
      ["{pair}:same", "equal"],
      ["{pair}:differs", "the target's"],
    ] as const) {
      await source.call("SET", key, key.endsWith("same") ? there : "the source's");
      await target.pipeline([["ASKING"], ["SET", key, there]]);
    }
    await source.call("CLUSTER", "SETSLOT", slot, "MIGRATING", cluster.node("b0").id);
    const result = await repairSlots([{ start: slot, end: slot }], { ...context(), nodes: cluster.nodes });
    expect(result.repaired).toMatchObject([{ slot, owner: "b0" }]);
    expect(result.conflicts.map(({ key, kept, setAside }) => [String(key), kept, setAside])).toEqual([
      ["{pair}:differs", "a0", "b0"],
    ]);
    const aside = String(result.conflicts[0]?.quarantineKey);
    expect(aside.startsWith(QUARANTINE_PREFIX)).toBe(true);
    expect(await target.call("MGET", "{pair}:same", "{pair}:differs", aside)).toEqual([
      "equal",
      "the source's",
      "the target's",
    ]);
    expect(await source.call("CLUSTER", "COUNTKEYSINSLOT", slot)).toBe(0);
  });
});
