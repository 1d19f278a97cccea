/** A save that is watched, against a node that answers by a script. */
import { describe, expect, it } from "vitest";
import { save } from "../../../backup/save";
import { type NodeClient, RedisReplyError, type Reply } from "../../../cluster/client";

interface Node {
  readonly client: NodeClient;
  readonly said: string[];
  saves: number;
}

/** `after`: what becomes of each save: it ends well, it is killed without a trace, it fails. The last one goes on. */
function nodeThat(after: readonly ("ends" | "is killed" | "fails")[], micros = 500_000): Node {
  let [last, status, running, nowMicros] = [1_000, "ok", 0, micros];
  const node: { saves: number; said: string[] } = { saves: 0, said: [] };
  const info = () => {
    if (running > 0 && --running === 0) {
      const fate = after[Math.min(node.saves, after.length) - 1];
      if (fate === "ends") last = 2_000;
      if (fate === "fails") status = "err";
    }
    return `loading:0\r\nrdb_bgsave_in_progress:${running > 0 ? 1 : 0}\r\naof_rewrite_in_progress:0\r\nrdb_last_bgsave_status:${status}\r\n`;
  };
  const replies: Record<string, () => Reply> = {
    INFO: info,
    TIME: () => {
      nowMicros += 20_000;
      return ["2000", String(nowMicros % 1_000_000)];
    },
    LASTSAVE: () => last,
    BGSAVE: () => {
      node.saves++;
      node.said.push(String(nowMicros % 1_000_000));
      running = 3;
      return "Background saving started";
    },
    CONFIG: () => ["name", "value"],
  };
  const call = async (command: string): Promise<Reply> => {
    const reply = replies[command];
    if (!reply) throw new RedisReplyError(`ERR unknown command ${command}`, "n", command);
    return reply();
  };
  return Object.assign(node, { client: { node: "n", call } as unknown as NodeClient });
}

/** An hour of waiting passes in no time. */
function options() {
  let nowMs = 0;
  const clock = {
    now: () => nowMs,
    sleep: async (ms: number) => {
      nowMs += ms;
    },
  };
  return { clock, timeoutMs: 3_600_000, logTail: async () => "" };
}

describe("a save", () => {
  it("that ends well is one", async () => {
    const node = nodeThat(["ends"]);
    expect(await save(node.client, options())).toEqual({ notBefore: 2_000, path: "value/value" });
    expect(node.saves).toBe(1);
  });

  it("that a full resync has killed is begun again at once", async () => {
    const node = nodeThat(["is killed", "is killed", "ends"]);
    const given = options();
    await save(node.client, given);
    expect(node.saves).toBe(3);
    expect(given.clock.now()).toBeLessThan(60_000);
  });

  it("that is killed each time ends with the cure, not after an hour", async () => {
    const node = nodeThat(["is killed"]);
    const given = options();
    await expect(save(node.client, given)).rejects.toThrow(
      /n: its save was ended from outside 3 times[\s\S]*in sync/,
    );
    expect(node.saves).toBe(3);
    expect(given.clock.now()).toBeLessThan(60_000);
  });

  it("that fails is told, and not tried again", async () => {
    const node = nodeThat(["fails"]);
    await expect(save(node.client, options())).rejects.toThrow("n: its save failed. Its log says why.");
    expect(node.saves).toBe(1);
  });

  it("is not begun at a second's edge, where files are dated by a clock that lags", async () => {
    const node = nodeThat(["ends"], 999_990);
    await save(node.client, options());
    expect(Number(node.said[0])).toBeGreaterThanOrEqual(50_000);
  });
});
