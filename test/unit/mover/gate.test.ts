import { describe, expect, it } from "vitest";
import { Gate } from "../../../cluster/mover/gate";

function later(): { done: Promise<void>; finish: () => void } {
  let finish = () => {};
  const done = new Promise<void>((resolve) => {
    finish = resolve;
  });
  return { done, finish };
}

const turns = () => new Promise((resolve) => setImmediate(resolve));

describe("Gate", () => {
  it("lets many in, the one alone when they have left, and others after it", async () => {
    const gate = new Gate();
    const log: string[] = [];
    const [first, second, single] = [later(), later(), later()];
    const task = (name: string, wait: Promise<void>) => async () => {
      log.push(`${name} in`);
      await wait;
      log.push(`${name} out`);
    };
    const running = [gate.share(task("a", first.done)), gate.share(task("b", second.done))];
    await turns();
    running.push(gate.alone(task("alone", single.done)));
    await turns();
    running.push(gate.share(task("c", Promise.resolve())), gate.alone(task("alone 2", Promise.resolve())));
    for (const { finish } of [first, second, single]) {
      await turns();
      finish();
    }
    await Promise.all(running);
    expect(log).toEqual([
      "a in",
      "b in",
      "a out",
      "b out",
      "alone in",
      "alone out",
      "alone 2 in",
      "alone 2 out",
      "c in",
      "c out",
    ]);
  });

  it("lets in as many as it is wide, in order, and the one alone before those that wait", async () => {
    const gate = new Gate(2);
    const log: string[] = [];
    const ends = new Map<string, () => void>();
    const task = (name: string) => async () => {
      log.push(name);
      await new Promise<void>((resolve) => ends.set(name, resolve));
    };
    const running = ["a", "b", "c", "d", "e"].map((name) => gate.share(task(name)));
    await turns();
    expect(log).toEqual(["a", "b"]);
    ends.get("b")?.();
    await turns();
    expect(log).toEqual(["a", "b", "c"]);
    running.push(gate.alone(task("alone")));
    for (const name of ["a", "c"]) ends.get(name)?.();
    await turns();
    expect(log).toEqual(["a", "b", "c", "alone"]);
    ends.get("alone")?.();
    await turns();
    expect(log).toEqual(["a", "b", "c", "alone", "d", "e"]);
    for (const name of ["d", "e"]) ends.get(name)?.();
    await Promise.all(running);
  });

  it("is as wide as whoever needs most, and narrow again when nobody does any more", async () => {
    const gate = new Gate(1);
    const ends: (() => void)[] = [];
    const enter = () => gate.share(() => new Promise<void>((resolve) => ends.push(resolve)));
    gate.allow("a", 3);
    gate.allow("b", 2);
    const running = Array.from({ length: 4 }, enter);
    await turns();
    expect(ends).toHaveLength(3);
    gate.allow("a", 1);
    gate.allow("b", 1);
    ends[0]?.();
    ends[1]?.();
    await turns();
    expect(ends).toHaveLength(3);
    ends[2]?.();
    await turns();
    expect(ends).toHaveLength(4);
    ends[3]?.();
    await Promise.all(running);
  });

  it("opens again after a failure inside and alone", async () => {
    const gate = new Gate();
    const fail = () => Promise.reject(new Error("no"));
    await expect(gate.share(fail)).rejects.toThrow("no");
    await expect(gate.alone(fail)).rejects.toThrow("no");
    expect(await gate.share(async () => 1)).toBe(1);
  });
});
