/** The loader against servers that answer by a script: what it tries again, what ends it, what it takes for its own. */
import { setImmediate as tick } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import type { LiveShard } from "../../../backup/fit";
import { type Item, Loader, type LoaderOptions } from "../../../backup/load";
import { CommandRefusedError, type Errors, type Wire } from "../../../backup/wire";
import { UnreachableError } from "../../../cluster/client";
import type { NodeSpec } from "../../../cluster/spec";

const spec = { name: "shard-1-a" } as NodeSpec;
const SHARD = {
  number: 1,
  primary: { spec },
  replicas: [],
  slots: [{ start: 0, end: 16_383 }],
} as unknown as LiveShard;

const item = (name: string, bytes = 4): Item => ({
  key: Buffer.from(name),
  slot: 7,
  payload: Buffer.alloc(bytes),
  expiresAtMs: undefined,
});

type Answer = (items: readonly Item[]) => Promise<Errors>;

function loaderOver(answer: Answer, over: Partial<LoaderOptions> = {}) {
  let nowMs = 0;
  const sent: number[] = [];
  const compared: string[] = [];
  const restore = (items: readonly Item[]) => {
    sent.push(items.length);
    return answer(items);
  };
  const clock = {
    now: () => nowMs,
    sleep: async (ms: number) => {
      nowMs += ms;
      await tick();
    },
  };
  const loader = new Loader({
    open: async () => ({ restore, close: () => undefined }) as unknown as Wire,
    clock,
    shards: async () => [SHARD],
    continues: false,
    compare: async (_, items) => {
      compared.push(...items.map(({ key }) => key.toString()));
      return [];
    },
    ...over,
  });
  return { loader, sent, compared, clock };
}

async function load(loader: Loader, items: readonly Item[]): Promise<void> {
  await loader.open();
  for (const one of items) await loader.add(one);
  await loader.finish();
}

const FINE: Errors = new Map();
const busy = (...at: number[]): Errors =>
  new Map(at.map((index) => [index, "BUSYKEY Target key name already exists."]));
const gone = async (): Promise<Errors> => {
  throw new UnreachableError("shard-1-a", "closed", "connection lost");
};

describe("keys that are there already", () => {
  it("end a restore that did not write them", async () => {
    const { loader } = loaderOver(async () => busy(1));
    await expect(load(loader, [item("a"), item("b")])).rejects.toThrow(
      /key "b" came into being on shard-1-a/,
    );
  });

  it("are compared, every one, where a killed restore may have written them", async () => {
    const { loader, compared } = loaderOver(async () => busy(0, 2), { continues: true });
    await load(loader, [item("a"), item("b"), item("c")]);
    expect(compared).toEqual(["a", "c"]);
    expect({ present: loader.present, restored: loader.restored }).toEqual({ present: 2, restored: 1 });
  });

  it("are compared after a lost connection, too", async () => {
    let tries = 0;
    const { loader, compared } = loaderOver(() => (tries++ === 0 ? gone() : Promise.resolve(busy(0))));
    await load(loader, [item("a"), item("b")]);
    expect(compared).toEqual(["a"]);
  });

  it("end it where they are not what the backup has", async () => {
    const compare = async () => ['key "a" on shard-1-a has another value'];
    const { loader } = loaderOver(async () => busy(0), { continues: true, compare });
    await expect(load(loader, [item("a")])).rejects.toThrow(
      /key "a" on shard-1-a has another value, and it was there before[\s\S]*Nothing of theirs was overwritten/,
    );
  });
});

describe("a server that takes no more", () => {
  it("because of one value is told with its key, at once", async () => {
    const { loader, sent } = loaderOver(async () => {
      throw new CommandRefusedError(1, "ERR Protocol error: invalid bulk length");
    });
    await expect(load(loader, [item("a"), item("big", 2_000)])).rejects.toThrow(
      /shard-1-a does not take key "big", whose value has 2000 bytes: ERR Protocol error[\s\S]*proto-max-bulk-len/,
    );
    expect(sent).toEqual([2]);
  });

  it("is tried for a minute, then the largest key is named", async () => {
    const { loader, clock } = loaderOver(gone);
    await expect(load(loader, [item("a"), item("big", 900)])).rejects.toThrow(
      /restoring stopped: shard-1-a: connection lost\. 2 keys could not be written, the largest of them "big" of 900 bytes/,
    );
    expect(clock.now()).toBeLessThan(62_000);
  });
});

describe("one failure ends all", () => {
  it("also batches that are being tried again", async () => {
    const isBad = (items: readonly Item[]) => items[0]?.key.toString() === "bad";
    const answer: Answer = async (items) => (isBad(items) ? new Map([[0, "ERR no such type"]]) : gone());
    const { loader, sent, clock } = loaderOver(answer);
    await loader.open();
    for (const name of ["lost", "bad"]) await loader.add(item(name, 2 * 1024 * 1024));
    await expect(loader.finish()).rejects.toThrow('did not take key "bad"');
    const before = sent.length;
    await loader.close();
    const ended = clock.now();
    for (let turn = 0; turn < 20; turn++) await tick();
    expect(sent.length - before).toBeLessThanOrEqual(1);
    expect({ sent: sent.length, now: clock.now() }).toEqual({ sent: sent.length, now: ended });
  });

  it("and after close nothing is sent", async () => {
    const { loader, sent } = loaderOver(gone);
    await loader.open();
    await loader.add(item("lost", 2 * 1024 * 1024));
    await loader.close();
    const before = sent.length;
    for (let turn = 0; turn < 20; turn++) await tick();
    expect(sent).toHaveLength(before);
    await expect(loader.add(item("more", 2 * 1024 * 1024))).rejects.toThrow();
    expect(sent).toHaveLength(before);
  });

  it("an interruption ends what is tried again", async () => {
    const interruption = new AbortController();
    const { loader } = loaderOver(
      async () => {
        interruption.abort(new Error("interrupted"));
        return gone();
      },
      { signal: interruption.signal },
    );
    await expect(load(loader, [item("a")])).rejects.toThrow("interrupted");
  });
});

it("fine answers are counted", async () => {
  const { loader } = loaderOver(async () => FINE);
  await load(loader, [item("a"), item("b")]);
  expect(loader.restored).toBe(2);
});
