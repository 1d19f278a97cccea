import { describe, expect, it } from "vitest";
import { type NodeClient, RedisReplyError, type Reply, UnreachableError } from "../../../cluster/client";
import { type DrainOptions, drain, MAX_DRAINED_KEY_BYTES, slotsForCall } from "../../../cluster/mover/drain";
import type { Pair } from "../../../cluster/mover/pair";

const OPTIONS: DrainOptions = {
  timeoutMs: 300,
  batch: { maxKeys: 100, maxBytes: 65_536.5 },
  meanBytes: 0,
  maxSlots: 64,
  budgetMs: 1.5,
};

/** A source that answers these in turn, and what it was asked. */
function source(...answers: (Reply | Error)[]): { pair: Pair; asked: (string | number | Buffer)[][] } {
  const asked: (string | number | Buffer)[][] = [];
  const call: NodeClient["call"] = async (...command) => {
    asked.push(command);
    const answer = answers.shift() ?? null;
    if (answer instanceof Error) throw answer;
    return answer;
  };
  const migrate = { node: "a0", call } as NodeClient;
  return { pair: { migrate, address: { host: "10.0.0.2", port: 7001 }, password: "secret" } as Pair, asked };
}

describe("one call of the draining script", () => {
  it.each<[string, Reply, { kind: string; done: number }]>([
    ["all slots", [61, 14_274, 3, 420], { kind: "moved", done: 3 }],
    ["as many as the time allows", [100, 23_400, 1, 1600], { kind: "moved", done: 1 }],
    ["until a key that travels alone", [3, 700, 2, 90, "LARGE"], { kind: "slot", done: 2 }],
    [
      "until a key that is at the target too",
      [3, 700, 2, 90, "ERR Target instance replied with error: BUSYKEY Target key name already exists."],
      { kind: "slot", done: 2 },
    ],
    [
      "until the target is silent",
      [0, 0, 0, 300_000, "IOERR error or timeout reading to target instance"],
      { kind: "retry", done: 0 },
    ],
    [
      "until the target wants a password",
      [0, 0, 0, 90, "ERR Target instance replied with error: NOAUTH Authentication required."],
      { kind: "refused", done: 0 },
    ],
    [
      "nothing where effects are not replicated",
      [0, 0, 0, 0, "effects are not replicated"],
      { kind: "refused", done: 0 },
    ],
  ])("moves %s", async (_, answer, expected) => {
    const [keys, bytes, , us] = answer as number[];
    const drained = await drain(source(answer).pair, [5, 6, 7], OPTIONS);
    expect(drained).toMatchObject({ ...expected, keys, bytes, tookMs: (us ?? 0) / 1000 });
  });

  it("names bounds and slots, never the password", async () => {
    const { pair, asked } = source([0, 0, 24, 1]);
    await drain(
      pair,
      Array.from({ length: 128 }, (_, slot) => slot),
      OPTIONS,
    );
    const [name, , keys, ...args] = asked[0] ?? [];
    expect([name, keys]).toEqual(["EVALSHA", 0]);
    expect(args.slice(0, 8)).toEqual(["10.0.0.2", 7001, 300, 100, 65_536, MAX_DRAINED_KEY_BYTES, 0, 1500]);
    expect(args.slice(8)).toEqual(Array.from({ length: 64 }, (_, slot) => slot));
    expect(JSON.stringify(asked)).not.toContain("secret");
  });

  it.each([
    [0, 4],
    [1, 4],
    [5, 12],
    [40, 64],
  ])("after one that got through %i slots is told of %i", (done, slots) =>
    expect(slotsForCall(done)).toBe(slots),
  );

  it("sends its text where the server does not know it", async () => {
    const unknown = new RedisReplyError("NOSCRIPT No matching script. Please use EVAL.", "a0", "EVALSHA");
    const { pair, asked } = source(unknown, [1, 234, 1, 80]);
    expect(await drain(pair, [5], OPTIONS)).toMatchObject({ kind: "moved", keys: 1 });
    expect(asked.map(([name]) => name)).toEqual(["EVALSHA", "EVAL"]);
    expect(asked[1]?.slice(2)).toEqual(asked[0]?.slice(2));
  });

  it("is refused by a server without scripts, and fails with one that is gone", async () => {
    const without = new RedisReplyError("ERR unknown command `EVALSHA`", "a0", "EVALSHA");
    expect(await drain(source(without).pair, [5], OPTIONS)).toMatchObject({ kind: "refused", done: 0 });
    const gone = new UnreachableError("a0", "closed", "connection lost");
    await expect(drain(source(gone).pair, [5], OPTIONS)).rejects.toBe(gone);
  });
});
