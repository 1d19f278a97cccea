/** An engine at the far end of a long way: its calls are under way side by side, so that the servers are kept as busy as from nearby. */
import { setTimeout as sleep } from "node:timers/promises";
import calculateSlot from "cluster-key-slot";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { NodeClient } from "../../cluster/client";
import { type MoveContext, moveSlots } from "../../cluster/mover";
import type { SlotMove } from "../../cluster/plan/types";
import { BareCluster, contextOf } from "../support/bare-cluster";
import { redisBinaries } from "../support/redis-binaries";
import { differences, snapshot } from "../support/snapshot";

const KEYS = 10_000;
const SLOTS = 200;
const THERE: SlotMove = { source: "a0", target: "d0", slots: [{ start: 0, end: SLOTS - 1 }] };
const BACK: SlotMove = { ...THERE, source: "d0", target: "a0" };

let cluster: BareCluster;

beforeAll(async () => {
  const { server } = await redisBinaries("5.0");
  cluster = await BareCluster.form({ server, shards: 3, spares: 1, password: "distance-password" });
  const keys: string[] = [];
  for (let index = 0; keys.length < KEYS; index++)
    if (calculateSlot(`key:${index}`) < SLOTS) keys.push(`key:${index}`);
  const source = await cluster.client("a0");
  await source.pipeline(keys.map((key) => ["SET", key, "v".repeat(100)]));
});
afterAll(() => cluster.stop());

/** The same cluster with this way to each server; `most` is how many draining calls were under way at once. */
function from(oneWayMs: number): { context: MoveContext; seen: { most: number } } {
  const near = contextOf(cluster);
  const seen = { most: 0 };
  let underWay = 0;
  const far = (client: NodeClient): NodeClient => {
    const travel = async <T>(task: () => Promise<T>): Promise<T> => {
      if (oneWayMs > 0) await sleep(oneWayMs);
      const answer = await task();
      if (oneWayMs > 0) await sleep(oneWayMs);
      return answer;
    };
    return {
      node: client.node,
      passwordIndex: client.passwordIndex,
      call: async (...command) => {
        if (command[0] !== "EVALSHA") return travel(() => client.call(...command));
        seen.most = Math.max(seen.most, ++underWay);
        return travel(() => client.call(...command)).finally(() => underWay--);
      },
      callBinary: (...command) => travel(() => client.callBinary(...command)),
      pipeline: (commands) => travel(() => client.pipeline(commands)),
      pipelineBinary: (commands) => travel(() => client.pipelineBinary(commands)),
      close: () => client.close(),
    };
  };
  const client: MoveContext["client"] = async (node, options) => far(await near.client(node, options));
  return { seen, context: { ...near, client, progress: () => undefined } };
}

describe.each(["normal", "high"] as const)("a move at %s impact", (maxMigrationImpact) => {
  it("keeps several calls under way from afar, few from nearby, and moves the same keys", async () => {
    const before = await snapshot(cluster);
    const [near, far] = [from(0), from(12)];
    for (const { context } of [near, far]) {
      const { keysMoved } = await moveSlots({ moves: [THERE] }, { ...context, maxMigrationImpact });
      expect(keysMoved).toBe(KEYS);
      expect(differences(before, await snapshot(cluster))).toEqual([]);
      await moveSlots({ moves: [BACK] }, { ...context, maxMigrationImpact });
      expect(differences(before, await snapshot(cluster))).toEqual([]);
    }
    console.log(
      `${maxMigrationImpact}: at most ${near.seen.most} from nearby, ${far.seen.most} from 12 ms away`,
    );
    expect(near.seen.most).toBeLessThan(8);
    expect(far.seen.most).toBe(8);
  });
});
