/** The slot mover on real servers: what arrives, what clients notice, and what is left when it stops anywhere. */
import { setTimeout as sleep } from "node:timers/promises";
import calculateSlot from "cluster-key-slot";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Command, NodeClient } from "../../cluster/client";
import { type MoveContext, MoveError, type MoveProgress, moveSlots, repairSlots } from "../../cluster/mover";
import { parseClusterNodes } from "../../cluster/parse";
import type { SlotMove } from "../../cluster/plan/types";
import { BareCluster, contextOf } from "../support/bare-cluster";
import { redisBinaries } from "../support/redis-binaries";
import { awkwardKeys, differences, snapshot } from "../support/snapshot";
import { Traffic, type TrafficReport } from "../support/traffic";

const PASSWORD = "mover-password";
/** Slots 0 to 5460 are a0's, d0 joins empty. */
const MOVED = 1365;
const KEYS = 30_000;
const DEATHS = 30;
const THERE: readonly SlotMove[] = [
  { source: "a0", target: "d0", slots: [{ start: 0, end: MOVED - 1 }] },
  { source: "b0", target: "d0", slots: [{ start: 5461, end: 5461 + 400 }] },
];
const FROM_THREE: readonly SlotMove[] = [
  ...THERE,
  { source: "c0", target: "d0", slots: [{ start: 10_923, end: 11_323 }] },
];
const turned = ({ source, target, slots }: SlotMove): SlotMove => ({ source: target, target: source, slots });
const BACK: readonly SlotMove[] = THERE.map(turned);

/** A primary of 5.0 that loses its last slot may become a replica of the new owner: d0 keeps this one. */
const KEPT: readonly SlotMove[] = [{ source: "c0", target: "d0", slots: [{ start: 16383, end: 16383 }] }];

let cluster: BareCluster;
let server: string;

beforeAll(async () => {
  server = (await redisBinaries("5.0")).server;
  cluster = await BareCluster.form({
    server,
    shards: 3,
    spares: 1,
    replicas: 1,
    password: PASSWORD,
  });
  await load(cluster, KEYS);
  await moveSlots({ moves: KEPT }, context());
});
afterAll(() => cluster.stop());

async function load(into: BareCluster, count: number): Promise<void> {
  const commands = Array.from(
    { length: count },
    (_, index): Command => ["SET", `key:${index}`, `value ${index}`],
  );
  for (const [shard, primary] of into.primaries.slice(0, into.options.shards).entries()) {
    const [start, end] = [Math.round((shard * 16384) / 3), Math.round(((shard + 1) * 16384) / 3)];
    const own = commands.filter(([, key]) => {
      const slot = calculateSlot(String(key));
      return slot >= start && slot < end;
    });
    await (await into.client(primary.name)).pipeline(own);
  }
}

function context(over: Partial<MoveContext> = {}): MoveContext {
  return { ...contextOf(cluster), maxMigrationImpact: "high", progress: () => undefined, ...over };
}

/** What must hold whenever no move is under way. */
async function expectWhole(): Promise<void> {
  for (const { name } of cluster.nodes) {
    const view = parseClusterNodes(String(await (await cluster.client(name)).call("CLUSTER", "NODES")));
    expect([name, ...view.migrating, ...view.importing]).toEqual([name]);
  }
}

describe("what arrives", () => {
  it("is every key of every type, name and size, with its TTL", async () => {
    const source = await cluster.client("a0");
    for (const command of awkwardKeys(MOVED)) await source.call(...(command as [string, ...string[]]));
    const before = await snapshot(cluster);
    const progress: MoveProgress[] = [];
    const result = await moveSlots({ moves: THERE }, context({ progress: (event) => progress.push(event) }));
    expect(result).toMatchObject({
      slotsDone: MOVED + 401,
      slotsTotal: MOVED + 401,
      conflicts: [],
      refused: [],
    });
    expect(result.keysMoved).toBe(result.keysTotal);
    expect(differences(before, await snapshot(cluster))).toEqual([]);
    const target = await cluster.client("d0");
    const binary = [...before.keys()].find((key) => key.includes("\u0000\u0001\u0002"));
    const ttl = Number(await target.call("PTTL", Buffer.from(binary ?? "", "latin1")));
    expect(ttl).toBeGreaterThan(3_000_000);
    expect(progress.length).toBeGreaterThan(0);
    await expectWhole();
    await moveSlots({ moves: BACK }, context());
    expect(differences(before, await snapshot(cluster))).toEqual([]);
  });

  it("is what all nodes agree about, replicas and epochs included", async () => {
    await moveSlots({ moves: THERE }, context());
    const lines = new Set<string>();
    for (const { name } of cluster.nodes) {
      const { myself, peers } = parseClusterNodes(
        String(await (await cluster.client(name)).call("CLUSTER", "NODES")),
      );
      const target = [myself, ...peers].find((peer) => peer.id === cluster.node("d0").id);
      lines.add(JSON.stringify([target?.epoch, target?.slots]));
    }
    expect(lines.size).toBe(1);
    await moveSlots({ moves: BACK }, context());
  });

  it("is a hash of 20 MB, moved alone", async () => {
    const source = await cluster.client("a0");
    const key = keyBelow(MOVED, "hash");
    for (let part = 0; part < 20; part++) {
      const fields = Array.from({ length: 1000 }, (_, index) => [
        `${part}:${index}`,
        "v".repeat(1000),
      ]).flat();
      await source.call("HMSET", key, ...fields);
    }
    const before = await snapshot(cluster);
    await moveSlots({ moves: THERE }, context({ maxMigrationImpact: "normal" }));
    expect(differences(before, await snapshot(cluster))).toEqual([]);
    await moveSlots({ moves: BACK }, context());
    await source.call("UNLINK", key);
  });

  it("is nothing of a slot with a key over 512 MB, which stays closed and is named", async () => {
    const source = await cluster.client("a0");
    const key = keyBelow(MOVED, "huge");
    await source.call("SETRANGE", key, 512 * 1024 * 1024 - 1, "x");
    const { refused } = await moveSlots({ moves: THERE }, context());
    expect(refused).toEqual([
      {
        slot: calculateSlot(key),
        source: "a0",
        reason: expect.stringContaining("MIGRATE cannot carry more than 512 MB"),
      },
    ]);
    expect(refused[0]?.reason).toContain(key);
    await expectWhole();
    await source.call("DEL", key);
    await moveSlots({ moves: THERE }, context());
    await moveSlots({ moves: BACK }, context());
  });
});

/** Runs the body under writing and reading clients, and expects them to have met nothing wrong. */
async function underTraffic(body: () => Promise<void>): Promise<TrafficReport> {
  const traffic = await Traffic.start({ nodes: cluster.primaries.slice(0, 3), password: PASSWORD });
  const failure = await body().then(
    () => undefined,
    (error: unknown) => error ?? new Error("failed"),
  );
  const report = await traffic.stop();
  if (failure !== undefined) throw failure;
  console.log(`${report.writes} writes, longest ${report.longestWriteMs} ms, p99 ${report.p99WriteMs} ms`);
  expect(report).toMatchObject({ lost: [], wrongReads: [], failed: [] });
  return report;
}

function keyBelow(slots: number, name: string): string {
  for (let tag = 0; ; tag++) if (calculateSlot(`{${name}-${tag}}`) < slots) return `{${name}-${tag}}`;
}

describe("clients", () => {
  it("lose no acknowledged write and read nothing wrong while slots move", async () => {
    const report = await underTraffic(async () => {
      for (const impact of ["low", "normal", "high"] as const) {
        await moveSlots({ moves: THERE }, context({ maxMigrationImpact: impact }));
        await moveSlots({ moves: BACK }, context({ maxMigrationImpact: impact }));
      }
    });
    expect(report.writes).toBeGreaterThan(500);
  });
});

describe("a run that stops", () => {
  it("on its signal, at random moments, is continued by the next", async () => {
    const before = await snapshot(cluster);
    let stopped = 0;
    await underTraffic(async () => {
      for (let round = 0; round < 12; round++) {
        const moves = round % 2 === 0 ? THERE : BACK;
        const signal = AbortSignal.timeout(Math.round(20 + Math.random() * 250));
        const end = await moveSlots({ moves }, context({ signal })).catch((error: unknown) => error);
        if (signal.aborted && end === signal.reason) stopped++;
        else expect(end).toMatchObject({ slotsTotal: MOVED + 401 });
        await moveSlots({ moves }, context());
      }
    });
    expect(stopped).toBeGreaterThan(2);
    expect(differences(before, await snapshot(cluster))).toEqual([]);
    await expectWhole();
  });

  it("dead, at any command, is continued by the next", async () => {
    const before = await snapshot(cluster);
    const total = await commandsOf(THERE);
    await commandsOf(BACK);
    await underTraffic(async () => {
      for (let round = 0; round < DEATHS; round++) {
        const moves = round % 2 === 0 ? THERE : BACK;
        const dying = new Dying(Math.ceil(((round + Math.random()) * total) / DEATHS));
        const impact = round % 3 === 0 ? "low" : "high";
        const end = moveSlots({ moves }, context({ client: dying.client, maxMigrationImpact: impact }));
        await end.catch(() => undefined);
        await sleep(Math.random() * 100);
        await repairOpenSlots();
        await moveSlots({ moves }, context());
      }
    });
    expect(differences(before, await snapshot(cluster))).toEqual([]);
    await expectWhole();
  });

  it.each([
    ["low", 300],
    ["high", 60],
  ] as const)(
    "because the target is silent goes on where it wakes up, impact %s",
    async (impact, afterMs) => {
      const before = await snapshot(cluster);
      const warnings: string[] = [];
      const progress = (event: MoveProgress) => void (event.kind === "warning" && warnings.push(event.text));
      const report = await underTraffic(async () => {
        const move = moveSlots({ moves: FROM_THREE }, context({ progress, maxMigrationImpact: impact }));
        for (let pause = 0; pause < 2; pause++) {
          await sleep(afterMs);
          process.kill(cluster.pid("d0"), "SIGSTOP");
          await sleep(2500);
          process.kill(cluster.pid("d0"), "SIGCONT");
        }
        await move;
      });
      expect(report.writes).toBeGreaterThan(0);
      expect(warnings.join("\n")).toMatch(/IOERR/);
      // Three sources, each at most once a silence: more would be one recovery causing the next.
      expect(warnings.length, warnings.join("\n")).toBeLessThanOrEqual(9);
      expect(differences(before, await snapshot(cluster))).toEqual([]);
      await expectWhole();
      await moveSlots({ moves: FROM_THREE.map(turned) }, context());
    },
  );

  it("because the target is full says so, and is continued when it is not", async () => {
    const before = await snapshot(cluster);
    const target = await cluster.client("d0");
    await target.call("CONFIG", "SET", "maxmemory", 1);
    const failed = await moveSlots({ moves: THERE }, context()).catch((error: unknown) => error);
    expect(failed).toBeInstanceOf(MoveError);
    expect(failed).toMatchObject({ code: "memory", message: expect.stringContaining("d0 is out of memory") });
    await target.call("CONFIG", "SET", "maxmemory", 0);
    await moveSlots({ moves: THERE }, context());
    expect(differences(before, await snapshot(cluster))).toEqual([]);
    await moveSlots({ moves: BACK }, context());
  });
});

describe("a source that is emptied", () => {
  it("has moved all its slots, whether it is an empty primary or a replica of the new owner after", async () => {
    const before = await snapshot(cluster);
    const moves: readonly SlotMove[] = [
      { source: "b0", target: "c0", slots: [{ start: 5461, end: 10_922 }] },
    ];
    const result = await moveSlots({ moves }, context());
    expect(result).toMatchObject({ slotsDone: 5462, refused: [], conflicts: [] });
    expect(differences(before, await snapshot(cluster))).toEqual([]);
  });
});

/** What `up` does before anything else: whatever is open is ended first. */
async function repairOpenSlots(): Promise<void> {
  const open = new Set<number>();
  for (const { name } of cluster.nodes) {
    const view = parseClusterNodes(String(await (await cluster.client(name)).call("CLUSTER", "NODES")));
    for (const { slot } of [...view.migrating, ...view.importing]) open.add(slot);
  }
  const slots = [...open].map((slot) => ({ start: slot, end: slot }));
  const { waiting, conflicts } = await repairSlots(slots, { ...context(), nodes: cluster.nodes });
  expect([waiting, conflicts]).toEqual([[], []]);
}

/** How many commands or pipelines a whole run sends. */
async function commandsOf(moves: readonly SlotMove[]): Promise<number> {
  const counting = new Dying(Number.POSITIVE_INFINITY);
  await moveSlots({ moves }, context({ client: counting.client }));
  return counting.sent;
}

/** Connections that all break at once, as those of a process that is killed: what was sent may still be carried out. */
class Dying {
  sent = 0;
  private readonly open: NodeClient[] = [];
  constructor(private readonly lastCommand: number) {}

  readonly client: MoveContext["client"] = async (node, options) => {
    if (this.sent >= this.lastCommand) throw new Error("killed");
    const real = await cluster.connect(node, options?.replyTimeoutMs);
    this.open.push(real);
    const send = <T>(command: () => Promise<T>): Promise<T> => {
      if (++this.sent < this.lastCommand) return command();
      if (this.sent === this.lastCommand) void command().catch(() => undefined);
      setImmediate(() => {
        for (const client of this.open.splice(0)) client.close();
      });
      return Promise.reject(new Error("killed"));
    };
    return {
      node: real.node,
      passwordIndex: real.passwordIndex,
      call: (...command) => send(() => real.call(...command)),
      callBinary: (...command) => send(() => real.callBinary(...command)),
      pipeline: (commands) => send(() => real.pipeline(commands)),
      pipelineBinary: (commands) => send(() => real.pipelineBinary(commands)),
      close: () => real.close(),
    };
  };
}
