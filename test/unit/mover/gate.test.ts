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

  it("opens again after a failure inside and alone", async () => {
    const gate = new Gate();
    const fail = () => Promise.reject(new Error("no"));
    await expect(gate.share(fail)).rejects.toThrow("no");
    await expect(gate.alone(fail)).rejects.toThrow("no");
    expect(await gate.share(async () => 1)).toBe(1);
  });
});
