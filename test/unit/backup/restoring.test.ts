/** Parts of a restore: the cluster's time, samples within a budget, evictions, limits of servers, replicas that follow. */
import { describe, expect, it } from "vitest";
import { behindMost } from "../../../backup/cluster-time";
import { evictionProblems } from "../../../backup/evictions";
import type { LiveShard } from "../../../backup/fit";
import { untilFollowed } from "../../../backup/follow";
import { raiseLimits } from "../../../backup/limits";
import { Sampler } from "../../../backup/samples";
import type { Reply } from "../../../cluster/client";
import type { Sessions } from "../../../cluster/sessions";
import type { NodeSpec } from "../../../cluster/spec";

describe("the cluster's time", () => {
  it("is that of the primary that is behind most", () =>
    expect(
      behindMost([
        { node: "a", aheadMs: 86_400_000 },
        { node: "b", aheadMs: 86_399_000 },
      ]),
    ).toBe(86_399_000));

  it("is refused where two primaries are more than a minute apart", () =>
    expect(() =>
      behindMost([
        { node: "a", aheadMs: 0 },
        { node: "b", aheadMs: 61_000 },
      ]),
    ).toThrow("the clock of a is 61 s behind that of b"));
});

describe("samples", () => {
  const item = (bytes: number) => ({
    key: Buffer.from("k"),
    slot: 1,
    payload: Buffer.alloc(bytes),
    expiresAtMs: undefined,
  });

  it("stay within their budget, and small ones still find room", () => {
    const sampler = new Sampler(10, 5_000);
    for (let at = 0; at < 10; at++) sampler.offer(item(2_000), 4);
    sampler.offer(item(500), 0);
    expect(sampler.items.map(({ payload }) => payload.length)).toEqual([2_000, 2_000, 500]);
  });

  it("are spread over all keys", () => {
    const sampler = new Sampler(5_000);
    for (let at = 0; at < 5_000; at++) sampler.offer(item(at), 4);
    expect(sampler.items.length).toBeGreaterThan(900);
    expect(sampler.items.length).toBeLessThan(1_100);
    expect(sampler.items.at(-1)?.payload.length).toBeGreaterThan(4_900);
  });
});

describe("evictions", () => {
  it("of the restore's time alone are told, by node", () => {
    const lines = evictionProblems(
      new Map([
        ["a", 5],
        ["b", 7],
      ]),
      new Map([
        ["a", 12],
        ["b", 7],
        ["c", 9],
      ]),
    );
    expect(lines).toEqual([expect.stringMatching(/^a evicted 7 keys meanwhile: its maxmemory is too low/)]);
  });
});

/** Sessions whose nodes answer by `answer`. */
function sessionsThat(answer: (node: string, command: readonly unknown[]) => Reply): Sessions {
  const withClient = async (node: NodeSpec, use: (client: unknown) => Promise<unknown>) =>
    use({ node: node.name, call: async (...command: unknown[]) => answer(node.name, command) });
  return { withClient } as unknown as Sessions;
}

describe("limits of servers", () => {
  const MEBIBYTE = 1024 ** 2;
  const nodes = ["a", "b"].map((name) => ({ name, directives: {} }) as unknown as NodeSpec);
  const largest = (bytes: number) => ({ key: Buffer.from("big"), bytes });

  function servers(over: Readonly<Record<string, number>> = {}, stubborn = "") {
    const limits = new Map<string, number>(
      nodes.flatMap(({ name }) => [
        [`${name} proto-max-bulk-len`, 512 * MEBIBYTE] as const,
        [`${name} client-query-buffer-limit`, 1024 * MEBIBYTE] as const,
      ]),
    );
    for (const [name, value] of Object.entries(over)) limits.set(name, value);
    const sessions = sessionsThat((node, [, verb, name, value]) => {
      const key = `${node} ${String(name)}`;
      if (verb === "SET" && node === stubborn) throw new Error("ERR no");
      if (verb === "SET") limits.set(key, Number(value));
      return verb === "SET" ? "OK" : [String(name), String(limits.get(key))];
    });
    return { limits, sessions };
  }

  it("are left alone for usual values", async () => {
    const { limits, sessions } = servers();
    const before = new Map(limits);
    await raiseLimits({ sessions, nodes, largest: largest(400 * MEBIBYTE), continues: false });
    expect(limits).toEqual(before);
  });

  it("are raised on every node for large ones, and set back", async () => {
    const { limits, sessions } = servers();
    const before = new Map(limits);
    const setBack = await raiseLimits({
      sessions,
      nodes,
      largest: largest(2048 * MEBIBYTE),
      continues: false,
    });
    for (const value of limits.values()) expect(value).toBeGreaterThan(2048 * MEBIBYTE);
    expect(await setBack()).toEqual([]);
    expect(limits).toEqual(before);
  });

  it("that a killed restore has raised are set back to what is declared, or usual", async () => {
    const { limits, sessions } = servers({ "a proto-max-bulk-len": 4096 * MEBIBYTE });
    const setBack = await raiseLimits({ sessions, nodes, largest: largest(600 * MEBIBYTE), continues: true });
    await setBack();
    expect(limits.get("a proto-max-bulk-len")).toBe(512 * MEBIBYTE);
    expect(limits.get("b proto-max-bulk-len")).toBe(512 * MEBIBYTE);
  });

  it("that cannot be raised are told with the key, and what was raised is set back", async () => {
    const { limits, sessions } = servers({}, "b");
    const before = new Map(limits);
    const raising = raiseLimits({ sessions, nodes, largest: largest(600 * MEBIBYTE), continues: false });
    await expect(raising).rejects.toThrow(
      /b: the backup has key "big" of 629145600 bytes, and proto-max-bulk-len cannot be raised/,
    );
    expect(limits).toEqual(before);
  });
});

describe("replicas follow", () => {
  const shard = {
    number: 2,
    primary: { spec: { name: "p" } },
    replicas: [],
    slots: [],
  } as unknown as LiveShard;

  /** What the primary tells, look by look; the last one goes on. */
  async function follow(...lines: readonly string[]) {
    let asked = 0;
    let nowMs = 0;
    const sessions = sessionsThat(() => lines[Math.min(asked++, lines.length - 1)] ?? "");
    const clock = {
      now: () => nowMs,
      sleep: async (ms: number) => {
        nowMs += ms;
      },
    };
    const said = await untilFollowed([shard], { sessions, clock, replicasPerShard: 1, timeoutMs: 5_000 });
    return { said, asked };
  }
  const info = (offset: number, replica: string) =>
    [`master_repl_offset:${offset}`, `slave0:${replica}`].join("\r\n");

  it("once they have what the primary had at the first look, whatever was written since", async () => {
    const { said, asked } = await follow(
      info(100, "ip=1,port=2,state=online,offset=80,lag=0"),
      info(150, "ip=1,port=2,state=online,offset=90,lag=0"),
      info(200, "ip=1,port=2,state=online,offset=100,lag=0"),
    );
    expect(said).toEqual([]);
    expect(asked).toBe(3);
  });

  it.each([
    ["lags", "ip=1,port=2,state=online,offset=80,lag=9"],
    ["gets all data anew", "ip=1,port=2,state=send_bulk,offset=100,lag=0"],
  ])("and one that %s is a warning in the end", async (_, replica) => {
    const { said } = await follow(info(100, replica));
    expect(said).toEqual(["shard 2: 0 of 1 replicas have what p has; `status` tells which is missing"]);
  });
});
