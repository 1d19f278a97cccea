/** The wait for a server that was stopped and started: what it takes for an answer, and when it gives up. */
import { describe, expect, test } from "vitest";
import type { Clock } from "../../../cluster/clock";
import { UserError } from "../../../hosts/errors";
import type { HostFacts } from "../../../hosts/host";
import { AccessError } from "../../../hosts/ssh/errors";
import { waitForAnswer } from "../../../provider/server-answers";

const NODE = { name: "shard-1-b", host: "10.60.16.11", port: 6379, busPort: 16_379 };
const SILENT: HostFacts = { process: "unknown", data: "unknown", detail: "connection refused" };
const STOPPED: HostFacts = { process: "stopped", data: "present" };

/** Time passes in sleeps alone. */
function fakeClock(): Clock & { ms: number } {
  const clock = {
    ms: 0,
    now: () => clock.ms,
    sleep: async (ms: number, signal?: AbortSignal) => {
      signal?.throwIfAborted();
      clock.ms += ms;
    },
  };
  return clock;
}

/** A server that says what `saysAt` says at that time. */
function waiting(saysAt: (ms: number) => HostFacts | Error, signal?: AbortSignal) {
  const clock = fakeClock();
  const reported: string[] = [];
  const inspect = async () => {
    const said = saysAt(clock.ms);
    if (said instanceof Error) throw said;
    return said;
  };
  const options = { clock, report: (line: string) => reported.push(line), ...(signal ? { signal } : {}) };
  return { clock, reported, done: waitForAnswer(NODE, { inspect }, options) };
}

describe("a server that was stopped and started", () => {
  test("is waited for until its process is known, running or not", async () => {
    const { clock, reported, done } = waiting((ms) => (ms < 90_000 ? SILENT : STOPPED));
    await done;
    expect(clock.ms).toBeGreaterThanOrEqual(90_000);
    expect(clock.ms).toBeLessThan(100_000);
    expect(reported[0]).toBe("waiting for the server of shard-1-b: connection refused");
  });

  test("that answers at once is not waited for", async () => {
    const { clock, done } = waiting(() => ({ ...STOPPED, process: "running" }));
    await done;
    expect(clock.ms).toBe(0);
  });

  test("may turn users away while it boots", async () => {
    const nologin = new AccessError("it does not let redis-cluster-kit in");
    const says = (ms: number) => (ms < 30_000 ? SILENT : ms < 60_000 ? nologin : STOPPED);
    await waiting(says).done;
  });

  test("that keeps turning the user away is told in the way's own words, after two minutes", async () => {
    const refused = new AccessError("it does not let redis-cluster-kit in with the declared key");
    const { clock, done } = waiting(() => refused);
    await expect(done).rejects.toBe(refused);
    expect(clock.ms).toBeGreaterThanOrEqual(120_000);
    expect(clock.ms).toBeLessThan(130_000);
  });

  test("that never answers is told with what was seen and what to do", async () => {
    const { clock, done } = waiting(() => SILENT);
    await expect(done).rejects.toThrow(UserError);
    await expect(done).rejects.toThrow(
      /shard-1-b \(10.60.16.11\) does not answer, 15 min [\s\S]*connection refused[\s\S]*get-console-output[\s\S]*pulumi up/,
    );
    expect(clock.ms).toBeLessThan(16 * 60_000);
  });

  test("is not waited for any longer once the run is aborted", async () => {
    const controller = new AbortController();
    const { done } = waiting((ms) => {
      if (ms > 5_000) controller.abort(new Error("stopped by the user"));
      return SILENT;
    }, controller.signal);
    await expect(done).rejects.toThrow("stopped by the user");
  });

  test("whose look fails for another reason fails the wait: that is a fault of ours", async () => {
    await expect(waiting(() => new TypeError("broken")).done).rejects.toThrow("broken");
  });
});
