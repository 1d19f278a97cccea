import { afterEach, describe, expect, test, vi } from "vitest";
import { watchParent } from "../../../provider/watchdog";

/** A process whose parent and business the test decides. */
function watched(isBusy: boolean) {
  vi.useFakeTimers();
  const seen = { aborted: [] as string[], exits: [] as number[] };
  let parent = 100;
  const stop = watchParent({
    isBusy: () => isBusy,
    abort: (reason) => seen.aborted.push(reason.message),
    exit: (code) => seen.exits.push(code),
    parent: () => parent,
  });
  return {
    seen,
    stop,
    adopt: () => {
      parent = 1;
    },
  };
}

afterEach(() => vi.useRealTimers());

describe("when the engine has gone", () => {
  test("an idle plugin ends at once", () => {
    const { seen, adopt, stop } = watched(false);
    vi.advanceTimersByTime(10_000);
    expect(seen.exits).toEqual([]);
    adopt();
    vi.advanceTimersByTime(500);
    expect(seen).toEqual({ aborted: [], exits: [1] });
    stop();
  });

  test("a busy one aborts its run and ends within two seconds", () => {
    const { seen, adopt } = watched(true);
    adopt();
    vi.advanceTimersByTime(500);
    expect(seen.aborted).toEqual(["the Pulumi engine has ended; running `up` again continues"]);
    expect(seen.exits).toEqual([]);
    vi.advanceTimersByTime(1_500);
    expect(seen.exits).toEqual([1]);
    vi.advanceTimersByTime(10_000);
    expect(seen.exits, "once").toEqual([1]);
  });
});

describe("a signal", () => {
  test("ends an idle plugin at once and well: the engine sends it when it is done", () => {
    const { seen } = watched(false);
    process.emit("SIGINT");
    expect(seen).toEqual({ aborted: [], exits: [0] });
  });

  test("aborts the run of a busy one first", () => {
    const { seen } = watched(true);
    process.emit("SIGTERM");
    expect(seen.aborted).toEqual(["interrupted; running `up` again continues"]);
    vi.advanceTimersByTime(1_500);
    expect(seen.exits).toEqual([0]);
  });
});
